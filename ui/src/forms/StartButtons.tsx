import { Button } from "@/ui/Button";
import { Buttons } from "@/ui/Dialog";

interface Props {
  label: string;
  close: () => void;
  pending: boolean;
  why?: string;
  danger?: boolean;
}

// StartButtons ends a form: do it, or leave it.
export function StartButtons({ label, close, pending, why, danger }: Props) {
  return (
    <Buttons>
      <Button onClick={close}>Cancel</Button>
      <Button kind={danger ? "danger" : "primary"} type="submit" why={why} disabled={pending}>
        {pending ? "Sending…" : label}
      </Button>
    </Buttons>
  );
}
