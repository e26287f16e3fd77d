import { useState } from "react";
import { ask } from "@/api/actions";
import type { VM } from "@/api/nouns";
import { Dialog } from "@/ui/Dialog";
import { SelectField } from "@/ui/Field";
import { Failure } from "@/ui/Notice";
import { cli } from "./commands";
import { CopyAs } from "./CopyAs";
import { PlanPreview } from "./PlanPreview";
import { usePlan, useStart } from "./start";
import { StartButtons } from "./StartButtons";

export function BackupDialog({ vm, close }: { vm: VM; close: () => void }) {
  const [mode, setMode] = useState<"" | "full" | "incremental">("");
  const start = useStart();
  const what = ask.backup(vm.id, mode || undefined);
  const preview = usePlan(what, start);
  return (
    <Dialog title={`Back up ${vm.name}`} close={close}>
      <form
        className="space-y-3"
        onSubmit={(event) => {
          event.preventDefault();
          start.mutate(what, { onSuccess: close });
        }}
      >
        <SelectField
          label="What to read"
          value={mode}
          onChange={(event) => setMode(event.target.value as typeof mode)}
          hint="Each backup can be restored by itself, whichever way it was read."
        >
          <option value="">What changed, where possible; else everything</option>
          <option value="full">Everything</option>
          <option value="incremental">Only what changed since the last backup</option>
        </SelectField>
        <PlanPreview preview={preview} />
        <CopyAs ask={what} command={cli.backup(vm.name)} />
        <Failure error={start.error} />
        <StartButtons label="Back up" close={close} pending={start.isPending} />
      </form>
    </Dialog>
  );
}
