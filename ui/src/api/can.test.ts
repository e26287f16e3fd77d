import { describe, expect, it } from "vitest";
import table from "@/mock/vm-transitions.json";
import { can, canCancel } from "./can";
import type { Operation, Transition, VM, VMAction, VMState } from "./nouns";

const transitions = table as Transition[];
const states: VMState[] = ["provisioning", "running", "paused", "stopped", "crashed", "unknown", "deleting"];

const vm = (state: VMState, operation?: string, snapshots = 0): VM => ({
  id: "vm_1",
  project_id: "prj_1",
  name: "web-1",
  state,
  spec: { cpus: 1, memory_bytes: 1 },
  interfaces: [],
  volume_ids: [],
  operation_id: operation,
  operation_kind: operation ? "migrate" : undefined,
  snapshots,
  generation: 1,
  created_at: "2026-01-01T00:00:00Z",
  updated_at: "2026-01-01T00:00:00Z",
});

describe("can", () => {
  // The fixture is internal/vm's table; ../../transitions_test.go fails when it is not.
  it.each(transitions.flatMap((row) => states.map((state) => [row.action, state, (row.from ?? []).includes(state)] as const)))(
    "%s of a VM that is %s: %s",
    (action, state, allowed) => {
      expect(can(transitions, vm(state), action).allowed).toBe(allowed);
    },
  );

  it.each(transitions.map((row) => [row.action, row.while_busy] as const))("%s while an operation works on it: %s", (action, allowed) => {
    expect(can(transitions, vm("running", "op_1"), action).allowed).toBe(allowed);
  });

  it("gives the table's advice as the reason", () => {
    const verdict = can(transitions, vm("stopped"), "stop");
    expect(verdict).toEqual({ allowed: false, reason: "It is stopped: only a VM that is on can be stopped." });
  });

  it("names the operation in the way", () => {
    const verdict = can(transitions, vm("running", "op_1"), "stop");
    expect(verdict).toEqual({ allowed: false, reason: "An operation (migrate) is working on it. Wait for it or cancel it." });
  });

  it.each(transitions.map((row) => [row.action, row.loses_snapshots] as const))("%s of a VM that has snapshots loses them: %s", (action, loses) => {
    const states = transitions.find((row) => row.action === action)!.from!;
    expect(can(transitions, vm(states[0]!, undefined, 2), action).allowed).toBe(!loses);
  });

  it("says what to do about snapshots", () => {
    const reasonWith = (snapshots: number) => can(transitions, vm("running", undefined, snapshots), "grow_disk");
    expect(reasonWith(2)).toEqual({ allowed: false, reason: "It has 2 snapshots, which would not follow its disks; delete them first." });
    expect(reasonWith(1)).toEqual({ allowed: false, reason: "It has 1 snapshot, which would not follow its disks; delete it first." });
  });

  it("allows nothing before the table is there, and nothing that is not in it", () => {
    expect(can(undefined, vm("running"), "stop").allowed).toBe(false);
    expect(can([], vm("running"), "stop").allowed).toBe(false);
  });

  it("knows every action of the table", () => {
    const known: VMAction[] = ["start", "stop", "restart", "pause", "resume", "migrate", "migrate_cold", "backup", "restore_in_place", "move_disk", "grow_disk", "limit_disk", "attach_volume", "detach_volume", "take_snapshot", "revert_snapshot", "delete_snapshot", "publish_template", "clone_vm", "delete", "console"];
    expect(transitions.map((row) => row.action).sort()).toEqual(known.sort());
  });
});

describe("canCancel", () => {
  const operation = (change: Partial<Operation>): Operation => ({
    id: "op_1",
    project_id: "prj_1",
    kind: "migrate",
    state: "running",
    subject: { kind: "vm", id: "vm_1", name: "web-1" },
    actor: "admin",
    request: {},
    no_return: false,
    cancel_requested: false,
    created_at: "2026-01-01T00:00:00Z",
    ...change,
  });

  it("is allowed while it goes forward", () => {
    expect(canCancel(operation({})).allowed).toBe(true);
    expect(canCancel(operation({ state: "accepted" })).allowed).toBe(true);
    expect(canCancel(operation({ state: "waiting" })).allowed).toBe(true);
  });

  it.each([
    [{ state: "succeeded" } as const, /ended/],
    [{ state: "undoing" } as const, /taking back/],
    [{ no_return: true }, /point of no return/],
    [{ cancel_requested: true }, /asked to stop/],
  ])("is refused for %o", (change, reason) => {
    const verdict = canCancel(operation(change));
    expect(verdict.allowed ? "" : verdict.reason).toMatch(reason);
  });
});
