import { TextField } from "@/ui/Field";

interface Props {
  name: string;
  typed: string;
  setTyped: (text: string) => void;
}

// TypedName asks for the name of what would be lost.
export function TypedName({ name, typed, setTyped }: Props) {
  return (
    <TextField
      label={`Type ${name} to confirm`}
      value={typed}
      onChange={(event) => setTyped(event.target.value)}
      autoFocus
    />
  );
}

export const notTyped = (name: string, typed: string): string | undefined =>
  typed === name ? undefined : `Type ${name} to confirm.`;
