import type { Operation, Transition, VM, VMAction } from "./nouns";

// Verdict says whether an action is allowed, and if not, why not and what to do about it.
export type Verdict = { allowed: true } | { allowed: false; reason: string };

const yes: Verdict = { allowed: true };
const no = (reason: string): Verdict => ({ allowed: false, reason });

// can is every state rule of a VM in the interface. The rules are internal/vm's: the table is the one that
// GET /vm-transitions serves, and the sentences are those of VM.Can there.
export function can(table: Transition[] | undefined, vm: VM, action: VMAction): Verdict {
  const row = table?.find((transition) => transition.action === action);
  if (!table) return no("The rules are still being loaded.");
  if (!row) return no(`This server does not know how to ${verbOf[action].toLowerCase()} a VM.`);
  if (vm.operation_id && !row.while_busy) {
    const what = vm.operation_kind ? ` (${vm.operation_kind})` : "";
    return no(`An operation${what} is working on it. Wait for it or cancel it.`);
  }
  if (!(row.from ?? []).includes(vm.state)) return no(`It is ${vm.state}: ${row.advice}.`);
  return yes;
}

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
  delete: "Delete",
  console: "Console",
};
