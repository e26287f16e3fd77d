import { request } from "./client";
import type * as Noun from "./nouns";

// Every call that changes something. Each that starts an operation takes dryRun and answers the plan instead.

export interface CreateVM {
  name: string;
  image: string;
  cpus: number;
  memory_bytes: number;
  disk_bytes: number;
  pool?: string;
  network?: string;
  host?: string;
}

export interface RestoreBackup {
  name?: string;
  in_place?: boolean;
  host?: string;
  pool?: string;
  start: boolean;
}

export interface CreateSchedule {
  vm: string;
  name: string;
  cron?: string;
  every_seconds?: number;
  keep: { last?: number; within_hours?: number };
}

// Ask is a request that starts an operation: what "copy as CLI / curl" prints and what dry runs repeat.
export interface Ask {
  method: "POST" | "DELETE";
  path: string;
  body?: unknown;
}

const enc = encodeURIComponent;

export const ask = {
  createVM: (body: CreateVM): Ask => ({ method: "POST", path: "/vms", body }),
  power: (vm: string, action: "start" | "stop" | "restart" | "pause" | "resume", body: object = {}): Ask => ({
    method: "POST",
    path: `/vms/${enc(vm)}/${action}`,
    body,
  }),
  deleteVM: (vm: string): Ask => ({ method: "DELETE", path: `/vms/${enc(vm)}` }),
  migrate: (vm: string, body: { to?: string; cold?: boolean; limits?: Noun.Limits }): Ask => ({
    method: "POST",
    path: `/vms/${enc(vm)}/migrate`,
    body,
  }),
  backup: (vm: string, mode?: "full" | "incremental"): Ask => ({
    method: "POST",
    path: `/vms/${enc(vm)}/backups`,
    body: mode ? { mode } : {},
  }),
  restore: (backup: string, body: RestoreBackup): Ask => ({
    method: "POST",
    path: `/backups/${enc(backup)}/restore`,
    body,
  }),
  verify: (backup: string): Ask => ({ method: "POST", path: `/backups/${enc(backup)}/verify`, body: {} }),
  deleteBackup: (backup: string): Ask => ({ method: "DELETE", path: `/backups/${enc(backup)}` }),
  drain: (host: string): Ask => ({ method: "POST", path: `/hosts/${enc(host)}/drain`, body: {} }),
  planCapacity: (horizonDays: number): Ask => ({
    method: "POST",
    path: "/capacity/plans",
    body: { horizon_days: horizonDays },
  }),
};

// start begins the operation. The key makes a repeated click, or a retry after a lost answer, the same operation.
export const start = (what: Ask, key: string): Promise<Noun.Operation> =>
  request<Noun.Operation>(what.method, what.path, { body: what.body, idempotencyKey: key });

export const plan = (what: Ask, signal?: AbortSignal): Promise<Noun.Plan> =>
  request<Noun.Plan>(what.method, what.path, { body: what.body, query: { dry_run: true }, signal });

export const cancelOperation = (operation: string) => request<unknown>("POST", `/operations/${operation}/cancel`, { body: {} });
export const tune = (operation: string, tuning: Noun.Tuning) =>
  request<unknown>("POST", `/operations/${operation}/tune`, { body: tuning });

export const changeVM = (vm: Noun.VM, change: { name?: string; description?: string }) =>
  request<Noun.VM>("PATCH", `/vms/${vm.id}`, { body: change, ifMatch: vm.generation });

export const cordon = (host: string, on: boolean) =>
  request<Noun.Host | undefined>("POST", `/hosts/${enc(host)}/${on ? "cordon" : "uncordon"}`, { body: {} });
export const removeHost = (host: string) => request<void>("DELETE", `/hosts/${enc(host)}`);
export const enrolmentToken = () => request<Noun.EnrolmentToken>("POST", "/hosts/enrolment-tokens", { body: {} });

export const deleteImage = (image: string) => request<void>("DELETE", `/images/${enc(image)}`);

export const createSchedule = (schedule: CreateSchedule) =>
  request<Noun.Schedule>("POST", "/schedules", { body: schedule });
export const deleteSchedule = (schedule: string) => request<void>("DELETE", `/schedules/${schedule}`);
export const steerSchedule = (schedule: string, action: "pause" | "unpause" | "trigger") =>
  request<unknown>("POST", `/schedules/${schedule}/${action}`, { body: {} });
