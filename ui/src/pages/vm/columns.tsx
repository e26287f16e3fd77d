import { Link } from "react-router";
import type { VM } from "@/api/nouns";
import type { Column } from "@/table/Table";
import { bytes } from "@/ui/format";
import { State } from "@/ui/State";
import { doingOf, vmLook } from "@/ui/states";
import { When } from "@/ui/When";
import { LiveUse } from "./LiveUse";
import { RowActions } from "./RowActions";

const name: Column<VM> = {
  id: "name",
  title: "Name",
  width: 150,
  grow: 2,
  priority: 0,
  sort: (vm) => vm.name,
  cell: (vm) => (
    <Link to={`/vms/${vm.name}`} className="font-medium hover:underline">
      {vm.name}
    </Link>
  ),
};

const state: Column<VM> = {
  id: "state",
  title: "State",
  width: 116,
  priority: 0,
  sort: (vm) => vm.state,
  cell: (vm) => <State look={vmLook[vm.state]} />,
};

const doing: Column<VM> = {
  id: "doing",
  title: "Doing now",
  width: 140,
  grow: 1,
  priority: 2,
  sort: (vm) => vm.operation_kind ?? "",
  cell: (vm) =>
    vm.operation_id ? (
      <Link to={`/operations/${vm.operation_id}`} className="text-working hover:underline">
        {doingOf(vm.operation_kind ?? "operation")}…
      </Link>
    ) : null,
};

const host: Column<VM> = {
  id: "host",
  title: "Host",
  width: 90,
  grow: 1,
  priority: 3,
  sort: (vm) => vm.host_name ?? "",
  cell: (vm) =>
    vm.host_name ? (
      <Link to={`/hosts/${vm.host_name}`} className="hover:underline">
        {vm.host_name}
      </Link>
    ) : null,
};

const actions: Column<VM> = { id: "actions", title: "", width: 76, right: true, priority: 0, cell: (vm) => <RowActions vm={vm} /> };

export const vmColumns: Column<VM>[] = [
  name,
  state,
  doing,
  host,
  { id: "cpu", title: "CPU", width: 128, priority: 5, cell: (vm) => <LiveUse vm={vm} of="cpu" /> },
  { id: "memory", title: "Memory", width: 186, priority: 4, sort: (vm) => vm.spec.memory_bytes, cell: (vm) => <LiveUse vm={vm} of="memory" /> },
  {
    id: "ip",
    title: "IP",
    width: 110,
    priority: 6,
    cell: (vm) => <span className="text-xs">{vm.interfaces?.[0]?.ip ?? ""}</span>,
  },
  { id: "created", title: "Created", width: 96, priority: 8, sort: (vm) => vm.created_at, cell: (vm) => <When at={vm.created_at} /> },
  actions,
];

// hostVMColumns are for the list on a host's page.
export const hostVMColumns: Column<VM>[] = [
  name,
  state,
  doing,
  { id: "cpus", title: "CPUs", width: 60, right: true, priority: 4, sort: (vm) => vm.spec.cpus, cell: (vm) => vm.spec.cpus },
  { id: "memory", title: "Memory", width: 90, right: true, priority: 3, sort: (vm) => vm.spec.memory_bytes, cell: (vm) => bytes(vm.spec.memory_bytes) },
  actions,
];
