import { http } from "msw";
import type { RequestHandler } from "msw";
import type { AdoptVolume, DiscardVolume } from "@/api/actions";
import type * as Noun from "@/api/nouns";
import { answer, Refusal } from "./answers";
import type { Asked } from "./answers";
import type { Database, Stray } from "./database";
import { found, root } from "./handlers";
import { settle } from "./vms";
import * as scripts from "./volume-scripts";
import { checkVolumeName } from "./volumes";

export function strayHandlers(database: () => Database): RequestHandler[] {
  const poolOf = ({ params }: Asked) => found(database().pools.find((pool) => pool.id === params.pool || pool.name === params.pool), "pool", params.pool!);
  return [
    http.post(`${root}/pools/:pool/scan`, answer(database, (asked) => {
      const pool = poolOf(asked);
      const subject = { kind: "pool", id: pool.id, name: pool.name };
      return settle(database(), asked, { kind: "scan_pool", subject, request: { pool_id: pool.id }, script: scripts.scanPool(database(), pool) });
    })),
    http.post(`${root}/pools/:pool/strays/:volume/adopt`, answer(database, async (asked) => {
      const { name, host } = (await asked.request.json()) as AdoptVolume;
      checkVolumeName(database(), name);
      const stray = strayOf(database(), poolOf(asked), asked.params.volume!, host);
      const subject = { kind: "volume", id: stray.volume_id, name };
      return settle(database(), asked, { kind: "adopt_volume", subject, request: requestOf(stray, name), script: scripts.adoptVolume(database(), stray, name) });
    })),
    http.post(`${root}/pools/:pool/strays/:volume/discard`, answer(database, async (asked) => {
      const { host } = (await asked.request.json().catch(() => ({}))) as DiscardVolume;
      const stray = strayOf(database(), poolOf(asked), asked.params.volume!, host);
      const subject = { kind: "volume", id: stray.volume_id, name: stray.volume_id };
      return settle(database(), asked, { kind: "discard_volume", subject, request: requestOf(stray), script: scripts.discardVolume(database(), stray) });
    })),
  ];
}

const requestOf = ({ volume_id, pool, host_id }: Stray, name?: string) => ({ volume_id, pool, host_id, name });

function strayOf(database: Database, pool: Noun.Pool, id: string, host: string | undefined): Stray {
  if (!host && !pool.shared) throw new Refusal(422, `Each host has its own pool ${pool.name}; say which host the volume is on.`, "host");
  const stray = database.strays.find((each) => each.volume_id === id && each.pool === pool.name && (!host || each.host_name === host || each.host_id === host));
  return found(stray, "volume that belongs to nobody", id);
}
