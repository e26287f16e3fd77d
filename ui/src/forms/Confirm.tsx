import { useState } from "react";
import type { ReactNode } from "react";
import { Dialog } from "@/ui/Dialog";
import { Failure, Notice } from "@/ui/Notice";
import { StartButtons } from "./StartButtons";
import { notTyped, TypedName } from "./TypedName";

interface Props {
  title: string;
  children: ReactNode; // exactly what is lost or what will happen
  label: string;
  name?: string; // to be typed, where something is lost for good
  danger?: boolean;
  act: () => Promise<unknown>;
  close: () => void;
}

// Confirm asks before something that is not an ordinary operation of a VM.
export function Confirm({ title, children, label, name, danger, act, close }: Props) {
  const [typed, setTyped] = useState("");
  const [pending, setPending] = useState(false);
  const [error, setError] = useState<unknown>();
  const submit = async () => {
    setPending(true);
    setError(undefined);
    try {
      await act();
      close();
    } catch (failure) {
      setError(failure);
      setPending(false);
    }
  };
  return (
    <Dialog title={title} close={close}>
      <form
        className="space-y-3"
        onSubmit={(event) => {
          event.preventDefault();
          void submit();
        }}
      >
        <Notice tone={danger ? "attention" : "info"}>{children}</Notice>
        {name && <TypedName name={name} typed={typed} setTyped={setTyped} />}
        <Failure error={error} />
        <StartButtons label={label} danger={danger} close={close} pending={pending} why={name ? notTyped(name, typed) : undefined} />
      </form>
    </Dialog>
  );
}
