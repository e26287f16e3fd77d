import { ask } from "@/api/actions";
import { Dialog } from "@/ui/Dialog";
import { Failure } from "@/ui/Notice";
import { cli } from "./commands";
import { CopyAs } from "./CopyAs";
import { PlanPreview } from "./PlanPreview";
import { errorsOf, unplaced, usePlan, useStart } from "./start";
import { StartButtons } from "./StartButtons";
import { newVolumeFields, useDraft, VolumeFields } from "./VolumeFields";

// CreateVolume makes an empty volume that belongs to no VM.
export function CreateVolume({ pool, close }: { pool?: string; close: () => void }) {
  const { draft, set, request, errors, complete } = useDraft({ pool });
  const start = useStart();
  const what = ask.createVolume(request);
  const preview = usePlan(complete ? what : undefined, start);
  const error = start.error ?? preview.error;
  return (
    <Dialog title="Create a volume" close={close}>
      <form
        className="space-y-3"
        onSubmit={(event) => {
          event.preventDefault();
          if (complete) start.mutate(what, { onSuccess: close });
        }}
      >
        <VolumeFields draft={draft} set={set} errors={{ ...errorsOf(error), ...errors }} />
        <PlanPreview preview={preview} hideError />
        <CopyAs ask={what} command={cli.createVolume(request)} />
        <Failure error={unplaced(error, newVolumeFields)} />
        <StartButtons label="Create" close={close} pending={start.isPending} why={draft.name ? undefined : "It needs a name."} />
      </form>
    </Dialog>
  );
}
