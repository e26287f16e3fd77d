import { Ellipsis } from "lucide-react";
import { useState } from "react";
import type { ReactNode } from "react";
import { ask } from "@/api/actions";
import type { Backup } from "@/api/nouns";
import { usePages } from "@/api/pages";
import { backups } from "@/api/queries";
import { Confirm } from "@/forms/Confirm";
import { RestoreDialog } from "@/forms/RestoreDialog";
import { useStart } from "@/forms/start";
import { Table } from "@/table/Table";
import type { Column } from "@/table/Table";
import { Button } from "@/ui/Button";
import { ID } from "@/ui/Copy";
import { bytes } from "@/ui/format";
import { Menu } from "@/ui/Menu";
import { Failure } from "@/ui/Notice";
import { Loading } from "@/ui/Page";
import { State } from "@/ui/State";
import { backupLook } from "@/ui/states";
import { Tooltip } from "@/ui/Tooltip";
import { useSay } from "@/ui/Toasts";
import { exactTime, When } from "@/ui/When";

const diskSize = (backup: Backup): number => (backup.disks ?? []).reduce((sum, disk) => sum + disk.size_bytes, 0);

// restorable says why a backup cannot be restored now, if so.
export function whyNotRestorable(backup: Backup): string | undefined {
  if (backup.state === "damaged") return `It cannot be restored: ${backup.damaged_detail ?? "a verification found damage"}.`;
  if (backup.state !== "ready") return "It is not ready.";
  return undefined;
}

type Act = (backup: Backup, what: "restore" | "verify" | "delete") => void;

function columns(act: Act, withVM: boolean): Column<Backup>[] {
  const all: Column<Backup>[] = [
    { id: "vm", title: "VM", width: 88, grow: 2, priority: 0, cell: (backup) => <span className="font-medium">{backup.vm_name}</span> },
    { id: "taken", title: "Taken", width: 96, grow: 1, priority: 0, cell: (backup) => <When at={backup.created_at} /> },
    {
      id: "state",
      title: "State",
      width: 120,
      priority: 1,
      cell: (backup) => (
        <Tooltip text={backup.damaged_detail}>
          <span tabIndex={backup.damaged_detail ? 0 : undefined}>
            <State look={backupLook[backup.state]} />
          </span>
        </Tooltip>
      ),
    },
    {
      id: "mode",
      title: "Read",
      width: 110,
      priority: 4,
      cell: (backup) => <span title={backup.mode_reason}>{backup.mode === "full" ? "everything" : "what changed"}</span>,
    },
    { id: "size", title: "Disk", width: 90, right: true, priority: 5, cell: (backup) => bytes(diskSize(backup)) },
    { id: "stored", title: "Stored", width: 90, right: true, priority: 3, cell: (backup) => bytes(backup.stored_bytes) },
    { id: "frozen", title: "Consistent", width: 110, priority: 7, cell: (backup) => (backup.frozen ? "files frozen" : "as in a crash") },
    { id: "verified", title: "Verified", width: 100, priority: 6, cell: (backup) => <When at={backup.verified_at} never="never" /> },
    { id: "id", title: "ID", width: 130, priority: 8, cell: (backup) => <ID id={backup.id} /> },
    {
      id: "actions",
      title: "",
      width: 124,
      right: true,
      priority: 0,
      cell: (backup) => {
        const busy = backup.state !== "ready" && backup.state !== "damaged" ? "It is not ready." : undefined;
        return (
          <span className="-my-1 inline-flex align-middle items-center gap-1">
            <Button kind="ghost" why={whyNotRestorable(backup)} onClick={() => act(backup, "restore")}>
              Restore
            </Button>
            <Menu
              label={`More for the backup of ${backup.vm_name}`}
              icon={<Ellipsis className="size-4" />}
              items={[
                { label: "Verify", why: busy, act: () => act(backup, "verify") },
                {
                  label: "Delete",
                  danger: true,
                  why: busy ?? (backup.referenced_by > 0 ? "An operation is using it." : undefined),
                  act: () => act(backup, "delete"),
                },
              ]}
            />
          </span>
        );
      },
    },
  ];
  return withVM ? all : all.slice(1);
}

interface Props {
  vm?: string;
  short?: boolean;
  empty: ReactNode;
}

export function BackupsTable({ vm, short, empty }: Props) {
  const say = useSay();
  const list = usePages(backups({ vm }));
  const { mutate, mutateAsync } = useStart();
  const [restoring, setRestoring] = useState<Backup>();
  const [removing, setRemoving] = useState<Backup>();
  const act: Act = (backup, what) => {
    if (what === "restore") setRestoring(backup);
    else if (what === "delete") setRemoving(backup);
    else mutate(ask.verify(backup.id), { onError: say.failed });
  };
  if (list.error) return <Failure error={list.error} retry={list.retry} />;
  if (list.loading) return <Loading what="backups" />;
  return (
    <>
      <Table name="Backups" rows={list.rows} columns={columns(act, !vm)} id={(backup) => backup.id} more={list.more} short={short} empty={empty} />
      {restoring && <RestoreDialog backup={restoring} close={() => setRestoring(undefined)} />}
      {removing && (
        <Confirm
          title="Delete the backup"
          label="Delete"
          danger
          act={() => mutateAsync(ask.deleteBackup(removing.id))}
          close={() => setRemoving(undefined)}
        >
          The state of {removing.vm_name} at {exactTime(removing.created_at)} can no longer be restored. Other backups are not touched: each is complete
          in itself.
        </Confirm>
      )}
    </>
  );
}
