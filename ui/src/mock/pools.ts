import { http } from "msw";
import type { RequestHandler } from "msw";
import type { AddPool, SetPool } from "@/api/actions";
import type * as Noun from "@/api/nouns";
import { answer, Refusal } from "./answers";
import type { Database } from "./database";
import { found, root } from "./handlers";
import * as scripts from "./scripts";
import { settle } from "./vms";

export function newPool(database: Database, wanted: AddPool): Noun.Pool {
  return {
    id: database.mint("pol"),
    name: wanted.name,
    driver: wanted.settings.rbd ? "rbd" : wanted.settings.netfs ? "netfs" : "local",
    settings: wanted.settings,
    sealed: Boolean(wanted.key),
    shared: !wanted.settings.local || Boolean(wanted.settings.local.shared),
    tier: wanted.tier,
    overcommit: wanted.overcommit,
    state: "ready",
    health: "unknown",
    capacity_bytes: 0,
    used_bytes: 0,
    promised_bytes: 0,
    volumes: 0,
    only_host_ids: database.hosts.filter((host) => wanted.only_hosts?.includes(host.name)).map((host) => host.id),
    hosts: [],
    generation: 1,
    created_at: database.now(),
  };
}

// observed is a pool with what its hosts say of it, as the store sums it up.
export function observed(database: Database, pool: Noun.Pool): Noun.Pool {
  const hosts = database.hosts.flatMap((host): Noun.PoolReach[] => {
    const fact = host.facts.pools?.find((each) => each.name === pool.name);
    if (!fact) return [];
    const silent = host.state === "offline";
    return [
      {
        host_id: host.id,
        host_name: host.name,
        available: fact.available && !silent,
        detail: silent ? "the host does not answer" : fact.detail,
        capacity_bytes: fact.capacity_bytes,
        used_bytes: fact.used_bytes,
        at: host.last_seen_at,
      },
    ];
  });
  const reached = hosts.filter((host) => host.available);
  const counted = pool.shared ? reached.slice(0, 1) : reached;
  const sum = (of: (host: Noun.PoolReach) => number) => counted.reduce((total, host) => total + of(host), 0);
  const volumes = [...database.volumes.values()].filter((volume) => volume.pool === pool.name);
  return {
    ...pool,
    hosts,
    health: hosts.length === 0 ? "unknown" : reached.length === 0 ? "unreachable" : reached.length < hosts.length ? "degraded" : "healthy",
    capacity_bytes: sum((host) => host.capacity_bytes),
    used_bytes: sum((host) => host.used_bytes),
    volumes: volumes.length,
    promised_bytes: volumes.reduce((total, volume) => total + volume.size_bytes, 0),
  };
}

export function poolHandlers(database: () => Database): RequestHandler[] {
  const one = (reference: string) =>
    found(
      database().pools.find((pool) => pool.id === reference || pool.name === reference),
      "pool",
      reference,
    );
  const put = (pool: Noun.Pool) => {
    database().pools = database().pools.map((each) => (each.id === pool.id ? pool : each));
  };
  return [
    http.get(`${root}/pools`, answer(database, () => ({ items: database().pools.map((pool) => observed(database(), pool)) }))),
    http.get(`${root}/pools/:pool`, answer(database, ({ params }) => observed(database(), one(params.pool!)))),
    http.post(`${root}/pools`, answer(database, async ({ request }) => {
      const wanted = (await request.json()) as AddPool;
      if (!/^[a-z][a-z0-9-]*$/.test(wanted.name)) throw new Refusal(422, "That is not a usable name: take lower-case letters, digits and hyphens.", "name");
      if (database().pools.some((pool) => pool.name === wanted.name)) throw new Refusal(409, `There is already a pool named ${wanted.name}; take another name.`, "name");
      if (wanted.settings.local && !wanted.settings.local.directory.startsWith("/")) {
        throw new Refusal(422, "A pool's directory is a clean absolute path such as /srv/pool.", "settings.local.directory");
      }
      const made = newPool(database(), wanted);
      database().pools = [...database().pools, made].toSorted((a, b) => a.name.localeCompare(b.name));
      database().tell("pool.added", "pool", made.id);
      return made;
    })),
    http.patch(`${root}/pools/:pool`, answer(database, async ({ params, request }) => {
      const pool = one(params.pool!);
      const change = (await request.json()) as SetPool;
      const only = change.only_hosts && database().hosts.filter((host) => change.only_hosts?.includes(host.name)).map((host) => host.id);
      put({
        ...pool,
        tier: change.tier ?? pool.tier,
        overcommit: change.overcommit ?? pool.overcommit,
        settings: change.settings ?? pool.settings,
        only_host_ids: only ?? pool.only_host_ids,
        generation: pool.generation + 1,
      });
      database().tell("pool.changed", "pool", pool.id);
      return observed(database(), one(pool.id));
    })),
    http.delete(`${root}/pools/:pool`, answer(database, (asked) => {
      const pool = observed(database(), one(asked.params.pool!));
      if (pool.volumes > 0) throw new Refusal(409, `Pool ${pool.name} holds ${pool.volumes} volumes; move or delete them first.`);
      const script = scripts.removePool(database(), pool, put);
      return settle(database(), asked, { kind: "remove_pool", subject: { kind: "pool", id: pool.id, name: pool.name }, request: { pool_id: pool.id }, script });
    })),
  ];
}
