import { useState } from "react";
import { ask } from "@/api/actions";
import type { Volume } from "@/api/nouns";
import { labelOf } from "@/api/volume";
import { Dialog } from "@/ui/Dialog";
import { bytes } from "@/ui/format";
import { Failure } from "@/ui/Notice";
import { cli } from "./commands";
import { CopyAs } from "./CopyAs";
import { PlanPreview } from "./PlanPreview";
import { PoolChoice } from "./PoolChoice";
import { errorsOf, unplaced, usePlan, useStart } from "./start";
import { StartButtons } from "./StartButtons";

// MoveVolume moves a volume to another pool that no VM has.
export function MoveVolume({ volume, close }: { volume: Volume; close: () => void }) {
  const [pool, setPool] = useState("");
  const name = labelOf(volume);
  const start = useStart();
  const what = ask.moveVolume(volume.id, { pool });
  const preview = usePlan(pool ? what : undefined, start);
  const error = start.error ?? preview.error;
  return (
    <Dialog title={`Move ${name}`} close={close}>
      <form
        className="space-y-3"
        onSubmit={(event) => {
          event.preventDefault();
          start.mutate(what, { onSuccess: close });
        }}
      >
        <p className="text-sm text-muted">{bytes(volume.size_bytes)} are copied by a host that reaches both pools. It keeps its name.</p>
        <PoolChoice from={volume.pool} value={pool} choose={setPool} error={errorsOf(error).pool} />
        <PlanPreview preview={preview} hideError />
        <CopyAs ask={what} command={cli.moveVolume(name, { pool })} />
        <Failure error={unplaced(error, ["pool"])} />
        <StartButtons label="Move" close={close} pending={start.isPending} why={pool ? undefined : "Choose a pool first."} />
      </form>
    </Dialog>
  );
}
