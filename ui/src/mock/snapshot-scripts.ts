import type { TakeSnapshot } from "@/api/actions";
import type * as Noun from "@/api/nouns";
import type { Database } from "./database";
import type { Script } from "./run";
import { step } from "./scripts";

// The scripts of the operations on snapshots, and what they do to the inventory.

export const snapshotsOf = (database: Database, vm: Noun.VM): Noun.Snapshot[] =>
  [...database.snapshots.values()].filter((each) => each.vm_id === vm.id).map((each) => ({ ...each, current: each.id === vm.snapshot_id }));

export function newSnapshot(database: Database, vm: Noun.VM, { name, description }: TakeSnapshot): Noun.Snapshot {
  return {
    id: database.mint("snp"),
    project_id: vm.project_id,
    vm_id: vm.id,
    parent_id: vm.snapshot_id,
    name,
    description,
    state: "creating",
    quiesced: false,
    current: false,
    disks: database.disksOf(vm).map(({ id, device, size_bytes }) => ({ volume_id: id, device, size_bytes })),
    created_at: database.now(),
  };
}

// counted tells of a change of a VM's snapshots.
function counted(database: Database, vm: string, change: Partial<Noun.VM> = {}): void {
  const snapshots = [...database.snapshots.values()].filter((each) => each.vm_id === vm).length;
  database.setVM(vm, { snapshots, ...change }, "vm.changed");
}

export function addSnapshot(database: Database, made: Noun.Snapshot): void {
  database.snapshots.set(made.id, made);
  counted(database, made.vm_id);
}

// keepSnapshot records that it was taken: the disks change since it.
export function keepSnapshot(database: Database, made: Noun.Snapshot, quiesced: boolean): void {
  database.snapshots.set(made.id, { ...made, state: "ready", quiesced });
  counted(database, made.vm_id, { snapshot_id: made.id });
}

// forgetSnapshot leaves its children and its VM to its parent.
function forgetSnapshot(database: Database, id: string): void {
  const going = database.snapshots.get(id);
  if (!going) return;
  database.snapshots.delete(id);
  for (const each of database.snapshots.values()) {
    if (each.parent_id === id) database.snapshots.set(each.id, { ...each, parent_id: going.parent_id });
  }
  const was = database.vms.get(going.vm_id)?.snapshot_id;
  counted(database, going.vm_id, { snapshot_id: was === id ? going.parent_id : was });
}

const resultOf = ({ vm_id, id, name }: Noun.Snapshot, quiesced?: boolean) => ({ vm_id, snapshot_id: id, name, quiesced });

export function takeSnapshot(database: Database, vm: Noun.VM, made: Noun.Snapshot): Script {
  const host = vm.host_name;
  const quiesced = vm.state !== "paused";
  return {
    steps: [
      step("read", "Read the VM and its disks", 60, { undo: "Remove the snapshot from the inventory, which frees its name" }),
      step("take", "Keep all disks as they are at one instant", 1_200, { host, undo: "Forget what was kept, and let the VM go on", result: () => ({ quiesced }) }),
      step("commit", "Record the snapshot", 40, { noReturn: true, after: () => keepSnapshot(database, made, quiesced) }),
    ],
    result: () => resultOf(made, quiesced),
    ending: (state) => {
      if (state !== "succeeded") forgetSnapshot(database, made.id);
    },
  };
}

export function revertSnapshot(database: Database, vm: Noun.VM, snapshot: Noun.Snapshot, start: boolean): Script {
  const host = vm.host_name;
  const on = vm.state === "running" || vm.state === "paused";
  return {
    steps: [
      step("read", "Read the VM and the snapshot", 60),
      step("drop_checkpoints", "Drop the checkpoints of backups, which cannot follow", 80, { host }),
      step("power_off", "Switch the VM off", 300, {
        host,
        undo: "Switch it on again if it was on",
        after: () => on && database.setVM(vm.id, { state: "stopped" }, "vm.stopped"),
      }),
      step("revert", "Set all disks back", 600, { host, noReturn: true }),
      step("record", "Record what the disks are now", 40, { after: () => counted(database, vm.id, { snapshot_id: snapshot.id, state: "stopped" }) }),
      ...(start ? [step("start", "Start the VM", 900, { host }), step("await_guest", "Wait for the guest to answer", 1_600, { host })] : []),
      step("commit", "Check the VM and record it", 40, { after: () => start && database.setVM(vm.id, { state: "running" }, "vm.running") }),
    ],
    result: () => resultOf(snapshot, snapshot.quiesced),
  };
}

export function deleteSnapshot(database: Database, vm: Noun.VM, snapshot: Noun.Snapshot): Script {
  return {
    steps: [
      step("read", "Read the VM and its disks", 60),
      step("drop", "Give back what only the snapshot needed", 700, { host: vm.host_name, noReturn: true }),
      step("forget", "Remove it from the inventory; what was taken after it stays", 40, { after: () => forgetSnapshot(database, snapshot.id) }),
    ],
    result: () => resultOf(snapshot, snapshot.quiesced),
  };
}
