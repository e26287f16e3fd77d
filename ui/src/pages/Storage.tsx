import { useQuery } from "@tanstack/react-query";
import { Link } from "react-router";
import type { Host, Pool } from "@/api/nouns";
import { hosts, pools } from "@/api/queries";
import { Table } from "@/table/Table";
import type { Column } from "@/table/Table";
import { Empty } from "@/ui/Empty";
import { bytes } from "@/ui/format";
import { Meter } from "@/ui/Meter";
import { Failure } from "@/ui/Notice";
import { Loading, Page as Frame } from "@/ui/Page";

const columns = (all: Host[]): Column<Pool>[] => [
  { id: "name", title: "Pool", width: 120, grow: 1, priority: 0, sort: (pool) => pool.name, cell: (pool) => <span className="font-medium">{pool.name}</span> },
  { id: "driver", title: "Driver", width: 90, priority: 3, sort: (pool) => pool.driver, cell: (pool) => pool.driver },
  { id: "shared", title: "Seen by", width: 150, priority: 2, cell: (pool) => (pool.shared ? "all hosts alike" : "each host its own") },
  {
    id: "used",
    title: "Used",
    width: 210,
    grow: 2,
    priority: 0,
    sort: (pool) => (pool.capacity_bytes ? pool.used_bytes / pool.capacity_bytes : 0),
    cell: (pool) => (
      <Meter
        label={`Used of pool ${pool.name}`}
        fraction={pool.capacity_bytes ? pool.used_bytes / pool.capacity_bytes : 0}
        room={15}
        text={`${bytes(pool.used_bytes)} / ${bytes(pool.capacity_bytes)}`}
      />
    ),
  },
  {
    id: "hosts",
    title: "Hosts",
    width: 160,
    grow: 2,
    priority: 4,
    cell: (pool) =>
      (pool.host_ids ?? []).map((id, index) => {
        const name = all.find((host) => host.id === id)?.name ?? id;
        return (
          <span key={id}>
            {index > 0 && ", "}
            <Link to={`/hosts/${name}`} className="hover:underline">
              {name}
            </Link>
          </span>
        );
      }),
  },
];

export function Page() {
  const { data, error, refetch } = useQuery({ ...pools(), refetchInterval: 30_000 });
  const all = useQuery(hosts()).data ?? [];
  return (
    <Frame title="Storage" full>
      {error ? (
        <div className="px-4 pb-2">
          <Failure error={error} retry={() => void refetch()} />
        </div>
      ) : null}
      {data ? (
        <Table
          name="Pools"
          rows={data}
          columns={columns(all)}
          id={(pool) => pool.name}
          empty={
            <Empty title="There are no pools yet" command='NOVACRON_POOLS="local=/var/lib/novacron/pools/local" novacron-worker'>
              A pool is a place for disks that a host reports. With a shared pool only memory moves when a VM moves.
            </Empty>
          }
        />
      ) : (
        !error && <Loading what="pools" />
      )}
    </Frame>
  );
}
