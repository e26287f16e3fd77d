import { useState } from "react";
import { ask } from "@/api/actions";
import { Dialog } from "@/ui/Dialog";
import { bytes, shortID } from "@/ui/format";
import { Failure, Notice } from "@/ui/Notice";
import type { StrayProps } from "./AdoptVolume";
import { cli } from "./commands";
import { CopyAs } from "./CopyAs";
import { PlanPreview } from "./PlanPreview";
import { usePlan, useStart } from "./start";
import { StartButtons } from "./StartButtons";
import { notTyped, TypedName } from "./TypedName";

const typedLetters = 6; // of the ID, as many as its short form ends with

// DiscardVolume deletes a volume that belongs to nobody.
export function DiscardVolume({ pool, stray, started, close }: StrayProps) {
  const [typed, setTyped] = useState("");
  const body = { host: stray.host_name };
  const start = useStart();
  const what = ask.discardVolume(pool.id, stray.volume_id, body);
  const preview = usePlan(what, start);
  const name = stray.volume_id.slice(-typedLetters);
  return (
    <Dialog title={`Delete ${shortID(stray.volume_id)}`} close={close}>
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
        <Notice tone="attention">
          The volume in pool {pool.name}
          {stray.host_name && ` of host ${stray.host_name}`} and all that is on its {bytes(stray.size_bytes)} are lost at once. It does not go to the trash.
        </Notice>
        <PlanPreview preview={preview} hideError />
        <TypedName name={name} typed={typed} setTyped={setTyped} />
        <CopyAs ask={what} command={cli.discardVolume(pool.name, stray.volume_id, body)} />
        <Failure error={start.error ?? preview.error} />
        <StartButtons label="Delete for good" danger close={close} pending={start.isPending} why={notTyped(name, typed)} />
      </form>
    </Dialog>
  );
}
