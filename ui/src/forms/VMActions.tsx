import { createContext, useCallback, useContext, useMemo, useState } from "react";
import type { ReactNode } from "react";
import { ask } from "@/api/actions";
import type { VM, VMAction } from "@/api/nouns";
import { useSay } from "@/ui/Toasts";
import { AttachToVM } from "./AttachToVM";
import { BackupDialog } from "./BackupDialog";
import { CloneDialog } from "./CloneDialog";
import { DeleteVM } from "./DeleteVM";
import { MigrateDialog } from "./MigrateDialog";
import { PowerDialog } from "./PowerDialog";
import { PublishTemplate } from "./PublishTemplate";
import { useStart } from "./start";
import { TakeSnapshotDialog } from "./TakeSnapshotDialog";

type Act = (vm: VM, action: VMAction) => void;

const ActContext = createContext<Act>(() => undefined);

// useVMActions is the one way to do something to a VM, from a row, its page or the palette: what needs no question
// starts at once, the rest opens its dialog.
export const useVMActions = (): Act => useContext(ActContext);

export function VMActions({ children }: { children: ReactNode }) {
  const say = useSay();
  const { mutate } = useStart();
  const [asked, setAsked] = useState<{ vm: VM; action: VMAction }>();
  const act = useCallback<Act>(
    (vm, action) => {
      if (action === "start" || action === "pause" || action === "resume") {
        mutate(ask.power(vm.id, action), { onError: say.failed });
        return;
      }
      setAsked({ vm, action });
    },
    [mutate, say],
  );
  const close = useCallback(() => setAsked(undefined), []);
  const dialog = useMemo(() => asked && dialogFor(asked.vm, asked.action, close), [asked, close]);
  return (
    <ActContext.Provider value={act}>
      {children}
      {dialog}
    </ActContext.Provider>
  );
}

function dialogFor(vm: VM, action: VMAction, close: () => void): ReactNode {
  switch (action) {
    case "stop":
    case "restart":
      return <PowerDialog vm={vm} action={action} close={close} />;
    case "migrate":
    case "migrate_cold":
      return <MigrateDialog vm={vm} cold={action === "migrate_cold"} close={close} />;
    case "backup":
      return <BackupDialog vm={vm} close={close} />;
    case "take_snapshot":
      return <TakeSnapshotDialog vm={vm} close={close} />;
    case "publish_template":
      return <PublishTemplate vm={vm} close={close} />;
    case "attach_volume":
      return <AttachToVM vm={vm} close={close} />;
    case "clone_vm":
      return <CloneDialog vm={vm} close={close} />;
    case "delete":
      return <DeleteVM vm={vm} close={close} />;
    default:
      return null;
  }
}
