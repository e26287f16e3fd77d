import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { ask } from "@/api/actions";
import { can } from "@/api/can";
import type { Snapshot, VM, VMAction } from "@/api/nouns";
import { operation, snapshots } from "@/api/queries";
import { Confirm } from "@/forms/Confirm";
import { RevertSnapshotDialog } from "@/forms/RevertSnapshotDialog";
import { useStart } from "@/forms/start";
import { useTransitions } from "@/forms/transitions";
import { useVMActions } from "@/forms/VMActions";
import { OperationLine } from "@/pages/OperationLine";
import { Button } from "@/ui/Button";
import { Empty } from "@/ui/Empty";
import { Failure } from "@/ui/Notice";
import { Loading, Section } from "@/ui/Page";
import { exactTime } from "@/ui/When";
import { SnapshotRow } from "./snapshots/SnapshotRow";
import { treeOf } from "./snapshots/tree";
import { useVM } from "./VM";

export function Page() {
  const vm = useVM();
  const { data, error, refetch } = useQuery(snapshots(vm));
  const why = useWhy(vm)("take_snapshot");
  const act = useVMActions();
  const take = (
    <Button why={why} onClick={() => act(vm, "take_snapshot")}>
      Take snapshot
    </Button>
  );
  return (
    <div className="space-y-4 p-4">
      <Working vm={vm} />
      <Section title="Snapshots" actions={data?.length ? take : undefined}>
        <Failure error={error} retry={() => void refetch()} />
        {!data && !error && <Loading what="its snapshots" />}
        {data?.length === 0 && (
          <Empty title="It has no snapshot yet" action={take} command={`novacron snapshot take ${vm.name} before-upgrade`}>
            A snapshot keeps all its disks as they are at an instant, so that they can be set back to it, say when an upgrade goes wrong. It is no backup: it
            lies in the same disks and is lost with them. While the VM has any, its disks stay in their pools and keep their sizes.
          </Empty>
        )}
        {data && data.length > 0 && <Tree vm={vm} all={data} />}
      </Section>
    </div>
  );
}

function useWhy(vm: VM): (action: VMAction) => string | undefined {
  const table = useTransitions();
  return (action) => {
    const verdict = can(table, vm, action);
    return verdict.allowed ? undefined : verdict.reason;
  };
}

const kinds = new Set(["take_snapshot", "revert_snapshot", "delete_snapshot"]);

// Working shows what is being done to the snapshots now.
function Working({ vm }: { vm: VM }) {
  const id = kinds.has(vm.operation_kind ?? "") ? vm.operation_id : undefined;
  const { data } = useQuery(operation(id ?? ""));
  if (!id || !data) return null;
  return (
    <div className="max-w-xl rounded border border-line p-3">
      <OperationLine operation={data} />
    </div>
  );
}

function Tree({ vm, all }: { vm: VM; all: Snapshot[] }) {
  const why = useWhy(vm);
  const { mutateAsync } = useStart();
  const [asked, setAsked] = useState<{ snapshot: Snapshot; what: "revert" | "delete" }>();
  const close = () => setAsked(undefined);
  const refusals = { revert: why("revert_snapshot"), delete: why("delete_snapshot") };
  return (
    <>
      <ul className="rounded border border-line text-sm">
        {treeOf(all).map((row) => (
          <SnapshotRow key={row.snapshot?.id ?? "now"} row={row} why={refusals} act={(snapshot, what) => setAsked({ snapshot, what })} />
        ))}
      </ul>
      <p className="mt-2 max-w-3xl text-xs text-muted">
        While the VM has snapshots, its disks stay in their pools and keep their sizes, and it migrates only where its storage is shared. Snapshots are no
        backup: they lie in the same disks and are lost with them.
      </p>
      {asked?.what === "revert" && (
        <RevertSnapshotDialog vm={vm} snapshot={asked.snapshot} current={all.find((each) => each.current)} close={close} />
      )}
      {asked?.what === "delete" && (
        <Confirm
          title={`Delete snapshot ${asked.snapshot.name}`}
          label="Delete"
          danger
          act={() => mutateAsync(ask.deleteSnapshot(vm.id, asked.snapshot.id))}
          close={close}
        >
          The VM can no longer be reverted to what its disks were at {exactTime(asked.snapshot.created_at)}. The disks and other snapshots stay as they are.
        </Confirm>
      )}
    </>
  );
}
