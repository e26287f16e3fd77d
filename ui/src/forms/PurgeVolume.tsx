import { useState } from "react";
import { ask } from "@/api/actions";
import type { Volume } from "@/api/nouns";
import { labelOf } from "@/api/volume";
import { Dialog } from "@/ui/Dialog";
import { bytes } from "@/ui/format";
import { Failure, Notice } from "@/ui/Notice";
import { cli } from "./commands";
import { CopyAs } from "./CopyAs";
import { useStart } from "./start";
import { StartButtons } from "./StartButtons";
import { notTyped, TypedName } from "./TypedName";

// PurgeVolume deletes a volume for good.
export function PurgeVolume({ volume, close }: { volume: Volume; close: () => void }) {
  const [typed, setTyped] = useState("");
  const start = useStart();
  const what = ask.purgeVolume(volume.id);
  const name = labelOf(volume);
  return (
    <Dialog title={`Delete ${name} for good`} close={close}>
      <form
        className="space-y-3"
        onSubmit={(event) => {
          event.preventDefault();
          start.mutate(what, { onSuccess: close });
        }}
      >
        <Notice tone="attention">
          The volume and all that is on its {bytes(volume.size_bytes)} are lost at once
          {volume.state === "trashed" ? "." : ". In the trash it could be taken back for a while."}
        </Notice>
        <TypedName name={name} typed={typed} setTyped={setTyped} />
        <CopyAs ask={what} command={cli.purgeVolume(name)} />
        <Failure error={start.error} />
        <StartButtons label="Delete for good" danger close={close} pending={start.isPending} why={notTyped(name, typed)} />
      </form>
    </Dialog>
  );
}
