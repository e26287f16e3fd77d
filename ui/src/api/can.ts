import { plural } from "@/ui/format";
import type { Operation, Transition, VM, VMAction } from "./nouns";

// Verdict says whether an action is allowed, and if not, why not and what to do about it.
export type Verdict = { allowed: true } | { allowed: false; reason: string };

export const yes: Verdict = { allowed: true };
export const no = (reason: string): Verdict => ({ allowed: false, reason });

// can is every state rule of a VM in the interface. The rules are internal/vm's: the table is the one that
// GET /vm-transitions serves, and the sentences are those of VM.Can there.
export function can(table: Transition[] | undefined, vm: VM, action: VMAction): Verdict {
  const row = table?.find((transition) => transition.action === action);
  if (!table) return no("The rules are still being loaded.");
  if (!row) return no(`This server does not know how to ${verbOf[action].toLowerCase()} a VM.`);
  if (vm.operation_id && !row.while_busy) {
    return no(busy(vm));
  }
  if (row.loses_snapshots && vm.snapshots > 0) {
    return no(`It has ${plural(vm.snapshots, "snapshot")}, which would not follow its disks; delete ${vm.snapshots === 1 ? "it" : "them"} first.`);
  }
  if (!(row.from ?? []).includes(vm.state)) return no(`It is ${vm.state}: ${row.advice}.`);
  return yes;
}

// busy names the operation in the way.
export const busy = ({ operation_kind }: { operation_kind?: string }): string =>
  `An operation${operation_kind ? ` (${operation_kind})` : ""} is working on it. Wait for it or cancel it.`;

// canCancel follows Operation.CanCancel in internal/operation.
export function canCancel(operation: Operation): Verdict {
  if (isFinal(operation)) return no("It has ended; there is nothing to cancel.");
  if (operation.state === "undoing") return no("It is already taking back what it did.");
  if (operation.no_return) {
    return no("It is past its point of no return and will end by itself; cancelling now could lose the VM.");
  }
  if (operation.cancel_requested) return no("It has been asked to stop and will do so at its next step.");
  return yes;
}

export function isFinal(operation: Pick<Operation, "state">): boolean {
  return operation.state === "succeeded" || operation.state === "failed" || operation.state === "cancelled";
}

export const verbOf: Record<VMAction, string> = {
  start: "Start",
  stop: "Stop",
  restart: "Restart",
  pause: "Pause",
  resume: "Resume",
  migrate: "Migrate",
  migrate_cold: "Move (cold)",
  backup: "Back up",
  restore_in_place: "Restore in place",
  take_snapshot: "Snapshot",
  clone_vm: "Clone",
  revert_snapshot: "Revert",
  delete_snapshot: "Delete a snapshot of",
  move_disk: "Move a disk of",
  grow_disk: "Grow a disk of",
  attach_volume: "Attach a volume to",
  detach_volume: "Detach a volume from",
  limit_disk: "Limit a disk of",
  publish_template: "Publish as a template",
  delete: "Delete",
  console: "Console",
};
