import { useQuery } from "@tanstack/react-query";
import { Plus } from "lucide-react";
import { useState } from "react";
import { Link } from "react-router";
import type { Host } from "@/api/nouns";
import { hosts } from "@/api/queries";
import { AddHost } from "@/forms/AddHost";
import { Table } from "@/table/Table";
import type { Column } from "@/table/Table";
import { Button } from "@/ui/Button";
import { Empty } from "@/ui/Empty";
import { bytes } from "@/ui/format";
import { Meter } from "@/ui/Meter";
import { Failure } from "@/ui/Notice";
import { Loading, Page as Frame } from "@/ui/Page";
import { State } from "@/ui/State";
import { hostLook } from "@/ui/states";
import { When } from "@/ui/When";
import { HostUse } from "./HostUse";

const ratio = (part: number, whole: number): number => (whole > 0 ? part / whole : 0);

const columns: Column<Host>[] = [
  {
    id: "name",
    title: "Name",
    width: 110,
    grow: 2,
    priority: 0,
    sort: (host) => host.name,
    cell: (host) => (
      <Link to={`/hosts/${host.name}`} className="font-medium hover:underline">
        {host.name}
      </Link>
    ),
  },
  { id: "state", title: "State", width: 110, priority: 0, sort: (host) => host.state, cell: (host) => <State look={hostLook[host.state]} /> },
  { id: "vms", title: "VMs", width: 56, right: true, priority: 1, sort: (host) => host.vms, cell: (host) => host.vms },
  {
    id: "cpu",
    title: "CPU in use",
    width: 150,
    grow: 1,
    priority: 2,
    sort: (host) => host.use.cpu_fraction,
    cell: (host) => <HostUse host={host} of="cpu" amounts />,
  },
  {
    id: "memory",
    title: "Memory in use",
    width: 200,
    grow: 1,
    priority: 2,
    sort: (host) => ratio(host.use.memory_used_bytes, host.facts.memory_bytes),
    cell: (host) => <HostUse host={host} of="memory" amounts />,
  },
  {
    id: "promised",
    title: "Memory promised",
    width: 200,
    grow: 1,
    priority: 4,
    sort: (host) => ratio(host.promised.memory_bytes, host.facts.memory_bytes),
    cell: (host) => (
      <Meter
        label={`Memory promised on ${host.name}`}
        fraction={ratio(host.promised.memory_bytes, host.facts.memory_bytes)}
        room={15}
        text={`${bytes(host.promised.memory_bytes)} / ${bytes(host.facts.memory_bytes)}`}
      />
    ),
  },
  { id: "hypervisor", title: "QEMU", width: 80, priority: 6, cell: (host) => host.facts.hypervisor_version },
  { id: "seen", title: "Last report", width: 100, right: true, priority: 5, cell: (host) => <When at={host.last_seen_at} /> },
];

export function Page() {
  const [adding, setAdding] = useState(false);
  const { data, error, refetch } = useQuery({ ...hosts(), refetchInterval: 10_000 });
  return (
    <Frame
      title="Hosts"
      full
      actions={
        <Button kind="primary" onClick={() => setAdding(true)}>
          <Plus className="size-4" aria-hidden /> Add a host
        </Button>
      }
    >
      {error ? (
        <div className="px-4 pb-2">
          <Failure error={error} retry={() => void refetch()} />
        </div>
      ) : null}
      {data ? (
        <Table
          name="Hosts"
          rows={data}
          columns={columns}
          id={(host) => host.id}
          empty={
            <Empty title="There are no hosts yet" action={<Button kind="primary" onClick={() => setAdding(true)}>Add a host</Button>} command="novacron host add">
              A host is a machine with libvirt and QEMU. VMs run on hosts; at least two are needed to move them.
            </Empty>
          }
        />
      ) : (
        !error && <Loading what="hosts" />
      )}
      {adding && <AddHost close={() => setAdding(false)} />}
    </Frame>
  );
}
