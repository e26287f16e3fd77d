import { useState } from "react";
import { ask } from "@/api/actions";
import type { Disk, VM } from "@/api/nouns";
import { Dialog } from "@/ui/Dialog";
import { TextField } from "@/ui/Field";
import { limitsOf } from "@/ui/format";
import { Failure } from "@/ui/Notice";
import { cli } from "./commands";
import { CopyAs } from "./CopyAs";
import { PlanPreview } from "./PlanPreview";
import { errorsOf, unplaced, usePlan, useStart } from "./start";
import { StartButtons } from "./StartButtons";

const MiB = 2 ** 20;
const fields = ["iops", "bytes_per_second"];

// LimitDiskDialog says what a VM may ask of a disk, while it runs or while it is off.
export function LimitDiskDialog({ vm, disk, close }: { vm: VM; disk: Disk; close: () => void }) {
  const now = disk.limits ?? {};
  const [iops, setIOPS] = useState(String(now.iops || ""));
  const [rate, setRate] = useState(now.bytes_per_second ? String(now.bytes_per_second / MiB) : "");
  const body = { iops: Math.round(Number(iops)) || undefined, bytes_per_second: Math.round(Number(rate) * MiB) || undefined };
  const same = body.iops === (now.iops || undefined) && body.bytes_per_second === (now.bytes_per_second || undefined);
  const start = useStart();
  const what = ask.limitDisk(vm.id, disk.device, body);
  const preview = usePlan(same ? undefined : what, start);
  const error = start.error ?? preview.error;
  const errors = errorsOf(error);
  return (
    <Dialog title={`Limit disk ${disk.device} of ${vm.name}`} close={close}>
      <form
        className="space-y-3"
        onSubmit={(event) => {
          event.preventDefault();
          start.mutate(what, { onSuccess: close });
        }}
      >
        <p className="text-sm text-muted">
          {limitsOf(now) ? `It may ask for ${limitsOf(now)} at most now.` : "It has no limits now."} Reads and writes count together.
        </p>
        <div className="grid gap-3 sm:grid-cols-2">
          <TextField
            label="Requests a second"
            type="number"
            min={0}
            placeholder="no limit"
            autoFocus
            value={iops}
            onChange={(event) => setIOPS(event.target.value)}
            error={errors.iops}
          />
          <TextField
            label="MiB/s"
            type="number"
            min={0}
            step="any"
            placeholder="no limit"
            value={rate}
            onChange={(event) => setRate(event.target.value)}
            error={errors.bytes_per_second}
          />
        </div>
        <PlanPreview preview={preview} hideError />
        <CopyAs ask={what} command={cli.limitDisk(vm.name, disk.device, body)} />
        <Failure error={unplaced(error, fields)} />
        <StartButtons label={limitsOf(body) ? "Limit" : "Take the limits away"} close={close} pending={start.isPending} why={same ? "These are its limits now." : undefined} />
      </form>
    </Dialog>
  );
}
