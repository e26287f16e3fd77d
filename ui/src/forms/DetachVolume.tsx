import { useState } from "react";
import { ask } from "@/api/actions";
import type { Volume } from "@/api/nouns";
import { labelOf } from "@/api/volume";
import { Dialog } from "@/ui/Dialog";
import { TextField } from "@/ui/Field";
import { Failure, Notice } from "@/ui/Notice";
import { cli } from "./commands";
import { CopyAs } from "./CopyAs";
import { PlanPreview } from "./PlanPreview";
import { errorsOf, unplaced, usePlan, useStart } from "./start";
import { StartButtons } from "./StartButtons";

// DetachVolume takes a volume from its VM; one without a name gets one, by which it lives on.
export function DetachVolume({ disk, close }: { disk: Volume; close: () => void }) {
  const [name, setName] = useState("");
  const [grace, setGrace] = useState("");
  const unnamed = !disk.name;
  const body = { name: unnamed ? name : undefined, grace_seconds: grace ? Number(grace) : undefined };
  const start = useStart();
  const what = ask.detachVolume(disk.vm_id!, disk.device!, body);
  const preview = usePlan(unnamed && !name ? undefined : what, start);
  const error = start.error ?? preview.error;
  const errors = errorsOf(error);
  return (
    <Dialog title={`Detach ${labelOf(disk)}`} close={close}>
      <form
        className="space-y-3"
        onSubmit={(event) => {
          event.preventDefault();
          start.mutate(what, { onSuccess: close });
        }}
      >
        <Notice>
          Unmount it in the guest first. What is on it stays; if the guest does not let go of disk {disk.device} in time, {disk.vm_name} keeps it.
        </Notice>
        {unnamed && (
          <TextField
            label="Name of the volume"
            autoFocus
            placeholder="data-1"
            value={name}
            onChange={(event) => setName(event.target.value)}
            error={errors.name}
            hint="It has none yet. By this it is known from then on."
          />
        )}
        <TextField
          label="The guest may take, seconds"
          type="number"
          min={1}
          placeholder="60"
          value={grace}
          onChange={(event) => setGrace(event.target.value)}
          error={errors.grace_seconds}
        />
        <PlanPreview preview={preview} hideError />
        <CopyAs ask={what} command={cli.detachVolume(labelOf(disk), body)} />
        <Failure error={unplaced(error, ["name", "grace_seconds"])} />
        <StartButtons label="Detach" close={close} pending={start.isPending} why={unnamed && !name ? "It needs a name." : undefined} />
      </form>
    </Dialog>
  );
}
