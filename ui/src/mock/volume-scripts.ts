import type * as Noun from "@/api/nouns";
import type { Database, Stray } from "./database";
import type { Script } from "./run";
import { step } from "./scripts";

// The scripts of the operations on volumes.

const resultOf = (volume: Noun.Volume) => ({ volume_id: volume.id, name: volume.name, pool: volume.pool });

export function createVolume(database: Database, volume: Noun.Volume, host: Noun.Host): Script {
  return {
    steps: [
      step("locate", "Find a host that reaches its pool", 60, { undo: "Remove the volume from the inventory, which frees its name" }),
      step("create", "Create the volume", 600, { host: host.name, undo: "Delete the volume" }),
      step("commit", "Record that it exists", 40),
    ],
    result: () => resultOf(volume),
    ending: (state) => {
      if (state === "succeeded") database.setVolume(volume.id, { state: "ready" });
      else database.dropVolume(volume.id);
    },
  };
}

export function deleteVolume(database: Database, volume: Noun.Volume): Script {
  const host = volume.host_name ?? database.hosts[0]?.name;
  return {
    steps: [
      step("locate", "Find a host that reaches its pool", 60),
      step("delete", "Delete the volume", 600, { host, noReturn: true }),
      step("forget", "Remove it from the inventory, which frees its name", 40),
    ],
    result: () => resultOf(volume),
    ending: (state) => {
      if (state === "succeeded") database.dropVolume(volume.id);
    },
  };
}

export function growVolume(database: Database, volume: Noun.Volume, bytes: number): Script {
  const host = volume.host_name ?? database.hosts[0]?.name;
  return {
    steps: [
      step("locate", "Find a host that reaches its pool, and see that the pool may promise so much", 60),
      step("grow", "Make the volume larger", 300, { host, noReturn: true }),
      step("commit", "Record its size", 40, { after: () => database.setVolume(volume.id, { size_bytes: bytes }) }),
    ],
    result: () => ({ ...resultOf(volume), from_bytes: volume.size_bytes, size_bytes: bytes }),
  };
}

export function moveVolume(database: Database, volume: Noun.Volume, pool: string): Script {
  const host = volume.host_name ?? database.hosts[0]?.name;
  const shared = database.pools.find((each) => each.name === pool)?.shared;
  const host_id = shared ? undefined : (volume.host_id ?? database.hosts[0]?.id);
  return {
    steps: [
      step("locate", "Find a host that reaches both pools", 60, { undo: "Remove the new volume from the inventory" }),
      step("create", "Create a volume in the other pool", 300, { host, undo: "Delete the volume in the other pool" }),
      step("copy", "Copy the volume", 2_500, { host }),
      step("commit", "Record the new place", 40, { noReturn: true, after: () => database.setVolume(volume.id, { pool, host_id }) }),
      step("delete_old", "Delete the volume in the old pool", 300, { host }),
    ],
    result: () => ({ ...resultOf(volume), pool, from_pool: volume.pool }),
  };
}

// held are the volumes that the VM has now.
const held = (database: Database, vm: Noun.VM) => database.vms.get(vm.id)?.volume_ids ?? [];

export function attachVolume(database: Database, vm: Noun.VM, volume: Noun.Volume, device: string): Script {
  const host = vm.host_name;
  return {
    steps: [
      step("read", "Read the VM and see that its host reaches the volume", 60),
      step("drop_checkpoints", "Drop the checkpoints of backups, which do not know the disk", 80, { host }),
      step("attach", "Plug the disk in", 500, { host, undo: "Unplug the disk" }),
      step("commit", "Record whose volume it is", 40, {
        noReturn: true,
        after: () => {
          database.setVolume(volume.id, { vm_id: vm.id, device });
          database.setVM(vm.id, { volume_ids: [...held(database, vm), volume.id] }, "vm.changed");
        },
      }),
    ],
    result: () => ({ vm_id: vm.id, volume_id: volume.id, name: volume.name, device }),
  };
}

export function detachVolume(database: Database, vm: Noun.VM, disk: Noun.Disk, name: string): Script {
  const host = vm.host_name;
  return {
    steps: [
      step("read", "Read the VM, and give the volume its name", 60, { undo: "Let the disk be one that ends with its VM" }),
      step("drop_checkpoints", "Drop the checkpoints of backups, which count on the disk", 80, { host }),
      step("detach", "Unplug the disk, once the guest lets go", 1_200, { host, undo: "Plug the disk in again" }),
      step("commit", "Record that the volume belongs to no VM", 40, {
        noReturn: true,
        after: () => {
          database.setVolume(disk.id, { name, vm_id: undefined, device: undefined, host_id: disk.host_id });
          database.setVM(vm.id, { volume_ids: held(database, vm).filter((id) => id !== disk.id) }, "vm.changed");
        },
      }),
    ],
    result: () => ({ vm_id: vm.id, volume_id: disk.id, name, device: disk.device }),
  };
}

export function limitDisk(database: Database, vm: Noun.VM, disk: Noun.Disk, limits: Noun.VolumeLimits): Script {
  return {
    steps: [
      step("read", "Read the VM and its disk", 60),
      step("limit", "Set the limits", 200, { host: vm.host_name, undo: "Set the limits that it had" }),
      step("commit", "Record them", 40, {
        noReturn: true,
        after: () => {
          database.setVolume(disk.id, { limits: limits.iops || limits.bytes_per_second ? limits : undefined });
          database.setVM(vm.id, {}, "vm.changed");
        },
      }),
    ],
    result: () => ({ vm_id: vm.id, volume_id: disk.id, device: disk.device, limits, from: disk.limits }),
  };
}

// surveyed compares a pool with the inventory, as internal/pool does.
function surveyed(database: Database, pool: Noun.Pool): Noun.Survey {
  const recorded = [...database.volumes.values()].filter((volume) => volume.pool === pool.name);
  const missing = recorded.filter((volume) => database.lost.has(volume.id)).map((volume) => database.shown(volume));
  const strays = database.strays.filter((stray) => stray.pool === pool.name);
  return { held: recorded.length - missing.length + strays.length, strays, missing };
}

export function scanPool(database: Database, pool: Noun.Pool): Script {
  return {
    steps: [
      step("locate", "Find the hosts that reach it", 60),
      step("look", "Compare what is there with the inventory", 700),
      step("look_again", "Look once more at what differs: it may have been on its way", 700),
    ],
    result: () => surveyed(database, pool),
  };
}

const hostOf = (database: Database, stray: Stray) => stray.host_name ?? database.hosts[0]?.name;

const forget = (database: Database, stray: Stray) => {
  database.strays = database.strays.filter((each) => each !== stray);
};

export function adoptVolume(database: Database, stray: Stray, name: string): Script {
  const { volume_id: id, pool, host_id, size_bytes } = stray;
  return {
    steps: [
      step("check", "See that it belongs to nobody", 60),
      step("inspect", "See what it is", 300, { host: hostOf(database, stray) }),
      step("record", "Record it under its name", 40, {
        after: () => {
          forget(database, stray);
          const project_id = database.projects[0]!.id;
          database.addVolume({ id, project_id, name, pool, host_id, size_bytes, format: "qcow2", state: "ready", created_at: database.now() });
        },
      }),
    ],
    result: () => ({ volume_id: id, name, pool }),
  };
}

export function discardVolume(database: Database, stray: Stray): Script {
  return {
    steps: [
      step("check", "See that it belongs to nobody", 60),
      step("delete", "Delete it", 500, { host: hostOf(database, stray), noReturn: true, after: () => forget(database, stray) }),
    ],
    result: () => ({ volume_id: stray.volume_id, pool: stray.pool }),
  };
}
