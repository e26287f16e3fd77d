import { useState } from "react";
import { ask } from "@/api/actions";
import type { Held, Operation } from "@/api/nouns";
import { Dialog } from "@/ui/Dialog";
import { TextField } from "@/ui/Field";
import { bytes, shortID } from "@/ui/format";
import { Failure } from "@/ui/Notice";
import { cli } from "./commands";
import { CopyAs } from "./CopyAs";
import { PlanPreview } from "./PlanPreview";
import { errorsOf, unplaced, usePlan, useStart } from "./start";
import { StartButtons } from "./StartButtons";

export interface StrayProps {
  pool: Operation["subject"];
  stray: Held;
  started: () => void;
  close: () => void;
}

// AdoptVolume takes a volume that belongs to nobody into the inventory.
export function AdoptVolume({ pool, stray, started, close }: StrayProps) {
  const [name, setName] = useState("");
  const body = { name, host: stray.host_name };
  const start = useStart();
  const what = ask.adoptVolume(pool.id, stray.volume_id, body);
  const preview = usePlan(name ? what : undefined, start);
  const error = start.error ?? preview.error;
  return (
    <Dialog title={`Take in ${shortID(stray.volume_id)}`} close={close}>
      <form
        className="space-y-3"
        onSubmit={(event) => {
          event.preventDefault();
          start.mutate(what, {
            onSuccess: () => {
              started();
              close();
            },
          });
        }}
      >
        <p className="text-sm text-muted">
          It becomes a volume of {bytes(stray.size_bytes)} that belongs to no VM, in the project you work in. What is on it stays.
        </p>
        <TextField
          label="Name of the volume"
          autoFocus
          placeholder="data-1"
          value={name}
          onChange={(event) => setName(event.target.value)}
          error={errorsOf(error).name}
          hint="By this it is known from then on."
        />
        <PlanPreview preview={preview} hideError />
        <CopyAs ask={what} command={cli.adoptVolume(pool.name, stray.volume_id, body)} />
        <Failure error={unplaced(error, ["name"])} />
        <StartButtons label="Take it in" close={close} pending={start.isPending} why={name ? undefined : "It needs a name."} />
      </form>
    </Dialog>
  );
}
