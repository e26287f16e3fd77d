import { useState } from "react";
import { ask } from "@/api/actions";
import type { Snapshot, VM } from "@/api/nouns";
import { Dialog } from "@/ui/Dialog";
import { CheckField } from "@/ui/Field";
import { Failure, Notice } from "@/ui/Notice";
import { exactTime } from "@/ui/When";
import { cli } from "./commands";
import { CopyAs } from "./CopyAs";
import { PlanPreview } from "./PlanPreview";
import { usePlan, useStart } from "./start";
import { StartButtons } from "./StartButtons";

interface Props {
  vm: VM;
  snapshot: Snapshot;
  current?: Snapshot; // what the disks have changed since
  close: () => void;
}

// RevertSnapshotDialog sets a VM's disks back.
export function RevertSnapshotDialog({ vm, snapshot, current, close }: Props) {
  const on = vm.state === "running" || vm.state === "paused";
  const [power, setPower] = useState(on);
  const start = useStart();
  const what = ask.revertSnapshot(vm.id, snapshot.id, power);
  const preview = usePlan(what, start);
  return (
    <Dialog title={`Revert ${vm.name} to ${snapshot.name}`} close={close}>
      <form
        className="space-y-3"
        onSubmit={(event) => {
          event.preventDefault();
          start.mutate(what, { onSuccess: close });
        }}
      >
        <p className="text-sm text-muted">
          Its disks become what they were at {exactTime(snapshot.created_at)}
          {snapshot.quiesced ? "." : ", as after a power cut: its guest checks its file systems when it starts."} All its snapshots stay.
        </p>
        <Notice tone="attention">
          {current ? (
            <>
              Everything written to its disks since <strong className="font-semibold">{current.name}</strong>, its current snapshot, is lost.
            </>
          ) : (
            "Everything that its disks hold now is lost."
          )}
          {on && " It is switched off at once, without its guest being asked."} To be able to return to what they hold now, take a snapshot first.
        </Notice>
        <CheckField label="Start it when the disks are back" checked={power} onChange={(event) => setPower(event.target.checked)} />
        <PlanPreview preview={preview} hideError />
        <CopyAs ask={what} command={cli.revertSnapshot(vm.name, snapshot.name, power)} />
        <Failure error={start.error ?? preview.error} />
        <StartButtons label="Revert" danger close={close} pending={start.isPending} />
      </form>
    </Dialog>
  );
}
