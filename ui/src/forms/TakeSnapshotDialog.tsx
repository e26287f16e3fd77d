import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { ask } from "@/api/actions";
import type { VM } from "@/api/nouns";
import { snapshots } from "@/api/queries";
import { Dialog } from "@/ui/Dialog";
import { TextField } from "@/ui/Field";
import { Failure } from "@/ui/Notice";
import { cli } from "./commands";
import { CopyAs } from "./CopyAs";
import { PlanPreview } from "./PlanPreview";
import { errorsOf, unplaced, usePlan, useStart } from "./start";
import { StartButtons } from "./StartButtons";

const fields = ["name", "description"];

// proposed is a name that none of them has, above all numbers given so far.
export function proposed(names: string[]): string {
  const numbers = names.map((name) => Number(/^snapshot-(\d{1,6})$/.exec(name)?.[1] ?? 0));
  return `snapshot-${Math.max(0, ...numbers) + 1}`;
}

// TakeSnapshotDialog keeps all disks of a VM as they are.
export function TakeSnapshotDialog({ vm, close }: { vm: VM; close: () => void }) {
  const { data } = useQuery(snapshots(vm));
  const [typed, setTyped] = useState<string>();
  const [description, setDescription] = useState("");
  const start = useStart();
  const name = typed ?? (data ? proposed(data.map((each) => each.name)) : "");
  const body = { name, description: description || undefined };
  const what = ask.takeSnapshot(vm.id, body);
  const preview = usePlan(name ? what : undefined, start);
  const error = start.error ?? preview.error;
  const errors = errorsOf(error);
  return (
    <Dialog title={`Take a snapshot of ${vm.name}`} close={close}>
      <form
        className="space-y-3"
        onSubmit={(event) => {
          event.preventDefault();
          start.mutate(what, { onSuccess: close });
        }}
      >
        <p className="text-sm text-muted">{aboutTaking(vm)} Its memory is not kept.</p>
        <TextField label="Name" value={name} onChange={(event) => setTyped(event.target.value)} error={errors.name} />
        <TextField
          label="Description"
          placeholder="what it is for"
          maxLength={1_000}
          value={description}
          onChange={(event) => setDescription(event.target.value)}
          error={errors.description}
        />
        <PlanPreview preview={preview} hideError />
        <CopyAs ask={what} command={cli.takeSnapshot(vm.name, body)} />
        <Failure error={unplaced(error, fields)} />
        <StartButtons label="Take snapshot" close={close} pending={start.isPending} why={name ? undefined : "Give it a name."} />
      </form>
    </Dialog>
  );
}

function aboutTaking({ state }: VM): string {
  if (state === "running") {
    return "All its disks are kept as they are at one instant, while it goes on. Its guest is asked to freeze its file systems; one that does not finds them as after a power cut.";
  }
  if (state === "paused") return "All its disks are kept as they are. It is paused, so its guest would find them as after a power cut.";
  return "All its disks are kept as they are. It is off, so nothing is half written.";
}
