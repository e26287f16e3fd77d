import type { ImportImage } from "@/api/actions";
import type * as Noun from "@/api/nouns";
import type { Database } from "./database";
import { guestOf, Precopy } from "./precopy";
import type { Script, StepScript } from "./run";

// The scripts of the operations: their steps, how long each lasts, and what it changes.

export const step = (name: string, title: string, lasts: number, rest: Partial<StepScript> = {}): StepScript => ({ name, title, lasts, ...rest });

export interface Provision {
  vm: Noun.VM;
  host: Noun.Host;
  fails?: "start";
}

export function provision(database: Database, { vm, host, fails }: Provision): Script {
  return {
    steps: [
      step("place", "Choose a host", 60, { result: () => ({ host_id: host.id, host_name: host.name }) }),
      step("fetch_image", "Bring the image to the host", 900, {
        host: host.name,
        unit: { unit: "bytes", total: 412 * 2 ** 20 },
        input: { image_id: vm.image_id },
      }),
      step("create_disk", "Create the disk from the image", 250, { host: host.name, undo: "Delete the disk", input: { volume_id: vm.volume_ids?.[0] } }),
      step("join_network", "Join the network", 120, { host: host.name, undo: "Leave the network", input: vm.interfaces?.[0] }),
      step("define", "Define the VM", 180, { host: host.name, undo: "Undefine the VM" }),
      step("start", "Start the VM", 700, {
        host: host.name,
        undo: "Stop the VM",
        failures: fails
          ? [
              { error: "The host does not answer; it was last heard of 4 s ago.", next: "It is tried again in 1.2 s." },
              { error: "QEMU ended with: cannot set up guest memory: Cannot allocate memory.", next: "What was done so far is taken back.", fatal: true },
            ]
          : undefined,
      }),
      step("await_guest", "Wait for the guest to answer", 2_600, { host: host.name, result: () => ({ ip: vm.interfaces?.[0]?.ip, agent: true }) }),
    ],
    result: () => ({ vm_id: vm.id, host_id: host.id, ip: vm.interfaces?.[0]?.ip }),
    ending: (state) => {
      if (state === "succeeded") {
        database.setVM(vm.id, { state: "running", host_id: host.id, host_name: host.name }, "vm.running");
        return;
      }
      database.deleteVM(vm.id);
    },
  };
}

export function migrate(database: Database, vm: Noun.VM, to: Noun.Host, limits: Noun.Limits, tuned: Noun.Tuning, dirtyMiB?: number): Script {
  const from = vm.host_name ?? "h1";
  const precopy = new Precopy(guestOf(vm, dirtyMiB), limits, tuned, database.random);
  let copied = 0;
  return {
    steps: [
      step("place", "Choose the new host", 60, { result: () => ({ host_id: to.id, host_name: to.name }) }),
      step("prepare_target", "Prepare the new host", 420, { host: to.name, undo: "Clear the new host", input: { vm_id: vm.id, volumes: vm.volume_ids } }),
      step("start_migration", "Start the migration", 150, { host: from, undo: "Abort the migration", input: { to: to.facts.migration_address, limits } }),
      step("await_rounds", "Copy memory, round by round", 60_000, {
        host: from,
        work: (moment) => {
          const done = precopy.work(moment);
          copied = moment.elapsed;
          if (done) moment.step.result = JSON.stringify({ rounds: moment.step.calls });
          return done;
        },
      }),
      step("switch_over", "Switch over to the new host", 350, {
        host: from,
        noReturn: true,
        after: () => {
          const timeline = [...database.timelines.values()].find((each) => each.operation_id === database.vms.get(vm.id)?.operation_id);
          if (timeline?.migration) timeline.migration.outcome = precopy.outcome(timeline, copied);
        },
      }),
      step("verify", "Ask both hosts who runs it", 300, { host: to.name, result: () => ({ runs_on: to.name }) }),
      step("commit", "Record the new host", 40, {
        after: () => database.setVM(vm.id, { host_id: to.id, host_name: to.name }, "vm.migrated"),
      }),
      step("clean_source", "Clear the old host", 380, { host: from }),
    ],
    result: () => ({ from_host: from, to_host: to.name }),
  };
}

// moved is a cold migration.
export function moved(database: Database, vm: Noun.VM, to: Noun.Host): Script {
  const from = vm.host_name ?? "h1";
  return {
    steps: [
      step("place", "Choose the new host", 60),
      step("copy_disk", "Copy the disk", 4_000, { host: from, undo: "Delete the copy", unit: { unit: "bytes", total: 3 * 2 ** 30 } }),
      step("commit", "Record the new host", 40, { noReturn: true, after: () => database.setVM(vm.id, { host_id: to.id, host_name: to.name }, "vm.moved") }),
      step("clean_source", "Clear the old host", 300, { host: from }),
    ],
  };
}

const powered: Record<string, [name: string, title: string, lasts: number, to: Noun.VMState]> = {
  start: ["start", "Start the VM", 1_500, "running"],
  stop: ["stop", "Ask the guest to shut down", 2_500, "stopped"],
  restart: ["restart", "Restart the guest", 3_000, "running"],
  pause: ["pause", "Stop its CPUs", 200, "paused"],
  resume: ["resume", "Let its CPUs go on", 200, "running"],
};

export function power(database: Database, vm: Noun.VM, action: string): Script {
  const [name, title, lasts, to] = powered[action]!;
  return {
    steps: [
      step(name, title, lasts, { host: vm.host_name }),
      step("record", "Record the state", 40, { after: () => database.setVM(vm.id, { state: to }, `vm.${to}`) }),
    ],
  };
}

export function remove(database: Database, vm: Noun.VM): Script {
  return {
    steps: [
      step("stop", "Cut its power", 300, { host: vm.host_name, noReturn: true }),
      step("undefine", "Undefine the VM", 150, { host: vm.host_name }),
      step("delete_disks", "Delete its disks, but for volumes with a name", 400, { host: vm.host_name }),
      step("forget", "Free its name and address", 40),
    ],
    ending: (state) => {
      if (state !== "succeeded") return;
      database.deleteVM(vm.id);
    },
  };
}

export function takeBackup(database: Database, vm: Noun.VM, backup: Noun.Backup): Script {
  const total = backup.mode === "full" ? 1_340 * 2 ** 20 : 96 * 2 ** 20;
  return {
    steps: [
      step("freeze", "Freeze the guest's file systems", 120, { host: vm.host_name, undo: "Thaw the guest's file systems" }),
      step("begin_backup", "Mark the point in time", 90, { host: vm.host_name, undo: "End the backup job", input: { mode: backup.mode, base_id: backup.base_id } }),
      step("thaw", "Thaw the guest's file systems", 60, { host: vm.host_name }),
      step("copy_chunks", "Copy what is to be kept", 3_500, {
        host: vm.host_name,
        undo: "Drop what was copied",
        unit: { unit: "bytes", total },
        result: () => ({ read_bytes: total, stored_bytes: Math.round(total * 0.52) }),
      }),
      step("end_backup", "End the backup job", 90, { host: vm.host_name }),
      step("record", "Record the backup", 40),
    ],
    result: () => ({ backup_id: backup.id, read_bytes: total }),
    ending: (state) => {
      if (state === "succeeded") {
        database.backups.set(backup.id, { ...backup, state: "ready", read_bytes: total, stored_bytes: Math.round(total * 0.52), frozen: true });
        database.tell("backup.taken", "backup", backup.id);
        return;
      }
      database.backups.delete(backup.id);
      database.tell("backup.deleted", "backup", backup.id);
    },
  };
}

export function restore(database: Database, backup: Noun.Backup, vm: Noun.VM, host: Noun.Host, inPlace: boolean, start: boolean): Script {
  const total = (backup.disks ?? []).reduce((sum, disk) => sum + disk.size_bytes, 0);
  return {
    steps: [
      step("place", "Choose a host", 60, { result: () => ({ host_name: host.name }) }),
      ...(inPlace ? [step("stop", "Stop the VM", 900, { host: host.name })] : []),
      step("create_disks", "Create the disks", 200, { host: host.name, undo: "Delete the disks" }),
      step("write_chunks", "Write the disks from the repository", 3_200, { host: host.name, unit: { unit: "bytes", total } }),
      step("define", "Define the VM", 180, { host: host.name, undo: "Undefine the VM", noReturn: inPlace }),
      ...(start ? [step("start", "Start the VM", 1_200, { host: host.name, undo: "Stop the VM" })] : []),
    ],
    result: () => ({ vm_id: vm.id }),
    ending: (state) => {
      if (state === "succeeded") {
        const change: Partial<Noun.VM> = { state: start ? "running" : "stopped", host_id: host.id, host_name: host.name };
        database.setVM(vm.id, change, "vm.restored");
      } else if (!inPlace) {
        database.deleteVM(vm.id);
      }
    },
  };
}

export function clone(database: Database, source: Noun.VM, vm: Noun.VM, host: Noun.Host, start: boolean): Script {
  const total = database.disksOf(source).reduce((sum, disk) => sum + disk.size_bytes, 0);
  const runs = source.state === "running" || source.state === "paused";
  return {
    steps: [
      step("place", "Choose a host and a pool", 60, { result: () => ({ host_name: host.name }) }),
      step("create_disks", "Create empty disks", 200, { host: host.name, undo: "Delete the disks" }),
      ...(runs ? [step("begin_export", "Freeze the source's guest for an instant and begin to export its disks", 240, { host: source.host_name, undo: "End the export" })] : []),
      step("copy_disks", "Copy the source's disks", 2_600, { host: host.name, unit: { unit: "bytes", total }, undo: "Withdraw the offer of the source's disks" }),
      ...(runs ? [step("end_export", "End the export of the source's disks", 60, { host: source.host_name })] : []),
      step("define", "Define the clone on the host", 180, { host: host.name, undo: "Switch the clone off and undefine it" }),
      ...(start ? [step("start", "Start the clone", 1_200, { host: host.name })] : []),
    ],
    result: () => ({ vm_id: vm.id, source_vm_id: source.id }),
    ending: (state) => {
      if (state === "succeeded") database.setVM(vm.id, { state: start ? "running" : "stopped", host_id: host.id, host_name: host.name }, "vm.cloned");
      else database.deleteVM(vm.id);
    },
  };
}

export function verify(database: Database, backup: Noun.Backup): Script {
  return {
    steps: [step("read_chunks", "Read every chunk and check its hash", 2_500, { host: database.hosts[0]?.name, unit: { unit: "chunks", total: 21_440 } })],
    ending: (state) => {
      if (state !== "succeeded") return;
      database.backups.set(backup.id, { ...backup, verified_at: database.now() });
      database.tell("backup.verified", "backup", backup.id);
    },
  };
}

export function deleteBackup(database: Database, backup: Noun.Backup): Script {
  return {
    steps: [
      step("delete_manifest", "Delete its list of chunks", 200, { noReturn: true, host: database.hosts[0]?.name }),
      step("sweep", "Delete chunks that nothing needs", 900, { host: database.hosts[0]?.name }),
    ],
    ending: () => {
      database.backups.delete(backup.id);
      database.tell("backup.deleted", "backup", backup.id);
    },
  };
}

export function drain(count: number): Script {
  return {
    steps: [
      step("cordon", "Give the host no new VMs", 60),
      step("move_vms", "Move its VMs to other hosts", 6_000, { unit: { unit: "vms", total: Math.max(1, count) } }),
      step("check_empty", "See that nothing is left", 200),
    ],
  };
}

export function planCapacity(database: Database, make: () => NonNullable<Database["report"]>): Script {
  return {
    steps: [
      step("read_history", "Read the telemetry", 700),
      step("work_out", "Work out trends", 400, {
        after: () => {
          database.report = make();
        },
      }),
    ],
  };
}

// planOf is what a dry run answers.
export const planOf = (kind: Noun.OperationKind, script: Script, host?: Noun.Host, notes?: string[]): Noun.Plan => ({
  kind,
  steps: script.steps.map((each) => ({ name: each.name, title: each.title, undo: each.undo, no_return: each.noReturn })),
  host_id: host?.id,
  notes,
});

export function removePool(database: Database, pool: Noun.Pool, put: (pool: Noun.Pool) => void): Script {
  return {
    steps: [
      step("close", "Let nothing new go there, and see that it holds no volumes", 60, {
        undo: "Let volumes go there again",
        after: () => put({ ...pool, state: "removing" }),
      }),
      step("clear", "Remove copies of images, and what made the place a pool", 900),
      step("forget", "Remove it from the inventory", 40),
    ],
    result: () => ({ pool_id: pool.id, name: pool.name }),
    ending: (state) => {
      if (state !== "succeeded") return put({ ...pool, state: "ready" });
      database.pools = database.pools.filter((each) => each.id !== pool.id);
      database.tell("pool.removed", "pool", pool.id);
    },
  };
}

export function moveDisk(database: Database, vm: Noun.VM, disk: Noun.Disk, pool: string): Script {
  const volume = database.mint("vol");
  const host = vm.host_name;
  return {
    steps: [
      step("read", "Read the VM and see that its host reaches the other pool", 60, { undo: "Remove the new volume from the inventory" }),
      step("create_volume", "Create a volume in the other pool", 200, { host, undo: "Delete the volume in the other pool" }),
      step("copy", "Copy the disk", 4_000, {
        host,
        undo: "End the copying; the VM stays with the disk that it has",
        unit: { unit: "bytes", total: disk.size_bytes },
      }),
      step("switch", "Let the VM go on with the copy", 120, { host }),
      step("verify", "Ask the host which volume the VM has", 60, { host }),
      step("commit", "Record the new place", 40, {
        noReturn: true,
        after: () => {
          database.volumes.set(volume, { ...database.volumes.get(disk.id)!, id: volume, pool, image_id: undefined });
          database.volumes.delete(disk.id);
          database.setVM(vm.id, { volume_ids: (vm.volume_ids ?? []).map((id) => (id === disk.id ? volume : id)) }, "vm.changed");
        },
      }),
      step("delete_old", "Delete the volume in the old pool", 200, { host }),
    ],
    result: () => ({ vm_id: vm.id, device: disk.device, from_pool: disk.pool, to_pool: pool, volume_id: volume, live: vm.state === "running" }),
  };
}

export function growDisk(database: Database, vm: Noun.VM, disk: Noun.Disk, size: number): Script {
  const host = vm.host_name;
  return {
    steps: [
      step("read", "Read the VM and see that the pool may promise so much", 60),
      step("drop_checkpoints", "Drop the checkpoints of backups, which cannot follow", 80, { host }),
      step("grow", "Make the disk larger", 200, { host, noReturn: true }),
      step("commit", "Record its size", 40, {
        after: () => {
          database.volumes.set(disk.id, { ...database.volumes.get(disk.id)!, size_bytes: size });
          database.setVM(vm.id, {}, "vm.changed");
        },
      }),
    ],
    result: () => ({ vm_id: vm.id, device: disk.device, from_bytes: disk.size_bytes, size_bytes: size }),
  };
}

export function importImage(database: Database, id: string, wanted: ImportImage): Script {
  const total = 412 * 2 ** 20;
  const format = /\.(vmdk|vhdx|vdi|vhd|ova)$/.exec(wanted.url)?.[1] ?? "qcow2";
  return {
    steps: [
      step("download", "Download the file", 3_000, { undo: "Remove what was downloaded", unit: { unit: "bytes", total } }),
      step("examine", "Examine it, and convert it to qcow2 if it is neither that nor raw", 900),
      step("keep", "Keep its bytes and record the image", 300, {
        undo: "Remove the image, and its bytes if no other image has them",
        after: () => {
          const image: Noun.Image = {
            id, name: wanted.name, format: "qcow2", source_format: format, sha256: "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
            size_bytes: total, virtual_bytes: 2 * 2 ** 30, vms: 0, templates: [], created_at: database.now(),
          };
          database.images = [...database.images, image];
          database.tell("image.imported", "image", id);
        },
      }),
    ],
    result: () => ({ image_id: id, name: wanted.name, source_format: format }),
  };
}
