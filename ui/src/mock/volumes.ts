import { http } from "msw";
import type { RequestHandler } from "msw";
import type { CreateVolume } from "@/api/actions";
import { canOnVolume, labelOf } from "@/api/volume";
import type * as Noun from "@/api/nouns";
import { answer, paged, Refusal } from "./answers";
import type { Asked } from "./answers";
import type { Database } from "./database";
import { found, root } from "./handlers";
import { settle } from "./vms";
import * as scripts from "./volume-scripts";

const MiB = 2 ** 20;
const trashKept = 7 * 24 * 3_600_000; // ms
const usableName = /^[a-z]([a-z0-9-]{0,61}[a-z0-9])?$/;

export const volumeSubject = (volume: Noun.Volume): Noun.Operation["subject"] => ({ kind: "volume", id: volume.id, name: labelOf(volume) });

export function checkVolumeName(database: Database, name: string): void {
  if (!usableName.test(name)) {
    throw new Refusal(422, `"${name}" is not a usable name: take 1 to 63 lower-case letters, digits and hyphens, beginning with a letter.`, "name");
  }
  const there = [...database.volumes.values()].find((volume) => volume.name === name);
  if (there?.state === "trashed") {
    throw new Refusal(409, `There is a volume named ${name} in the trash; take it back or purge it, or choose another name.`, "name");
  }
  if (there) throw new Refusal(409, `There is a volume named ${name} already; choose another name.`, "name");
}

// allowedOn refuses what the state of the volume does not allow.
export function allowedOn(volume: Noun.Volume, action: Noun.VolumeAction): void {
  const verdict = canOnVolume(volume, action);
  if (!verdict.allowed) throw new Refusal(409, `Volume ${labelOf(volume)}: ${verdict.reason}`);
}

export function volumeHandlers(database: () => Database): RequestHandler[] {
  const one = (reference: string) => found(database().volume(reference), "volume", reference);
  return [
    http.get(`${root}/volumes`, answer(database, ({ query }) => list(database(), query))),
    http.get(`${root}/volumes/:volume`, answer(database, ({ params }) => one(params.volume!))),
    http.post(`${root}/volumes`, answer(database, (asked) => create(database(), asked))),
    http.post(`${root}/volumes/:volume/grow`, answer(database, async (asked) => {
      const volume = one(asked.params.volume!);
      allowedOn(volume, "grow");
      const { size_bytes } = (await asked.request.json()) as { size_bytes: number };
      if (size_bytes <= volume.size_bytes) {
        throw new Refusal(422, `Volume ${volume.name} has ${volume.size_bytes} bytes, and ${size_bytes} is not more; a volume is never made smaller.`, "size_bytes");
      }
      const start = { kind: "grow_volume" as const, subject: volumeSubject(volume), request: { volume_id: volume.id, size_bytes } };
      return settle(database(), asked, { ...start, script: scripts.growVolume(database(), volume, size_bytes) });
    })),
    http.post(`${root}/volumes/:volume/move`, answer(database, async (asked) => {
      const volume = one(asked.params.volume!);
      allowedOn(volume, "move");
      const { pool } = (await asked.request.json()) as { pool: string };
      if (!database().pools.some((each) => each.name === pool)) throw new Refusal(422, `There is no pool "${pool}"; name one of the list of pools.`, "pool");
      if (pool === volume.pool) throw new Refusal(422, `Volume ${volume.name} is in pool ${pool} already; name another one.`, "pool");
      const start = { kind: "move_volume" as const, subject: volumeSubject(volume), request: { volume_id: volume.id, pool } };
      return settle(database(), asked, { ...start, script: scripts.moveVolume(database(), volume, pool) });
    })),
    http.delete(`${root}/volumes/:volume`, answer(database, ({ params }) => {
      const volume = one(params.volume!);
      allowedOn(volume, "trash");
      const until = new Date(database().clock() + trashKept).toISOString();
      database().setVolume(volume.id, { state: "trashed", purge_at: until });
      return one(volume.id);
    })),
    http.post(`${root}/volumes/:volume/restore`, answer(database, ({ params }) => {
      const volume = one(params.volume!);
      allowedOn(volume, "restore");
      database().setVolume(volume.id, { state: "ready", purge_at: undefined });
      return one(volume.id);
    })),
    http.post(`${root}/volumes/:volume/purge`, answer(database, (asked) => {
      const volume = one(asked.params.volume!);
      allowedOn(volume, "purge");
      const script = scripts.deleteVolume(database(), volume);
      const start = { kind: "delete_volume" as const, subject: volumeSubject(volume), request: { volume_id: volume.id }, script };
      return settle(database(), asked, start, undefined, ["What is on the volume is lost."]);
    })),
  ];
}

function list(database: Database, query: URLSearchParams): unknown {
  const text = query.get("q")?.toLowerCase();
  const wanted = [...database.volumes.values()].filter(
    (volume) => (query.get("pool") ?? volume.pool) === volume.pool && (query.get("state") ?? volume.state) === volume.state,
  );
  const labelled = wanted.map((volume) => database.shown(volume)).map((volume) => [labelOf(volume), volume] as const);
  const items = labelled.filter(([label]) => !text || label.includes(text)).sort(([a], [b]) => (a < b ? -1 : 1));
  return paged(items.map(([, volume]) => volume), query);
}

async function create(database: Database, asked: Asked): Promise<unknown> {
  const body = (await asked.request.json()) as CreateVolume;
  const key = asked.request.headers.get("Idempotency-Key");
  const first = key ? database.keys.get(key) : undefined;
  if (first && !asked.query.get("dry_run")) return database.operations.get(first.operation);
  checkVolumeName(database, body.name);
  if (body.size_bytes < 16 * MiB) throw new Refusal(422, `A disk is between 16 MiB and 64 TiB, not ${body.size_bytes} bytes.`, "size_bytes");
  const pool = database.pools.find((each) => each.name === (body.pool ?? "shared"));
  if (!pool) throw new Refusal(422, `There is no pool "${body.pool}"; name one of the list of pools.`, "pool");
  const host = hostFor(database, pool, body.host);
  const volume: Noun.Volume = {
    id: database.mint("vol"),
    project_id: database.projects[0]!.id,
    name: body.name,
    pool: pool.name,
    host_id: pool.shared ? undefined : host.id,
    size_bytes: body.size_bytes,
    format: pool.driver === "rbd" ? "raw" : "qcow2",
    state: "creating",
    created_at: database.now(),
  };
  const script = scripts.createVolume(database, volume, host);
  const start = { kind: "create_volume" as const, subject: volumeSubject(volume), request: { volume_id: volume.id }, script };
  if (!asked.query.get("dry_run")) database.addVolume(volume);
  return settle(database, asked, start, host, [`${host.name} has the most room of the hosts that reach pool ${pool.name}`]);
}

function hostFor(database: Database, pool: Noun.Pool, wanted: string | undefined): Noun.Host {
  const named = wanted ? database.host(wanted) : undefined;
  if (wanted && !named) throw new Refusal(422, `There is no host "${wanted}"; name one of the list of hosts, or leave the choice to the placement.`, "host");
  if (named?.state === "offline") throw new Refusal(409, `Host ${named.name} does not answer; choose another one, or see why it is down.`, "host");
  if (named?.cordoned) throw new Refusal(409, `Host ${named.name} is cordoned and takes no VMs; uncordon it or choose another one.`, "host");
  const reached = [...(named ? [named] : database.hosts)].find((host) => host.state === "ready" && database.reaches(host, pool.name));
  if (!reached) throw new Refusal(409, `No host reaches pool ${pool.name} now; choose another pool.`, "pool");
  return reached;
}
