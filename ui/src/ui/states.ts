import type { BackupState, HostState, ObjectStore, Operation, OperationKind, OperationState, Pool, PoolHealth, SnapshotState, StepState, TemplateState, VMState, VolumeState } from "@/api/nouns";
import { shortened } from "./format";

// Tone is one of the four state colours, or none. A state always has an icon and a word besides.
export type Tone = "ok" | "working" | "attention" | "failed" | "quiet";

export interface Look {
  tone: Tone;
  word: string;
  icon: "dot" | "check" | "cross" | "spin" | "pause" | "warning" | "ring" | "question" | "undo" | "clock" | "skip";
}

export const vmLook: Record<VMState, Look> = {
  provisioning: { tone: "working", word: "Provisioning", icon: "spin" },
  running: { tone: "ok", word: "Running", icon: "dot" },
  paused: { tone: "attention", word: "Paused", icon: "pause" },
  stopped: { tone: "quiet", word: "Stopped", icon: "ring" },
  crashed: { tone: "failed", word: "Crashed", icon: "cross" },
  unknown: { tone: "attention", word: "Unknown", icon: "question" },
  deleting: { tone: "working", word: "Deleting", icon: "spin" },
};

export const hostLook: Record<HostState, Look> = {
  ready: { tone: "ok", word: "Ready", icon: "dot" },
  cordoned: { tone: "attention", word: "Cordoned", icon: "pause" },
  offline: { tone: "failed", word: "Offline", icon: "cross" },
};

const healthLook: Record<PoolHealth, Look> = {
  unknown: { tone: "quiet", word: "Not opened yet", icon: "clock" },
  healthy: { tone: "ok", word: "Healthy", icon: "check" },
  degraded: { tone: "attention", word: "Degraded", icon: "warning" },
  unreachable: { tone: "failed", word: "Unreachable", icon: "cross" },
};

export const poolLook = (pool: Pool): Look =>
  pool.state === "removing" ? { tone: "working", word: "Being removed", icon: "spin" } : healthLook[pool.health];

export const storeLook = (store: ObjectStore): Look =>
  store.available ? { tone: "ok", word: "Available", icon: "check" } : { tone: "failed", word: "Not available", icon: "cross" };

export const volumeLook: Record<VolumeState, Look> = {
  creating: { tone: "working", word: "Being made", icon: "spin" },
  ready: { tone: "ok", word: "Ready", icon: "dot" },
  trashed: { tone: "attention", word: "In the trash", icon: "clock" },
  deleting: { tone: "working", word: "Deleting", icon: "spin" },
};

export const templateLook: Record<TemplateState, Look> = {
  published: { tone: "ok", word: "Published", icon: "dot" },
  current: { tone: "ok", word: "Current", icon: "check" },
  deprecated: { tone: "attention", word: "Deprecated", icon: "warning" },
  withdrawn: { tone: "quiet", word: "Withdrawn", icon: "skip" },
};

export const operationLook: Record<OperationState, Look> = {
  accepted: { tone: "working", word: "Accepted", icon: "clock" },
  running: { tone: "working", word: "Running", icon: "spin" },
  undoing: { tone: "attention", word: "Undoing", icon: "undo" },
  waiting: { tone: "attention", word: "Waiting", icon: "question" },
  succeeded: { tone: "ok", word: "Succeeded", icon: "check" },
  failed: { tone: "failed", word: "Failed", icon: "cross" },
  cancelled: { tone: "quiet", word: "Cancelled", icon: "skip" },
};

export const stepLook: Record<StepState, Look> = {
  planned: { tone: "quiet", word: "Not reached yet", icon: "ring" },
  queued: { tone: "quiet", word: "Waits for a worker", icon: "clock" },
  running: { tone: "working", word: "Running", icon: "spin" },
  retrying: { tone: "attention", word: "Retrying", icon: "warning" },
  done: { tone: "ok", word: "Done", icon: "check" },
  failed: { tone: "failed", word: "Failed", icon: "cross" },
  cancelled: { tone: "quiet", word: "Cancelled", icon: "skip" },
  skipped: { tone: "quiet", word: "Not needed", icon: "skip" },
};

export const backupLook: Record<BackupState, Look> = {
  creating: { tone: "working", word: "Being taken", icon: "spin" },
  ready: { tone: "ok", word: "Ready", icon: "check" },
  damaged: { tone: "failed", word: "Damaged", icon: "cross" },
  deleting: { tone: "working", word: "Deleting", icon: "spin" },
};

export const snapshotLook: Record<SnapshotState, Look> = {
  creating: { tone: "working", word: "Being taken", icon: "spin" },
  ready: { tone: "ok", word: "Ready", icon: "check" },
  deleting: { tone: "working", word: "Deleting", icon: "spin" },
};

// kindWords name an operation: as a title, and as what is being done to its subject.
const kindWords: Record<OperationKind, [title: string, doing: string]> = {
  provision: ["Provision", "provisioning"],
  start: ["Start", "starting"],
  stop: ["Stop", "stopping"],
  restart: ["Restart", "restarting"],
  pause: ["Pause", "pausing"],
  resume: ["Resume", "resuming"],
  delete: ["Delete", "deleting"],
  migrate: ["Migrate", "migrating"],
  drain: ["Drain", "draining"],
  backup: ["Back up", "backing up"],
  verify_backup: ["Verify backup", "verifying a backup"],
  delete_backup: ["Delete backup", "deleting a backup"],
  restore: ["Restore", "restoring"],
  clone_vm: ["Make clone", "cloning"],
  take_snapshot: ["Take a snapshot of", "taking a snapshot"],
  revert_snapshot: ["Revert", "reverting"],
  delete_snapshot: ["Delete a snapshot of", "deleting a snapshot"],
  capacity: ["Plan capacity", "planning capacity"],
  remove_pool: ["Remove pool", "removing"],
  scan_pool: ["Compare pool", "comparing with the inventory"],
  adopt_volume: ["Take in volume", "taking in"],
  discard_volume: ["Delete stray volume", "deleting"],
  move_disk: ["Move a disk of", "moving a disk"],
  grow_disk: ["Grow a disk of", "growing a disk"],
  limit_disk: ["Limit a disk of", "limiting a disk"],
  import_image: ["Import image", "importing"],
  publish_template: ["Publish a template of", "publishing"],
  create_volume: ["Create volume", "creating"],
  delete_volume: ["Delete volume", "deleting"],
  grow_volume: ["Grow volume", "growing"],
  move_volume: ["Move volume", "moving"],
  attach_volume: ["Attach a volume to", "attaching a volume"],
  detach_volume: ["Detach a volume from", "detaching a volume"],
};

export const operationKinds = Object.keys(kindWords) as OperationKind[];
export const titleOf = (kind: string): string => kindWords[kind as OperationKind]?.[0] ?? kind.replaceAll("_", " ");
// nameOf is an operation's title: what is done, and to what, where there is more than one of it.
export const nameOf = ({ kind, subject }: Pick<Operation, "kind" | "subject">): string =>
  subject.kind === "cluster" ? titleOf(kind) : `${titleOf(kind)} ${shortened(subject.name)}`;
// actorOf is who asked: a user, or a schedule by its name.
export const actorOf = ({ actor }: Pick<Operation, "actor">): string => actor.replace(/^schedule:/, "schedule ");
export const doingOf = (kind: string): string => kindWords[kind as OperationKind]?.[1] ?? kind.replaceAll("_", " ");
