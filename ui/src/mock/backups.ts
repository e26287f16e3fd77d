import { http } from "msw";
import type { RequestHandler } from "msw";
import type * as Noun from "@/api/nouns";
import { answer, paged, Refusal } from "./answers";
import type { Asked } from "./answers";
import type { Database } from "./database";
import { found, root } from "./handlers";
import * as scripts from "./scripts";
import { newVM } from "./seed";
import { allowed, place, settle } from "./vms";
import { begin, vmSubject } from "./begin";

type NewBackup = (database: Database, vm: Noun.VM, mode: "full" | "incremental") => Noun.Backup;

export function backupHandlers(database: () => Database, newBackup: NewBackup): RequestHandler[] {
  const one = (id: string) => found(database().backups.get(id), "backup", id);
  const subject = (backup: Noun.Backup) => ({ kind: "backup", id: backup.id, name: backup.vm_name });
  return [
    http.get(`${root}/backups`, answer(database, ({ query }) => {
      const vm = query.get("vm");
      const items = [...database().backups.values()].filter((backup) => !vm || backup.vm_id === vm || backup.vm_name === vm);
      return paged(items.sort((a, b) => (a.created_at < b.created_at ? 1 : -1)), query);
    })),
    http.get(`${root}/backups/:backup`, answer(database, ({ params }) => one(params.backup!))),
    http.post(`${root}/backups/:backup/verify`, answer(database, (asked) => {
      const backup = one(asked.params.backup!);
      return settle(database(), asked, { kind: "verify_backup", subject: subject(backup), request: { backup_id: backup.id }, script: scripts.verify(database(), backup) });
    })),
    http.delete(`${root}/backups/:backup`, answer(database, (asked) => {
      const backup = one(asked.params.backup!);
      return settle(database(), asked, { kind: "delete_backup", subject: subject(backup), request: { backup_id: backup.id }, script: scripts.deleteBackup(database(), backup) });
    })),
    http.post(`${root}/backups/:backup/restore`, answer(database, (asked) => restore(database(), asked, one(asked.params.backup!)))),
    ...scheduleHandlers(database, newBackup),
  ];
}

async function restore(database: Database, asked: Asked, backup: Noun.Backup): Promise<unknown> {
  const body = (await asked.request.json()) as { name?: string; in_place?: boolean; host?: string; start: boolean };
  const host = place(database, body.host, backup.spec.memory_bytes, "host");
  if (body.in_place) {
    const vm = found(database.vms.get(backup.vm_id), "VM", backup.vm_name);
    allowed(vm, "restore_in_place");
    const unknown = database.disksOf(vm).find((disk) => !backup.disks?.some((kept) => kept.device === disk.device));
    if (unknown) {
      throw new Refusal(409, `VM ${vm.name} has disk ${unknown.device}, which is not in the backup; detach it first, or restore the backup as a new VM.`, "in_place");
    }
    const own = database.host(vm.host_id) ?? host;
    return settle(database, asked, { kind: "restore", subject: vmSubject(vm), request: { backup_id: backup.id, ...body }, script: scripts.restore(database, backup, vm, own, true, body.start) }, own);
  }
  const name = body.name ?? "";
  if (!/^[a-z]([a-z0-9-]{0,61}[a-z0-9])?$/.test(name)) throw new Refusal(422, `"${name}" is not a usable name.`, "name");
  if (database.vm(name)) throw new Refusal(409, `There is a VM ${name} already; take another name.`, "name");
  const dry = Boolean(asked.query.get("dry_run"));
  const vm = dry ? [...database.vms.values()][0]! : newVM(database, name, host, undefined, backup.spec);
  if (!dry) database.setVM(vm.id, { state: "provisioning" }, "vm.accepted");
  return settle(database, asked, { kind: "restore", subject: vmSubject(vm), request: { backup_id: backup.id, ...body }, script: scripts.restore(database, backup, vm, host, false, body.start) }, host);
}

function scheduleHandlers(database: () => Database, newBackup: NewBackup): RequestHandler[] {
  const one = (id: string) => found(database().schedules.get(id), "schedule", id);
  const put = (schedule: Noun.Schedule, event: string) => {
    database().schedules.set(schedule.id, schedule);
    database().tell(event, "schedule", schedule.id);
    return schedule;
  };
  return [
    http.get(`${root}/schedules`, answer(database, () => ({ items: [...database().schedules.values()] }))),
    http.post(`${root}/schedules`, answer(database, async ({ request }) => {
      const body = (await request.json()) as Noun.Schedule & { vm: string };
      const vm = database().vm(body.vm);
      if (!vm) throw new Refusal(422, `There is no VM ${body.vm}; see the list of VMs.`, "vm");
      if (body.cron && body.cron.trim().split(/\s+/).length !== 5) throw new Refusal(422, `"${body.cron}" is not a cron line: it has five fields.`, "cron");
      const { name, cron, every_seconds, keep } = body;
      return put({ id: database().mint("sch"), project_id: vm.project_id, vm_id: vm.id, vm_name: vm.name, name, cron, every_seconds, keep, paused: false, skipped: 0, next_run_at: new Date(Date.now() + 3_600_000).toISOString(), created_at: database().now() }, "schedule.created");
    })),
    http.post(`${root}/schedules/:schedule/:action`, answer(database, ({ params }) => {
      const schedule = one(params.schedule!);
      if (params.action === "trigger") return trigger(database(), schedule, newBackup);
      return put({ ...schedule, paused: params.action === "pause" }, `schedule.${params.action}d`);
    })),
    http.delete(`${root}/schedules/:schedule`, answer(database, ({ params }) => {
      database().schedules.delete(one(params.schedule!).id);
      database().tell("schedule.deleted", "schedule", params.schedule!);
      return undefined;
    })),
  ];
}

function trigger(database: Database, schedule: Noun.Schedule, newBackup: NewBackup): unknown {
  const vm = found(database.vms.get(schedule.vm_id), "VM", schedule.vm_id);
  allowed(vm, "backup");
  const backup = newBackup(database, vm, "incremental");
  begin(database, { kind: "backup", subject: vmSubject(vm), request: { vm_id: vm.id, schedule_id: schedule.id }, script: scripts.takeBackup(database, vm, backup), actor: `schedule:${schedule.name}` });
  const next = { ...schedule, last_run_at: database.now(), last_result: "running" };
  database.schedules.set(schedule.id, next);
  database.tell("schedule.triggered", "schedule", schedule.id);
  return next;
}
