import { useState } from "react";
import { ask } from "@/api/actions";
import type { VM } from "@/api/nouns";
import { Dialog } from "@/ui/Dialog";
import { CheckField, TextField } from "@/ui/Field";
import { Failure } from "@/ui/Notice";
import { capitalised } from "@/ui/format";
import { cli } from "./commands";
import { CopyAs } from "./CopyAs";
import { errorsOf, unplaced, useStart } from "./start";
import { StartButtons } from "./StartButtons";

// PowerDialog stops or restarts a VM: gracefully within a time, or by cutting its power.
export function PowerDialog({ vm, action, close }: { vm: VM; action: "stop" | "restart"; close: () => void }) {
  const [force, setForce] = useState(false);
  const [grace, setGrace] = useState("60");
  const start = useStart();
  const what = ask.power(vm.id, action, force ? { force } : { grace_seconds: Number(grace) || 60 });
  const errors = errorsOf(start.error);
  return (
    <Dialog title={`${capitalised(action)} ${vm.name}`} close={close}>
      <form
        className="space-y-3"
        onSubmit={(event) => {
          event.preventDefault();
          start.mutate(what, { onSuccess: close });
        }}
      >
        <p className="text-sm">
          The guest is asked to shut down. {action === "restart" ? "It starts again afterwards, on the same host." : "Its disk and addresses stay."}
        </p>
        <TextField
          label="Seconds it may take before its power is cut"
          type="number"
          min={1}
          value={grace}
          disabled={force}
          onChange={(event) => setGrace(event.target.value)}
          error={errors.grace_seconds}
        />
        <CheckField
          label="Cut the power at once"
          hint="Like pulling the plug: what the guest has not written to its disk is lost."
          checked={force}
          onChange={(event) => setForce(event.target.checked)}
        />
        <CopyAs ask={what} command={cli.power(action, vm.name, force)} />
        <Failure error={unplaced(start.error, ["grace_seconds"])} />
        <StartButtons label={capitalised(action)} close={close} pending={start.isPending} danger={force} />
      </form>
    </Dialog>
  );
}
