import { useState } from "react";
import { ask } from "@/api/actions";
import type { Disk, VM } from "@/api/nouns";
import { Dialog } from "@/ui/Dialog";
import { TextField } from "@/ui/Field";
import { bytes } from "@/ui/format";
import { Failure } from "@/ui/Notice";
import { cli } from "./commands";
import { CopyAs } from "./CopyAs";
import { PlanPreview } from "./PlanPreview";
import { PoolChoice } from "./PoolChoice";
import { errorsOf, unplaced, usePlan, useStart } from "./start";
import { StartButtons } from "./StartButtons";

const MiB = 2 ** 20;
const fields = ["pool", "bandwidth_bytes_per_second"];

// MoveDiskDialog moves a disk to another pool: while the VM runs, or while it is off.
export function MoveDiskDialog({ vm, disk, close }: { vm: VM; disk: Disk; close: () => void }) {
  const [pool, setPool] = useState("");
  const [limit, setLimit] = useState("");
  const live = vm.state === "running" || vm.state === "paused";
  const body = { pool, bandwidth_bytes_per_second: live && limit ? Math.round(Number(limit) * MiB) : undefined };
  const start = useStart();
  const what = ask.moveDisk(vm.id, disk.device, body);
  const preview = usePlan(pool ? what : undefined, start);
  const error = start.error ?? preview.error;
  const errors = errorsOf(error);
  return (
    <Dialog title={`Move disk ${disk.device} of ${vm.name}`} close={close}>
      <form
        className="space-y-3"
        onSubmit={(event) => {
          event.preventDefault();
          start.mutate(what, { onSuccess: close });
        }}
      >
        <p className="text-sm text-muted">
          {live
            ? `${bytes(disk.size_bytes)} are copied while the VM goes on; then it goes over to the copy.`
            : `${bytes(disk.size_bytes)} are copied while the VM is off.`}{" "}
          The next backup reads the whole disk.
        </p>
        <PoolChoice from={disk.pool} value={pool} choose={setPool} error={errors.pool} />
        {live && (
          <TextField
            label="At most, MiB/s"
            type="number"
            min={1}
            placeholder="no limit"
            value={limit}
            onChange={(event) => setLimit(event.target.value)}
            error={errors.bandwidth_bytes_per_second}
          />
        )}
        <PlanPreview preview={preview} hideError />
        <CopyAs ask={what} command={cli.moveDisk(vm.name, disk.device, body)} />
        <Failure error={unplaced(error, fields)} />
        <StartButtons label="Move" close={close} pending={start.isPending} why={pool ? undefined : "Choose a pool first."} />
      </form>
    </Dialog>
  );
}
