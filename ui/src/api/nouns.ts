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

export interface VM {
  id: string;
  project_id: string;
  name: string;
  description?: string;
  state: VMState;
  host_id?: string;
  host_name?: string;
  image_id?: string;
  spec: Spec;
  interfaces: Interface[] | null;
  volume_ids: string[] | null;
  operation_id?: string;
  operation_kind?: string;
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
  | "delete"
  | "console";

export interface Transition {
  action: VMAction;
  from: VMState[] | null;
  to?: VMState;
  doing?: string;
  while_busy: boolean;
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
  | "capacity";

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
  sha256: string;
  size_bytes: number;
  virtual_bytes: number;
  vms: number;
  created_at: Time;
}

export interface Pool {
  name: string;
  driver: string;
  shared: boolean;
  capacity_bytes: number;
  used_bytes: number;
  host_ids: string[] | null;
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
