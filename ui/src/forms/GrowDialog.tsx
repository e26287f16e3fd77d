import { useState } from "react";
import type { Ask } from "@/api/actions";
import { Dialog } from "@/ui/Dialog";
import { TextField } from "@/ui/Field";
import { bytes } from "@/ui/format";
import { Failure } from "@/ui/Notice";
import { CopyAs } from "./CopyAs";
import { PlanPreview } from "./PlanPreview";
import { errorsOf, unplaced, usePlan, useStart } from "./start";
import { StartButtons } from "./StartButtons";

const GiB = 2 ** 30;

interface Props {
  title: string;
  has: number; // bytes
  note?: string;
  ask: (bytes: number) => Ask;
  command: (bytes: number) => string;
  close: () => void;
}

// GrowDialog asks how large a volume is to be, and proposes twice what it has.
export function GrowDialog({ title, has, note, ask, command, close }: Props) {
  const [wanted, setWanted] = useState(String(Math.ceil((has * 2) / GiB)));
  const to = Math.round(Number(wanted) * GiB);
  const start = useStart();
  const what = ask(to);
  const preview = usePlan(to > 0 ? what : undefined, start);
  const error = start.error ?? preview.error;
  const errors = errorsOf(error);
  return (
    <Dialog title={title} close={close}>
      <form
        className="space-y-3"
        onSubmit={(event) => {
          event.preventDefault();
          start.mutate(what, { onSuccess: close });
        }}
      >
        <p className="text-sm text-muted">
          It has {bytes(has)} now and is never made smaller. {note}
        </p>
        <TextField label="Size, GiB" type="number" min={0} step="any" value={wanted} onChange={(event) => setWanted(event.target.value)} error={errors.size_bytes} />
        <PlanPreview preview={preview} hideError />
        <CopyAs ask={what} command={command(to)} />
        <Failure error={unplaced(error, ["size_bytes"])} />
        <StartButtons label="Grow" close={close} pending={start.isPending} why={to > 0 ? undefined : "Say how large it is to be."} />
      </form>
    </Dialog>
  );
}
