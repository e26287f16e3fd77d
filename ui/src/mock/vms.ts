import { http } from "msw";
import type { RequestHandler } from "msw";
import { can } from "@/api/can";
import type * as Noun from "@/api/nouns";
import { answer, paged, Refusal } from "./answers";
import type { Asked } from "./answers";
import { begin, vmSubject } from "./begin";
import type { Start } from "./begin";
import type { Database } from "./database";
import { found, root } from "./handlers";
import * as scripts from "./scripts";
import { newBackup, newVM } from "./seed";
import { madeFrom, versionFor } from "./templates";
import table from "./vm-transitions.json";

const MiB = 2 ** 20;

// settle answers a request for an operation: its plan for a dry run, the first one for a repeated key, else a new one.
export async function settle(database: Database, { request, query }: Asked, start: Start, host?: Noun.Host, notes?: string[]): Promise<unknown> {
  if (query.get("dry_run")) return planned(database, start, host, notes);
  const key = request.headers.get("Idempotency-Key");
  const body = JSON.stringify(start.request);
  const first = key ? database.keys.get(key) : undefined;
  if (first) {
    if (first.body !== body) throw new Refusal(409, "This Idempotency-Key was used for another request; take a new one.");
    return database.operations.get(first.operation);
  }
  const operation = begin(database, start);
  if (key) database.keys.set(key, { body, operation: operation.id });
  return operation;
}

function planned(database: Database, start: Start, host?: Noun.Host, notes?: string[]): Noun.Plan {
  void database;
  return scripts.planOf(start.kind, start.script, host, notes);
}

// allowed refuses what the state of the VM does not allow, in the API's words.
export function allowed(vm: Noun.VM, action: Noun.VMAction): void {
  const verdict = can(table as Noun.Transition[], vm, action);
  if (!verdict.allowed) throw new Refusal(409, `VM ${vm.name}: ${verdict.reason}`);
}

// place takes the named host, or the one with the most memory that is not promised.
export function place(database: Database, wanted: string | undefined, memory: number, field: string, except?: string): Noun.Host {
  if (wanted) {
    const host = database.host(wanted);
    if (!host) throw new Refusal(422, `There is no host ${wanted}; see the list of hosts.`, field);
    if (host.id === except) throw new Refusal(409, `It is on ${host.name} already; choose another host.`, field);
    if (host.state !== "ready") throw new Refusal(409, `Host ${host.name} is ${host.state} and takes no VMs; choose another one.`, field);
    return host;
  }
  const free = (host: Noun.Host) => host.facts.memory_bytes - host.promised.memory_bytes;
  const fit = database.loadedHosts().filter((host) => host.state === "ready" && host.id !== except && free(host) >= memory);
  const best = fit.sort((a, b) => free(b) - free(a))[0];
  if (!best) throw new Refusal(409, "No host has that much memory left; take less, or add a host.", "memory_bytes");
  return best;
}

export function vmHandlers(database: () => Database): RequestHandler[] {
  const post = (path: string, handle: (asked: Asked, vm: Noun.VM, body: Record<string, never>) => unknown) =>
    http.post(
      `${root}/vms/:vm/${path}`,
      answer(database, async (asked) => {
        const vm = found(database().vm(asked.params.vm!), "VM", asked.params.vm!);
        return handle(asked, vm, (await asked.request.json().catch(() => ({}))) as Record<string, never>);
      }),
    );
  return [
    http.get(`${root}/vms`, answer(database, ({ query }) => list(database(), query))),
    http.get(`${root}/vms/:vm`, answer(database, ({ params }) => found(database().vm(params.vm!), "VM", params.vm!))),
    http.get(`${root}/vms/:vm/cloud-init`, answer(database, ({ params }) => {
      const vm = found(database().vm(params.vm!), "VM", params.vm!);
      const told = database().cloudInits.get(vm.cloud_init_id ?? "");
      if (!told) throw new Refusal(404, `VM ${vm.name} was made without cloud-init data`);
      return told;
    })),
    http.patch(`${root}/vms/:vm`, answer(database, (asked) => change(database(), asked))),
    http.post(`${root}/vms`, answer(database, (asked) => create(database(), asked))),
    http.delete(`${root}/vms/:vm`, answer(database, (asked) => {
      const vm = found(database().vm(asked.params.vm!), "VM", asked.params.vm!);
      allowed(vm, "delete");
      const stays = database().disksOf(vm).find((disk) => disk.name);
      if (stays && vm.snapshots > 0) throw new Refusal(409, `Volume ${stays.name} outlives VM ${vm.name} and holds its snapshots; delete the snapshots first.`);
      return settle(database(), asked, { kind: "delete", subject: vmSubject(vm), request: { vm_id: vm.id }, script: scripts.remove(database(), vm) });
    })),
    ...(["start", "stop", "restart", "pause", "resume"] as const).map((action) =>
      post(action, (asked, vm, body) => {
        allowed(vm, action);
        return settle(database(), asked, { kind: action, subject: vmSubject(vm), request: { vm_id: vm.id, ...(body as object) }, script: scripts.power(database(), vm, action) });
      }),
    ),
    post("clone", (asked, vm, body) => clone(database(), asked, vm, body as unknown as CloneBody)),
    post("migrate", (asked, vm, body) => migrate(database(), asked, vm, body)),
    post("backups", (asked, vm, body) => {
      allowed(vm, "backup");
      const mode = (body as { mode?: "full" | "incremental" }).mode ?? ([...database().backups.values()].some((each) => each.vm_id === vm.id) ? "incremental" : "full");
      const backup = newBackup(database(), vm, mode);
      const script = scripts.takeBackup(database(), vm, backup);
      if (asked.query.get("dry_run")) database().backups.delete(backup.id);
      return settle(database(), asked, { kind: "backup", subject: vmSubject(vm), request: { vm_id: vm.id, mode }, script }, undefined, mode === "incremental" ? undefined : ["The whole disk is read, since there is no earlier backup to build on."]);
    }),
  ];
}

function list(database: Database, query: URLSearchParams): unknown {
  const state = query.get("state");
  const host = query.get("host");
  const text = query.get("q")?.toLowerCase();
  let items = [...database.vms.values()];
  if (state) items = items.filter((vm) => vm.state === state);
  if (host) items = items.filter((vm) => vm.host_name === host || vm.host_id === host);
  const template = query.get("template");
  if (template) items = items.filter((vm) => madeFrom(vm, template));
  if (text) items = items.filter((vm) => vm.name.includes(text));
  items.sort((a, b) => (a.name < b.name ? -1 : 1));
  return paged(items, query);
}

async function change(database: Database, { request, params }: Asked): Promise<unknown> {
  const vm = found(database.vm(params.vm!), "VM", params.vm!);
  const body = (await request.json()) as { name?: string; description?: string };
  if (request.headers.get("If-Match") !== `"${vm.generation}"`) {
    throw new Refusal(412, `VM ${vm.name} was changed since you read it; look at it again and repeat your change.`);
  }
  if (body.name) checkName(database, body.name);
  database.setVM(vm.id, { name: body.name ?? vm.name, description: body.description ?? vm.description }, "vm.changed");
  return database.vms.get(vm.id);
}

function checkName(database: Database, name: string): void {
  if (!/^[a-z]([a-z0-9-]{0,61}[a-z0-9])?$/.test(name)) {
    throw new Refusal(422, `"${name}" is not a usable name: take 1 to 63 lower-case letters, digits and hyphens, beginning with a letter.`, "name");
  }
  if (database.vm(name)) throw new Refusal(409, `There is a VM ${name} already; take another name.`, "name");
}

interface CreateBody {
  name: string;
  image?: string;
  template?: string;
  cpus?: number;
  memory_bytes?: number;
  disk_bytes?: number;
  host?: string;
  cloud_init?: Noun.CloudInit;
}

async function create(database: Database, asked: Asked): Promise<unknown> {
  const body = (await asked.request.json()) as CreateBody;
  const key = asked.request.headers.get("Idempotency-Key");
  const first = key ? database.keys.get(key) : undefined;
  if (first && !asked.query.get("dry_run")) return database.operations.get(first.operation);
  checkName(database, body.name);
  const version = body.template ? versionFor(database, body.template) : undefined;
  const wanted = version?.image_id ?? body.image;
  const image = database.images.find((each) => each.name === wanted || each.id === wanted);
  if (!image) throw new Refusal(422, `There is no image ${body.image}; see the list of images.`, "image");
  const spec = { cpus: body.cpus ?? version?.defaults.cpus ?? 1, memory_bytes: body.memory_bytes ?? version?.defaults.memory_bytes ?? 128 * MiB };
  if (spec.memory_bytes < 64 * MiB) throw new Refusal(422, `A VM's memory is between 64 MiB and 16 TiB, not ${spec.memory_bytes} bytes.`, "memory_bytes");
  if (body.cloud_init?.user_data && !/^(#cloud-config\s|#!)/.test(body.cloud_init.user_data)) {
    throw new Refusal(422, "line 1 of the user data must be #cloud-config, begin a script with #!, or begin a MIME multipart with MIME-Version: 1.0", "cloud_init.user_data");
  }
  const host = place(database, body.host, spec.memory_bytes, "host");
  if (asked.query.get("dry_run")) {
    const example = [...database.vms.values()][0] ?? ({ id: "", volume_ids: [], interfaces: [] } as unknown as Noun.VM);
    return scripts.planOf("provision", scripts.provision(database, { vm: example, host }), host);
  }
  const vm = newVM(database, body.name, host, image, spec);
  const template = version && { template_id: version.template_id, version_id: version.id, label: `${version.template_name}:${version.number}` };
  if (body.cloud_init) {
    vm.cloud_init_id = database.mint("cin");
    database.cloudInits.set(vm.cloud_init_id, body.cloud_init);
  }
  database.setVM(vm.id, { state: "provisioning", template }, "vm.accepted");
  const { cloud_init: _, ...request } = body;
  return settle(database, asked, { kind: "provision", subject: vmSubject(vm), request, script: scripts.provision(database, { vm, host }) });
}

interface CloneBody {
  name: string;
  host?: string;
  start?: boolean;
}

function clone(database: Database, asked: Asked, source: Noun.VM, body: CloneBody): unknown {
  allowed(source, "clone_vm");
  checkName(database, body.name);
  const host = place(database, body.host, source.spec.memory_bytes, "host");
  const dry = Boolean(asked.query.get("dry_run"));
  const vm = dry ? source : newVM(database, body.name, host, undefined, source.spec);
  if (!dry) database.setVM(vm.id, { state: "provisioning", cloud_init_id: source.cloud_init_id }, "vm.accepted");
  const script = scripts.clone(database, source, vm, host, body.start ?? true);
  return settle(database, asked, { kind: "clone_vm", subject: vmSubject(vm), request: { source_vm_id: source.id, ...body }, script }, host);
}

function migrate(database: Database, asked: Asked, vm: Noun.VM, body: { to?: string; cold?: boolean; limits?: Noun.Limits }): unknown {
  allowed(vm, body.cold ? "migrate_cold" : "migrate");
  const to = place(database, body.to, vm.spec.memory_bytes, "to", vm.host_id);
  const tuned: Noun.Tuning = {};
  const script = body.cold ? scripts.moved(database, vm, to) : scripts.migrate(database, vm, to, body.limits ?? {}, tuned);
  return settle(database, asked, { kind: "migrate", subject: vmSubject(vm), request: { vm_id: vm.id, to_host_id: to.id, ...body }, script, tuned }, to);
}
