import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { Link, useNavigate, useParams } from "react-router";
import { ask } from "@/api/actions";
import type { Pool, PoolReach } from "@/api/nouns";
import { hosts, pool as onePool } from "@/api/queries";
import { whoami } from "@/api/session";
import { ChangePool, RemovePool } from "@/forms/PoolDialogs";
import { useStart } from "@/forms/start";
import { Table } from "@/table/Table";
import type { Column } from "@/table/Table";
import { Button } from "@/ui/Button";
import { ID } from "@/ui/Copy";
import { Empty } from "@/ui/Empty";
import { bytes, plural } from "@/ui/format";
import { Meter } from "@/ui/Meter";
import { Failure, Notice } from "@/ui/Notice";
import { Facts, Loading, Page as Frame, Section } from "@/ui/Page";
import { State } from "@/ui/State";
import { poolLook } from "@/ui/states";
import { useSay } from "@/ui/Toasts";
import { When } from "@/ui/When";

export function Page() {
  const { pool: reference = "" } = useParams();
  const { data: pool, error, refetch } = useQuery({ ...onePool(reference), refetchInterval: 10_000 });
  if (!pool) {
    return (
      <Frame title={reference} above={{ to: "/storage", label: "Storage" }}>
        <div className="px-4">{error ? <Failure error={error} retry={() => void refetch()} /> : <Loading what="the pool" />}</div>
      </Frame>
    );
  }
  return (
    <Frame title={pool.name} above={{ to: "/storage", label: "Storage" }} state={<State look={poolLook(pool)} />} actions={<Actions pool={pool} />}>
      <div className="space-y-6 px-4">
        {pool.operation_id && (
          <Notice>
            An operation is working on this pool.{" "}
            <Link to={`/operations/${pool.operation_id}`} className="text-accent underline">
              Watch it
            </Link>
          </Notice>
        )}
        {pool.health === "unknown" && pool.state === "ready" && (
          <Notice>No host has opened it yet. Hosts look every 10 s for pools that are new to them.</Notice>
        )}
        <div className="grid gap-6 xl:grid-cols-[24rem_minmax(0,1fr)]">
          <About pool={pool} />
          <Reaches pool={pool} />
        </div>
      </div>
    </Frame>
  );
}

function About({ pool }: { pool: Pool }) {
  const all = useQuery(hosts()).data ?? [];
  const only = (pool.only_host_ids ?? []).map((id) => all.find((host) => host.id === id)?.name ?? id);
  return (
    <Section title="About">
      <Facts
        rows={[
          ["ID", <ID key="id" id={pool.id} />],
          ["Driver", pool.driver],
          ...placeOf(pool),
          ["Volumes seen by", pool.shared ? "all hosts alike" : "each host its own"],
          ["Hosts", only.length > 0 ? only.join(", ") : "all"],
          ["Tier", pool.tier],
          [
            "Used",
            <Meter
              key="used"
              label={`Used of pool ${pool.name}`}
              fraction={pool.capacity_bytes ? pool.used_bytes / pool.capacity_bytes : undefined}
              text={`${bytes(pool.used_bytes)} / ${bytes(pool.capacity_bytes)}`}
            />,
          ],
          ["Promised", `${bytes(pool.promised_bytes)}, ${pool.overcommit} times the capacity at most`],
          [
            "Holds",
            <Link key="volumes" to={`/volumes?pool=${pool.name}`} className="text-accent underline">
              {plural(pool.volumes, "volume")}
            </Link>,
          ],
          ["Declared", <When key="declared" at={pool.created_at} />],
        ]}
      />
    </Section>
  );
}

function placeOf({ settings, sealed }: Pool): [string, string][] {
  if (settings.local) return [["Directory", settings.local.directory]];
  if (settings.netfs) {
    const { protocol, source, at, options, host_key } = settings.netfs;
    const rows: [string, string | undefined][] = [
      ["Protocol", protocol],
      ["Source", source],
      ["Mounted at", at],
      ["Options", options],
      ["Host key", host_key],
      ["Key", sealed ? "sealed; it is never shown" : undefined],
    ];
    return rows.filter((row): row is [string, string] => Boolean(row[1]));
  }
  if (!settings.rbd) return [];
  return [
    ["Monitors", (settings.rbd.monitors ?? []).join(", ")],
    ["Pool in Ceph", settings.rbd.pool],
    ["User", settings.rbd.user],
    ["Key", sealed ? "sealed; it is never shown" : "none"],
  ];
}

const columns: Column<PoolReach>[] = [
  {
    id: "host",
    title: "Host",
    width: 110,
    grow: 1,
    priority: 0,
    sort: (reach) => reach.host_name,
    cell: (reach) => (
      <Link to={`/hosts/${reach.host_name}`} className="font-medium hover:underline">
        {reach.host_name}
      </Link>
    ),
  },
  {
    id: "state",
    title: "Reaches it",
    width: 260,
    grow: 3,
    priority: 0,
    cell: (reach) => (reach.available ? "yes" : <span className="text-failed">{reach.detail || "no"}</span>),
  },
  {
    id: "used",
    title: "Used",
    width: 200,
    grow: 2,
    priority: 1,
    cell: (reach) => (
      <Meter
        label={`Used as ${reach.host_name} sees it`}
        fraction={reach.available && reach.capacity_bytes ? reach.used_bytes / reach.capacity_bytes : undefined}
        room={15}
        text={`${bytes(reach.used_bytes)} / ${bytes(reach.capacity_bytes)}`}
      />
    ),
  },
  { id: "at", title: "Said so", width: 90, right: true, priority: 2, cell: (reach) => <When at={reach.at} /> },
];

function Reaches({ pool }: { pool: Pool }) {
  return (
    <Section title="What hosts say of it">
      <Table
        name="Hosts of this pool"
        rows={pool.hosts ?? []}
        columns={columns}
        id={(reach) => reach.host_id}
        short
        empty={<Empty title="No host has said anything yet">Hosts report their pools every 10 s.</Empty>}
      />
    </Section>
  );
}

function Actions({ pool }: { pool: Pool }) {
  const [asked, setAsked] = useState<"change" | "remove">();
  const close = () => setAsked(undefined);
  const admin = useQuery(whoami()).data?.admin;
  const busy = pool.operation_id ? "An operation is working on it." : undefined;
  return (
    <>
      {admin && <Compare pool={pool} why={busy} />}
      <Button why={pool.state === "removing" ? "It is being removed." : busy} onClick={() => setAsked("change")}>
        Change…
      </Button>
      <Button why={pool.volumes > 0 ? `It holds ${plural(pool.volumes, "volume")}; move or delete them first.` : busy} onClick={() => setAsked("remove")}>
        Remove…
      </Button>
      {asked === "change" && <ChangePool pool={pool} close={close} />}
      {asked === "remove" && <RemovePool pool={pool} close={close} />}
    </>
  );
}

// Compare looks for what belongs to nobody and what is missing; the operation's page shows what it finds.
function Compare({ pool, why }: { pool: Pool; why?: string }) {
  const say = useSay();
  const navigate = useNavigate();
  const start = useStart();
  const compare = () =>
    start.mutate(ask.scanPool(pool.id), {
      onSuccess: ({ id }) => void navigate(`/operations/${id}`),
      onError: say.failed,
    });
  return (
    <Button why={why} disabled={start.isPending} onClick={compare}>
      Compare with the inventory
    </Button>
  );
}
