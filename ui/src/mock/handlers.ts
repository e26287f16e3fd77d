import { http } from "msw";
import type { RequestHandler } from "msw";
import type { Whoami } from "@/api/session";
import { answer, paged, Refusal } from "./answers";
import type { Asked } from "./answers";
import { begin } from "./begin";
import { capacityReport } from "./capacity";
import { writeConfig } from "./config";
import type { Database } from "./database";
import { hostPoints, vmPoints } from "./metrics";
import { addImage, importImage } from "./images";
import { newBackup } from "./seed";
import { planCapacity, planOf } from "./scripts";
import transitions from "./vm-transitions.json";
import { objectStores } from "./object-stores";
import { operationHandlers } from "./operations";
import { overview } from "./overview";
import { tokenHandlers } from "./tokens";
import { vmHandlers } from "./vms";
import { backupHandlers } from "./backups";
import { diskHandlers } from "./disks";
import { hostHandlers } from "./hosts";
import { poolHandlers } from "./pools";
import { strayHandlers } from "./strays";
import { snapshotHandlers } from "./snapshots";
import { imagesOf, templateHandlers } from "./templates";
import { volumeHandlers } from "./volumes";

export const root: string = "*/api/v1";
const password = "novacron";

// handlersFor is the HTTP side of the mock.
export function handlersFor(database: () => Database): RequestHandler[] {
  const read = (path: string, handle: (asked: Asked) => unknown) => http.get(root + path, answer(database, handle));
  return [
    ...sessionHandlers(database),
    read("/projects", () => paged(database().projects, new URLSearchParams())),
    read("/overview", () => overview(database())),
    read("/vm-transitions", () => ({ items: transitions })),
    read("/images", () => ({ items: imagesOf(database()) })),
    read("/object-stores", () => ({ items: objectStores })),
    read("/networks", () => ({ items: database().networks })),
    read("/events", ({ query }) => ({ items: database().events.slice(-Number(query.get("limit") ?? 100)).reverse() })),
    read("/vms/:vm/metrics", ({ params, query }) => ({ points: vmPoints(found(database().vm(params.vm!), "VM", params.vm!), query) })),
    read("/hosts/:host/metrics", ({ params, query }) => ({ points: hostPoints(found(database().host(params.host), "host", params.host!), query) })),
    read("/capacity/plans/latest", () => {
      const plan = found(database().report, "capacity plan", "latest");
      return { operation_id: "", ended_at: plan.at, plan };
    }),
    http.post(`${root}/capacity/plans`, answer(database, ({ query }) => makePlan(database(), query))),
    http.post(`${root}/images`, answer(database, ({ request, query }) => addImage(database(), request, query.get("name") ?? ""))),
    http.post(`${root}/images/from-url`, answer(database, (asked) => importImage(database(), asked))),
    http.delete(`${root}/images/:image`, answer(database, ({ params }) => {
      database().images = database().images.filter((image) => image.id !== params.image);
      return undefined;
    })),
    ...vmHandlers(database),
    ...diskHandlers(database),
    ...snapshotHandlers(database),
    ...hostHandlers(database),
    ...poolHandlers(database),
    ...strayHandlers(database),
    ...volumeHandlers(database),
    ...templateHandlers(database),
    ...operationHandlers(database),
    ...backupHandlers(database, newBackup),
    ...tokenHandlers(database),
  ];
}

export function found<T>(thing: T | undefined | null, what: string, reference: string): T {
  if (!thing) throw new Refusal(404, `There is no ${what} ${reference}. It may have been deleted, or belong to another project.`);
  return thing;
}

const who = (database: Database): Whoami => ({
  user_name: "admin",
  admin: true,
  project: database.projects[0]!,
  bound: false,
  version: "mock",
  temporal_ui: "http://127.0.0.1:8233",
  temporal_namespace: "novacron",
});

function sessionHandlers(database: () => Database): RequestHandler[] {
  const sign = (on: boolean) => {
    database().config.signedIn = on;
    writeConfig(database().config);
  };
  return [
    http.post(`${root}/login`, answer(database, async ({ request }) => {
      const body = (await request.json()) as { username: string; password: string };
      if (body.password !== password) throw new Refusal(401, "That user and password do not match. Check both and try again.");
      sign(true);
      return { user: { ...who(database()), user_name: body.username } };
    }, true)),
    http.post(`${root}/logout`, answer(database, () => sign(false))),
    http.get(`${root}/whoami`, answer(database, () => who(database()))),
  ];
}

function makePlan(database: Database, query: URLSearchParams): unknown {
  const script = planCapacity(database, () => capacityReport(database, Date.now()));
  if (query.get("dry_run")) return planOf("capacity", script);
  return begin(database, { kind: "capacity", subject: { kind: "cluster", id: "cluster", name: "cluster" }, request: { horizon_days: 90 }, script });
}
