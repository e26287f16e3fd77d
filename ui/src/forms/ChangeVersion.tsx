import { useMutation, useQueryClient } from "@tanstack/react-query";
import { ask, changeVersion } from "@/api/actions";
import type { TemplateAction, TemplateVersion } from "@/api/nouns";
import { labelOf } from "@/api/template";
import { Dialog } from "@/ui/Dialog";
import { Failure } from "@/ui/Notice";
import { useSay } from "@/ui/Toasts";
import { cli } from "./commands";
import { CopyAs } from "./CopyAs";
import { PlanPreview } from "./PlanPreview";
import { usePlan } from "./start";
import { StartButtons } from "./StartButtons";

export const versionVerbs: Record<TemplateAction, string> = { promote: "Promote", deprecate: "Deprecate", withdraw: "Withdraw", delete: "Delete" };

const about: Record<TemplateAction, string> = {
  promote: "VMs are made from it unless another version is named. The version that is current now becomes an ordinary one.",
  deprecate: "VMs should be made from another version. This one can still be named.",
  withdraw: "No VM can be made from it any more, for good. Its image may be deleted then, once no disk stands on it. VMs that were made from it go on as they are.",
  delete: "The version is forgotten. Its number is not used again. Its image stays.",
};

const done: Record<TemplateAction, string> = { promote: "is the current version", deprecate: "is deprecated", withdraw: "is withdrawn", delete: "is gone" };

// ChangeVersion asks before a version of a template is given another state, or deleted, and shows what the server says of it.
export function ChangeVersion({ version, action, close }: { version: TemplateVersion; action: TemplateAction; close: () => void }) {
  const client = useQueryClient();
  const say = useSay();
  const label = labelOf(version);
  const what = ask.changeVersion(version, action);
  const send = useMutation({
    mutationFn: () => changeVersion(version, action),
    onSuccess: () => {
      void client.invalidateQueries({ queryKey: ["template"] });
      void client.invalidateQueries({ queryKey: ["image"] });
      say(`Version ${label} ${done[action]}.`);
      close();
    },
  });
  const preview = usePlan(what, send);
  return (
    <Dialog title={`${versionVerbs[action]} ${label}`} close={close}>
      <form
        className="space-y-3"
        onSubmit={(event) => {
          event.preventDefault();
          send.mutate();
        }}
      >
        <p className="text-sm">{about[action]}</p>
        <PlanPreview preview={preview} />
        <CopyAs ask={what} command={cli.changeVersion(label, action)} />
        <Failure error={send.error} />
        <StartButtons
          label={versionVerbs[action]}
          danger={action === "withdraw" || action === "delete"}
          close={close}
          pending={send.isPending}
          why={preview.error ? "The server refuses it." : undefined}
        />
      </form>
    </Dialog>
  );
}
