import { useQuery } from "@tanstack/react-query";
import { Ellipsis } from "lucide-react";
import { Link, Outlet, useOutletContext, useParams } from "react-router";
import { can, verbOf } from "@/api/can";
import type { VM, VMAction } from "@/api/nouns";
import { vm as oneVM } from "@/api/queries";
import { useTransitions } from "@/forms/transitions";
import { useVMActions } from "@/forms/VMActions";
import { useWatch } from "@/live/Live";
import { Button } from "@/ui/Button";
import { Menu } from "@/ui/Menu";
import { Failure } from "@/ui/Notice";
import { Loading, Page as Frame, Tabs } from "@/ui/Page";
import { State } from "@/ui/State";
import { doingOf, vmLook } from "@/ui/states";
import { useActionItems } from "./RowActions";

export const useVM = (): VM => useOutletContext<VM>();

export function Page() {
  const { vm: reference = "" } = useParams();
  const { data: vm, error, refetch } = useQuery(oneVM(reference));
  useWatch(vm?.operation_id);
  if (!vm) {
    return (
      <Frame title={reference} above={{ to: "/vms", label: "VMs" }}>
        {error ? (
          <div className="px-4">
            <Failure error={error} retry={() => void refetch()} />
          </div>
        ) : (
          <Loading what="the VM" />
        )}
      </Frame>
    );
  }
  const base = `/vms/${reference}`;
  return (
    <Frame title={vm.name} above={{ to: "/vms", label: "VMs" }} state={<VMState vm={vm} />} actions={<Actions vm={vm} />}>
      <Tabs
        tabs={[
          { to: base, label: "Overview" },
          { to: `${base}/console`, label: "Console" },
          { to: `${base}/operations`, label: "Operations" },
          { to: `${base}/snapshots`, label: "Snapshots", count: vm.snapshots || undefined },
          { to: `${base}/backups`, label: "Backups" },
        ]}
      />
      {error ? (
        <div className="px-4 pt-3">
          <Failure error={error} />
        </div>
      ) : null}
      <Outlet context={vm} />
    </Frame>
  );
}

function VMState({ vm }: { vm: VM }) {
  return (
    <span className="inline-flex items-baseline gap-2">
      <State look={vmLook[vm.state]} />
      {vm.operation_id && (
        <Link to={`/operations/${vm.operation_id}`} className="text-working underline">
          {doingOf(vm.operation_kind ?? "operation")}…
        </Link>
      )}
    </span>
  );
}

const asMenu: (VMAction | "line")[] = ["restart", "pause", "resume", "migrate_cold", "take_snapshot", "clone_vm", "publish_template", "line", "delete"];

function Actions({ vm }: { vm: VM }) {
  const table = useTransitions();
  const act = useVMActions();
  const items = useActionItems(vm, asMenu);
  const off = vm.state === "stopped" || vm.state === "crashed";
  const shown: VMAction[] = [off ? "start" : "stop", "migrate", "backup"];
  return (
    <>
      {shown.map((action) => {
        const verdict = can(table, vm, action);
        return (
          <Button key={action} why={verdict.allowed ? undefined : verdict.reason} onClick={() => act(vm, action)}>
            {verbOf[action]}
          </Button>
        );
      })}
      <Menu label="More actions" kind="plain" icon={<Ellipsis className="size-4" />} items={items} />
    </>
  );
}
