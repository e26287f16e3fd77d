import { useState } from "react";
import { useNavigate } from "react-router";
import { ask } from "@/api/actions";
import type { CloneVM } from "@/api/actions";
import type { VM } from "@/api/nouns";
import { Dialog } from "@/ui/Dialog";
import { CheckField, TextField } from "@/ui/Field";
import { Failure } from "@/ui/Notice";
import { cli } from "./commands";
import { CopyAs } from "./CopyAs";
import { PlaceFields } from "./PlaceFields";
import { PlanPreview } from "./PlanPreview";
import { errorsOf, unplaced, usePlan, useStart } from "./start";
import { StartButtons } from "./StartButtons";

// CloneDialog makes a VM with copies of another one's disks.
export function CloneDialog({ vm, close }: { vm: VM; close: () => void }) {
  const navigate = useNavigate();
  const [name, setName] = useState(`${vm.name}-clone`.slice(0, 63));
  const [host, setHost] = useState("");
  const [pool, setPool] = useState("");
  const [power, setPower] = useState(true);
  const runs = vm.state === "running" || vm.state === "paused";
  const start = useStart();
  const body: CloneVM = { name, host: host || undefined, pool: pool || undefined, start: power };
  const what = ask.cloneVM(vm.id, body);
  const preview = usePlan(name ? what : undefined, start);
  const error = start.error ?? preview.error;
  const errors = errorsOf(error);
  return (
    <Dialog title={`Clone ${vm.name}`} close={close}>
      <form
        className="space-y-3"
        onSubmit={(event) => {
          event.preventDefault();
          start.mutate(what, {
            onSuccess: (operation) => {
              close();
              void navigate(`/operations/${operation.id}`);
            },
          });
        }}
      >
        <p className="text-sm text-muted">The clone gets copies of all disks, and an ID, address and MAC address of its own. Snapshots and backups stay with {vm.name}.{runs && ` ${vm.name} goes on meanwhile: its disks are copied as they are at one instant.`}</p>
        <TextField label="Name of the clone" autoFocus value={name} onChange={(event) => setName(event.target.value)} error={errors.name} />
        <PlaceFields host={host} setHost={setHost} pool={pool} setPool={setPool} errors={errors} />
        <CheckField label="Start it when its disks are there" checked={power} onChange={(event) => setPower(event.target.checked)} />
        <PlanPreview preview={preview} hideError />
        <CopyAs ask={what} command={cli.cloneVM(vm.name, body)} />
        <Failure error={unplaced(error, ["name", "host", "pool"])} />
        <StartButtons label="Clone" close={close} pending={start.isPending} why={name ? undefined : "It needs a name."} />
      </form>
    </Dialog>
  );
}
