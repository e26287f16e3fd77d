import { address, request } from "./client";
import type * as Noun from "./nouns";
import { selectedProject } from "./project";

// Every call that changes something. Each that starts an operation takes dryRun and answers the plan instead.

export interface CreateVM {
  name: string;
  image?: string; // or a template
  template?: string; // or a version of it, such as web:3
  cpus?: number;
  memory_bytes?: number;
  disk_bytes?: number;
  pool?: string;
  network?: string;
  host?: string;
  cloud_init?: Noun.CloudInit;
}

export interface CloneVM {
  name: string;
  host?: string;
  pool?: string;
  start: boolean;
}

export interface RestoreBackup {
  name?: string;
  in_place?: boolean;
  host?: string;
  pool?: string;
  start: boolean;
}

export interface TakeSnapshot {
  name: string;
  description?: string;
}

export interface CreateSchedule {
  vm: string;
  name: string;
  cron?: string;
  every_seconds?: number;
  keep: { last?: number; within_hours?: number };
}

export interface AddPool {
  name: string;
  settings: Noun.PoolSettings;
  key?: string;
  tier: Noun.PoolTier;
  overcommit: number;
  only_hosts?: string[];
}

export interface SetPool {
  settings?: Noun.PoolSettings;
  key?: string;
  tier?: Noun.PoolTier;
  overcommit?: number;
  only_hosts?: string[];
}

export interface MoveDisk {
  pool: string;
  bandwidth_bytes_per_second?: number;
}

// LimitDisk is what the VM may ask of a disk; what is left out is not limited.
export type LimitDisk = Noun.VolumeLimits;

export interface AdoptVolume {
  name: string;
  host?: string;
}

export interface DiscardVolume {
  host?: string;
}

export interface ImportImage {
  name: string;
  url: string;
  sha256?: string;
  public?: boolean;
}

interface NewVersion {
  name: string; // of the template
  description?: string;
  notes?: string;
  promote?: boolean;
  public?: boolean;
  cpus?: number;
  memory_bytes?: number;
  disk_bytes?: number;
  network?: string;
}

export interface PublishTemplate extends NewVersion {
  image: string;
  generalised?: "declared";
}

export interface PublishVM extends NewVersion {
  vm: string;
  generalised?: "declared" | "agent";
}

export interface CreateVolume {
  name: string;
  size_bytes: number;
  pool?: string;
  host?: string;
}

export interface MoveVolume {
  pool: string;
}

export interface AttachVolume {
  volume: string;
  bus?: "virtio" | "scsi";
}

export interface DetachVolume {
  name?: string;
  grace_seconds?: number;
}

// Ask is a request that starts an operation: what "copy as CLI / curl" prints and what dry runs repeat.
export interface Ask {
  method: "POST" | "PUT" | "DELETE";
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
  cloneVM: (vm: string, body: CloneVM): Ask => ({ method: "POST", path: `/vms/${enc(vm)}/clone`, body }),
  deleteVM: (vm: string): Ask => ({ method: "DELETE", path: `/vms/${enc(vm)}` }),
  migrate: (vm: string, body: { to?: string; cold?: boolean; limits?: Noun.Limits }): Ask => ({
    method: "POST",
    path: `/vms/${enc(vm)}/migrate`,
    body,
  }),
  growDisk: (vm: string, device: string, bytes: number): Ask => ({ method: "POST", path: `/vms/${enc(vm)}/disks/${enc(device)}/grow`, body: { size_bytes: bytes } }),
  moveDisk: (vm: string, device: string, body: MoveDisk): Ask => ({ method: "POST", path: `/vms/${enc(vm)}/disks/${enc(device)}/move`, body }),
  limitDisk: (vm: string, device: string, body: LimitDisk): Ask => ({ method: "PUT", path: `/vms/${enc(vm)}/disks/${enc(device)}/limits`, body }),
  createVolume: (body: CreateVolume): Ask => ({ method: "POST", path: "/volumes", body }),
  attachVolume: (vm: string, body: AttachVolume): Ask => ({ method: "POST", path: `/vms/${enc(vm)}/disks`, body }),
  detachVolume: (vm: string, device: string, body: DetachVolume): Ask => ({ method: "POST", path: `/vms/${enc(vm)}/disks/${enc(device)}/detach`, body }),
  growVolume: (volume: string, bytes: number): Ask => ({ method: "POST", path: `/volumes/${enc(volume)}/grow`, body: { size_bytes: bytes } }),
  moveVolume: (volume: string, body: MoveVolume): Ask => ({ method: "POST", path: `/volumes/${enc(volume)}/move`, body }),
  purgeVolume: (volume: string): Ask => ({ method: "POST", path: `/volumes/${enc(volume)}/purge` }),
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
  takeSnapshot: (vm: string, body: TakeSnapshot): Ask => ({ method: "POST", path: `/vms/${enc(vm)}/snapshots`, body }),
  revertSnapshot: (vm: string, snapshot: string, start: boolean): Ask => ({ method: "POST", path: `/vms/${enc(vm)}/snapshots/${enc(snapshot)}/revert`, body: { start } }),
  deleteSnapshot: (vm: string, snapshot: string): Ask => ({ method: "DELETE", path: `/vms/${enc(vm)}/snapshots/${enc(snapshot)}` }),
  drain: (host: string): Ask => ({ method: "POST", path: `/hosts/${enc(host)}/drain`, body: {} }),
  removePool: (pool: string, forget: boolean): Ask => ({ method: "DELETE", path: `/pools/${enc(pool)}${forget ? "?forget=true" : ""}` }),
  scanPool: (pool: string): Ask => ({ method: "POST", path: `/pools/${enc(pool)}/scan` }),
  adoptVolume: (pool: string, volume: string, body: AdoptVolume): Ask => ({ method: "POST", path: `/pools/${enc(pool)}/strays/${enc(volume)}/adopt`, body }),
  discardVolume: (pool: string, volume: string, body: DiscardVolume): Ask => ({ method: "POST", path: `/pools/${enc(pool)}/strays/${enc(volume)}/discard`, body }),
  publishTemplate: (body: PublishTemplate): Ask => ({ method: "POST", path: "/templates", body }),
  publishVM: (body: PublishVM): Ask => ({ method: "POST", path: "/templates/from-vm", body }),
  changeVersion: ({ template_id, number }: Noun.TemplateVersion, action: Noun.TemplateAction): Ask =>
    action === "delete"
      ? { method: "DELETE", path: `/templates/${enc(template_id)}/versions/${number}` }
      : { method: "POST", path: `/templates/${enc(template_id)}/versions/${number}/${action}` },
  importImage: (body: ImportImage): Ask => ({ method: "POST", path: "/images/from-url", body }),
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

export const addPool = (pool: AddPool) => request<Noun.Pool>("POST", "/pools", { body: pool });
export const setPool = (pool: Noun.Pool, change: SetPool) =>
  request<Noun.Pool>("PATCH", `/pools/${pool.id}`, { body: change, ifMatch: pool.generation });

// imageFormats are those in which an image can be downloaded.
export const imageFormats = ["qcow2", "raw", "vmdk", "vhdx", "vdi", "vhd"] as const;

// imageContent is where an image's bytes are, in that format. The browser goes there itself, without headers.
export const imageContent = (image: string, format: string): string =>
  address(`/images/${enc(image)}/content`, { format, project: selectedProject() });

export const trashVolume = (volume: string) => request<Noun.Volume>("DELETE", `/volumes/${enc(volume)}`);
export const restoreVolume = (volume: string) => request<Noun.Volume>("POST", `/volumes/${enc(volume)}/restore`);

export const publishTemplate = (body: PublishTemplate) => request<Noun.TemplateVersion>("POST", "/templates", { body });
export const changeVersion = (version: Noun.TemplateVersion, action: Noun.TemplateAction) => {
  const { method, path } = ask.changeVersion(version, action);
  return request<Noun.TemplateVersion | undefined>(method, path);
};
export const deleteTemplate = (template: string) => request<void>("DELETE", `/templates/${enc(template)}`);

export const deleteImage = (image: string) => request<void>("DELETE", `/images/${enc(image)}`);

export const createSchedule = (schedule: CreateSchedule) =>
  request<Noun.Schedule>("POST", "/schedules", { body: schedule });
export const deleteSchedule = (schedule: string) => request<void>("DELETE", `/schedules/${schedule}`);
export const steerSchedule = (schedule: string, action: "pause" | "unpause" | "trigger") =>
  request<unknown>("POST", `/schedules/${schedule}/${action}`, { body: {} });
