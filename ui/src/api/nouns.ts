// The JSON of the API's nouns (internal/vm, host, operation, ... in Go). contract.ts checks them against the OpenAPI
// document, so that the two cannot drift.

export type Time = string; // RFC 3339, UTC

// VMs

export type VMState = "provisioning" | "running" | "paused" | "stopped" | "crashed" | "unknown" | "deleting";

export interface Spec {
  cpus: number;
  memory_bytes: number;
}

export interface Interface {
  network_id: string;
  mac: string;
  ip: string;
}

// Origin is the version of a template that a VM was made from.
export interface Origin {
  template_id: string;
  version_id: string;
  label: string; // such as web:3
}

// CloudInit is what a guest is told at its first start.
export interface CloudInit {
  user_data?: string;
  network_config?: string;
  ssh_keys?: string[] | null;
}

export interface VM {
  id: string;
  project_id: string;
  name: string;
  description?: string;
  state: VMState;
  host_id?: string;
  host_name?: string;
  image_id?: string;
  template?: Origin;
  spec: Spec;
  interfaces: Interface[] | null;
  volume_ids: string[] | null;
  operation_id?: string;
  operation_kind?: string;
  snapshots: number; // how many its disks hold
  snapshot_id?: string; // the current one: its disks have changed since
  cloud_init_id?: string; // its guest is told something at its first start
  generation: number;
  created_at: Time;
  updated_at: Time;
}

export type VMAction =
  | "start"
  | "stop"
  | "restart"
  | "pause"
  | "resume"
  | "migrate"
  | "migrate_cold"
  | "backup"
  | "restore_in_place"
  | "clone_vm"
  | "take_snapshot"
  | "revert_snapshot"
  | "delete_snapshot"
  | "move_disk"
  | "grow_disk"
  | "limit_disk"
  | "attach_volume"
  | "detach_volume"
  | "publish_template"
  | "delete"
  | "console";

export interface Transition {
  action: VMAction;
  from: VMState[] | null;
  to?: VMState;
  doing?: string;
  while_busy: boolean;
  loses_snapshots: boolean;
  advice: string;
}

// Hosts

export type HostState = "ready" | "cordoned" | "offline";

export interface PoolFact {
  name: string;
  driver: string;
  shared: boolean;
  capacity_bytes: number;
  used_bytes: number;
  available: boolean;
  detail?: string;
  promised_bytes: number;
  overcommit: number;
}

export interface HostFacts {
  cpus: number;
  memory_bytes: number;
  architecture: string;
  cpu_model: string;
  libvirt_version: string;
  hypervisor_version: string;
  worker_version: string;
  migration_address: string;
  acceleration: string;
  pools: PoolFact[] | null;
}

export interface Host {
  id: string;
  name: string;
  state: HostState;
  cordoned: boolean;
  facts: HostFacts;
  promised: Spec;
  vms: number;
  use: { at: Time; cpu_fraction: number; memory_used_bytes: number; disk_used_bytes: number };
  last_seen_at: Time;
  operation_id?: string;
  generation: number;
  created_at: Time;
}

export interface EnrolmentToken {
  token: string;
  expires_at?: Time;
}

// Operations

export type OperationKind =
  | "provision"
  | "start"
  | "stop"
  | "restart"
  | "pause"
  | "resume"
  | "delete"
  | "migrate"
  | "drain"
  | "backup"
  | "verify_backup"
  | "delete_backup"
  | "restore"
  | "clone_vm"
  | "take_snapshot"
  | "revert_snapshot"
  | "delete_snapshot"
  | "capacity"
  | "remove_pool"
  | "scan_pool"
  | "adopt_volume"
  | "discard_volume"
  | "move_disk"
  | "grow_disk"
  | "limit_disk"
  | "import_image"
  | "publish_template"
  | "create_volume"
  | "grow_volume"
  | "move_volume"
  | "delete_volume"
  | "attach_volume"
  | "detach_volume";

export type OperationState =
  | "accepted"
  | "running"
  | "undoing"
  | "waiting"
  | "succeeded"
  | "failed"
  | "cancelled";

export interface Leak {
  kind: string;
  id: string;
  host_id?: string;
  detail: string;
}

export interface OperationProblem {
  kind: string;
  message: string;
  step?: string;
}

export interface Operation {
  id: string;
  project_id: string;
  kind: OperationKind;
  state: OperationState;
  subject: { kind: string; id: string; name: string };
  parent_id?: string;
  actor: string;
  request: unknown;
  result?: unknown;
  error?: OperationProblem;
  question?: string;
  leaks?: Leak[] | null;
  no_return: boolean;
  cancel_requested: boolean;
  run_id?: string;
  created_at: Time;
  started_at?: Time;
  ended_at?: Time;
  expected_seconds?: number;
}

export interface PlannedStep {
  name: string;
  title: string;
  undo?: string;
  no_return?: boolean;
}

export interface Plan {
  kind: OperationKind;
  steps: PlannedStep[] | null;
  host_id?: string;
  notes?: string[] | null;
}

export type StepState =
  | "planned"
  | "queued"
  | "running"
  | "retrying"
  | "done"
  | "failed"
  | "cancelled"
  | "skipped";

export interface Progress {
  done: number;
  total: number;
  unit: "bytes" | "chunks" | "vms";
}

export interface Step {
  name: string;
  title: string;
  undo?: boolean;
  no_return?: boolean;
  state: StepState;
  queue?: string;
  host_name?: string;
  worker?: string;
  calls: number;
  attempts: number;
  scheduled_at?: Time;
  started_at?: Time;
  ended_at?: Time;
  input?: string;
  result?: string;
  error?: string;
  next?: string;
  progress?: Progress;
}

export interface Round {
  iteration: number;
  at: Time;
  elapsed_ms: number;
  total_bytes: number;
  remaining_bytes: number;
  transferred_bytes: number;
  dirty_rate_bytes_per_second: number;
  bandwidth_bytes_per_second: number;
  throttle_percent: number;
  expected_downtime_ms: number;
  disk_total_bytes?: number;
  disk_remaining_bytes?: number;
  post_copy?: boolean;
}

export type DecisionAction = "continue" | "raise_downtime" | "throttle" | "post_copy" | "abort";

export interface Applied {
  action: DecisionAction;
  downtime_ms?: number;
  reason: string;
  at: Time;
  iteration: number;
  by: string;
}

export interface Outcome {
  total_ms: number;
  downtime_ms: number;
  setup_ms: number;
  iterations: number;
  transferred_bytes: number;
  post_copy: boolean;
}

export interface Migration {
  rounds: Round[] | null;
  decisions: Applied[] | null;
  outcome?: Outcome;
  expected_downtime_ms?: number;
}

export interface Timeline {
  operation_id: string;
  state: OperationState;
  steps: Step[] | null;
  migration?: Migration;
  no_return_at?: Time;
  history_at: number;
}

export interface Limits {
  bandwidth_bytes_per_second?: number;
  max_downtime_ms?: number;
  start_downtime_ms?: number;
  timeout_seconds?: number;
  allow_throttle?: boolean;
  allow_post_copy?: boolean;
}

export interface Tuning {
  bandwidth_bytes_per_second?: number;
  max_downtime_ms?: number;
  post_copy?: boolean;
  abort?: boolean;
}

// Images, storage, networks

export interface Image {
  id: string;
  project_id?: string;
  name: string;
  format: string;
  source_format: string; // the one that it came in
  sha256: string;
  size_bytes: number;
  virtual_bytes: number;
  vms: number;
  templates: string[] | null; // versions that are made of it and not withdrawn, such as web:3
  created_at: Time;
}

// Templates

export type TemplateState = "published" | "current" | "deprecated" | "withdrawn";
export type TemplateAction = "promote" | "deprecate" | "withdraw" | "delete";

export interface Template {
  id: string;
  project_id?: string; // every project's without it
  name: string;
  description?: string;
  current?: number; // of its versions
  versions: number;
  vms: number;
  created_at: Time;
}

export interface TemplateDefaults {
  cpus?: number;
  memory_bytes?: number;
  disk_bytes?: number;
  network_id?: string;
}

export interface TemplateVersion {
  id: string;
  template_id: string;
  template_name: string;
  number: number;
  state: TemplateState;
  image_id?: string;
  image_name?: string;
  image_virtual_bytes?: number;
  defaults: TemplateDefaults;
  notes?: string;
  generalised: "no" | "declared" | "agent";
  forgotten?: string[] | null;
  source_vm_id?: string;
  source_vm_name?: string;
  vms: number;
  published_by: string;
  published_at: Time;
  changed_by: string;
  changed_at: Time;
}

export type VolumeState = "creating" | "ready" | "trashed" | "deleting";

// VolumeLimits is the most that a VM may ask of a volume; what is left out is not limited.
export interface VolumeLimits {
  iops?: number;
  bytes_per_second?: number;
}

// Volume is a virtual disk. One with a name has a life of its own; one without ends with its VM.
export interface Volume {
  id: string;
  project_id: string;
  name?: string;
  vm_id?: string;
  vm_name?: string;
  device?: string;
  pool: string;
  host_id?: string;
  host_name?: string;
  size_bytes: number;
  image_id?: string;
  format: string;
  limits?: VolumeLimits;
  state: VolumeState;
  purge_at?: Time;
  operation_id?: string;
  operation_kind?: string;
  created_at: Time;
}

// Disk is a volume that a VM has.
export type Disk = Volume & { device: string };

export type VolumeAction = "attach" | "detach" | "grow" | "move" | "trash" | "restore" | "purge";

export type PoolHealth = "unknown" | "healthy" | "degraded" | "unreachable";
export type PoolTier = "hot" | "warm" | "cold";

export type Protocol = "nfs" | "cifs" | "glusterfs" | "sshfs";

export interface PoolSettings {
  local?: { directory: string; shared?: boolean };
  netfs?: { protocol: Protocol; source: string; at?: string; options?: string; host_key?: string };
  rbd?: { monitors: string[] | null; pool: string; user: string };
}

// PoolReach is what one host says of a pool.
export interface PoolReach {
  host_id: string;
  host_name: string;
  available: boolean;
  detail?: string;
  capacity_bytes: number;
  used_bytes: number;
  at: Time;
}

export interface Pool {
  id: string;
  name: string;
  driver: "local" | "netfs" | "rbd";
  settings: PoolSettings;
  sealed: boolean;
  shared: boolean;
  tier: PoolTier;
  overcommit: number;
  state: "ready" | "removing";
  health: PoolHealth;
  capacity_bytes: number;
  used_bytes: number;
  promised_bytes: number;
  volumes: number;
  only_host_ids: string[] | null;
  hosts: PoolReach[] | null;
  operation_id?: string;
  generation: number;
  created_at: Time;
}

// ObjectStore is where one kind of objects is kept, and whether the server reaches that.
export interface ObjectStore {
  holds: "images" | "backups";
  driver: "dir" | "swift";
  place: string;
  available: boolean;
  detail?: string;
}

// Held is a volume that a host finds in a pool.
export interface Held {
  volume_id: string;
  host_id?: string; // whose own pool it is in; none in a shared one
  host_name?: string;
  size_bytes: number;
  allocated_bytes: number;
}

// Survey is where a pool and the inventory differ: what the operation scan_pool results in.
export interface Survey {
  held: number;
  strays: Held[];
  missing: Volume[];
}

export interface Network {
  id: string;
  project_id?: string;
  name: string;
  vni: number;
  range: string;
  mtu: number;
  created_at: Time;
}

// Backups

export type BackupState = "creating" | "ready" | "damaged" | "deleting";

export interface Backup {
  id: string;
  project_id: string;
  vm_id: string;
  vm_name: string;
  mode: "full" | "incremental";
  mode_reason?: string;
  base_id?: string;
  state: BackupState;
  frozen: boolean;
  schedule_id?: string;
  disks: { device: string; size_bytes: number; manifest: string; sha256: string }[] | null;
  spec: Spec;
  read_bytes: number;
  stored_bytes: number;
  created_at: Time;
  verified_at?: Time;
  referenced_by: number;
  checkpoint: boolean;
  cloud_init_id?: string; // for what is made of it
  damaged_detail?: string;
}

export interface Schedule {
  id: string;
  project_id: string;
  vm_id: string;
  vm_name?: string;
  name: string;
  cron?: string;
  every_seconds?: number;
  keep: { last?: number; within_hours?: number };
  paused: boolean;
  next_run_at?: Time;
  last_run_at?: Time;
  last_result?: string;
  skipped: number;
  created_at: Time;
}

// Snapshots

export type SnapshotState = "creating" | "ready" | "deleting";

// Snapshot is what a VM's disks were at an instant. It lies within the disks and stands on no other.
export interface Snapshot {
  id: string;
  project_id: string;
  vm_id: string;
  parent_id?: string; // what the disks had changed since when it was taken
  name: string;
  description?: string;
  state: SnapshotState;
  quiesced: boolean;
  current: boolean;
  disks: { volume_id: string; device: string; size_bytes: number }[] | null;
  created_at: Time;
}

// Projects, access, events

export interface Project {
  id: string;
  name: string;
  created_at: Time;
}

export interface Event {
  sequence: number;
  at: Time;
  type: string;
  project_id?: string;
  subject_kind: string;
  subject_id: string;
  operation_id?: string;
  data?: unknown;
}

export interface Page<T> {
  items: T[] | null;
  next_cursor?: string;
}
