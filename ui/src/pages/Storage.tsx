import { useQuery } from "@tanstack/react-query";
import { Plus } from "lucide-react";
import { useState } from "react";
import { Link } from "react-router";
import type { Pool } from "@/api/nouns";
import { pools } from "@/api/queries";
import { AddPool } from "@/forms/PoolDialogs";
import { ObjectStores } from "@/pages/ObjectStores";
import { Table } from "@/table/Table";
import type { Column } from "@/table/Table";
import { Button } from "@/ui/Button";
import { Empty } from "@/ui/Empty";
import { bytes } from "@/ui/format";
import { Meter } from "@/ui/Meter";
import { Failure } from "@/ui/Notice";
import { Loading, Page as Frame } from "@/ui/Page";
import { State } from "@/ui/State";
import { poolLook } from "@/ui/states";

const used = (pool: Pool) => (pool.capacity_bytes ? pool.used_bytes / pool.capacity_bytes : 0);

function Volumes({ pool }: { pool: Pool }) {
  return (
    <Link to={`/volumes?pool=${pool.name}`} title={`The volumes in ${pool.name}`} className="hover:underline">
      {pool.volumes}
    </Link>
  );
}

const columns: Column<Pool>[] = [
  {
    id: "name",
    title: "Pool",
    width: 130,
    grow: 1,
    priority: 0,
    sort: (pool) => pool.name,
    cell: (pool) => (
      <Link to={`/storage/${pool.name}`} className="font-medium hover:underline">
        {pool.name}
      </Link>
    ),
  },
  { id: "health", title: "Health", width: 130, priority: 1, sort: (pool) => pool.health, cell: (pool) => <State look={poolLook(pool)} /> },
  { id: "driver", title: "Driver", width: 80, priority: 4, sort: (pool) => pool.driver, cell: (pool) => pool.driver },
  { id: "tier", title: "Tier", width: 70, priority: 5, sort: (pool) => pool.tier, cell: (pool) => pool.tier },
  { id: "shared", title: "Seen by", width: 140, priority: 3, cell: (pool) => (pool.shared ? "all hosts alike" : "each host its own") },
  {
    id: "used",
    title: "Used",
    width: 210,
    grow: 2,
    priority: 0,
    sort: used,
    cell: (pool) => (
      <Meter
        label={`Used of pool ${pool.name}`}
        fraction={pool.capacity_bytes ? used(pool) : undefined}
        room={15}
        text={`${bytes(pool.used_bytes)} / ${bytes(pool.capacity_bytes)}`}
      />
    ),
  },
  { id: "promised", title: "Promised", width: 100, right: true, priority: 2, sort: (pool) => pool.promised_bytes, cell: (pool) => bytes(pool.promised_bytes) },
  { id: "volumes", title: "Volumes", width: 80, right: true, priority: 4, sort: (pool) => pool.volumes, cell: (pool) => <Volumes pool={pool} /> },
];

export function Page() {
  const [adding, setAdding] = useState(false);
  const { data, error, refetch } = useQuery({ ...pools(), refetchInterval: 10_000 });
  const add = (
    <Button kind="primary" onClick={() => setAdding(true)}>
      <Plus className="size-4" aria-hidden /> Add a pool
    </Button>
  );
  return (
    <Frame title="Storage" full actions={add}>
      <ObjectStores />
      {error ? (
        <div className="px-4 pb-2">
          <Failure error={error} retry={() => void refetch()} />
        </div>
      ) : null}
      {data ? (
        <Table
          name="Pools"
          rows={data}
          columns={columns}
          id={(pool) => pool.id}
          empty={
            <Empty title="There are no pools yet" action={add} command="novacron pool add local --directory /var/lib/novacron/pools/local">
              A pool is a place for disks. With a shared pool only memory moves when a VM moves.
            </Empty>
          }
        />
      ) : (
        !error && <Loading what="pools" />
      )}
      {adding && <AddPool close={() => setAdding(false)} />}
    </Frame>
  );
}
