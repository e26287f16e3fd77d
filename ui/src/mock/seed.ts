import type * as Noun from "@/api/nouns";
import { begin, vmSubject } from "./begin";
import type { MockConfig } from "./config";
import { Database } from "./database";
import type { Stray } from "./database";
import { newPool } from "./pools";
import { capacityReport } from "./capacity";
import { generator, hash, idOf } from "./random";
import * as scripts from "./scripts";
import { addSnapshots } from "./snapshot-seed";
import { seedTemplates } from "./templates";

const MiB = 2 ** 20;
const GiB = 2 ** 30;
const minute = 60_000;
const hour = 60 * minute;

// seeded makes the inventory that the mock begins with.
export function seeded(config: MockConfig): Database {
  const database = new Database();
  database.config = config;
  const start = Date.now();
  database.clock = () => start - 30 * 24 * hour;
  database.projects = ["default", "research"].map((name) => ({ id: database.mint("prj"), name, created_at: database.now() }));
  database.networks = [
    { id: database.mint("net"), name: "default", vni: 100, range: "10.90.0.0/16", mtu: 1450, created_at: database.now() },
    { id: database.mint("net"), name: "storage", vni: 101, range: "10.91.0.0/20", mtu: 1450, created_at: database.now() },
  ];
  if (config.seed === "empty") {
    database.clock = Date.now;
    return database;
  }
  addHosts(database, start, { default: 5, thousand: 20, large: 100, empty: 0 }[config.seed]);
  addImages(database);
  addVMs(database, start, { default: 22, thousand: 1_000, large: 25_000, empty: 0 }[config.seed]);
  seedTemplates(database);
  addVolumes(database, start);
  addStrays(database, start);
  addSnapshots(database, start);
  addHistory(database, start);
  database.clock = Date.now;
  return database;
}

function addHosts(database: Database, start: number, count: number): void {
  for (let index = 1; index <= count; index++) {
    const name = `h${index}`;
    const offline = index === 5;
    const memory = index % 3 === 0 ? 256 * GiB : 128 * GiB;
    database.hosts.push({
      id: database.mint("hst"),
      name,
      state: offline ? "offline" : index === 4 ? "cordoned" : "ready",
      cordoned: index === 4,
      facts: {
        cpus: 32,
        memory_bytes: memory,
        architecture: "x86_64",
        cpu_model: "AMD EPYC 7543",
        libvirt_version: "9.0.0",
        hypervisor_version: "7.2.22",
        worker_version: "0.1.0",
        migration_address: `10.77.0.${10 + index}`,
        acceleration: "kvm",
        pools: [
          { name: "local", driver: "local", shared: false, capacity_bytes: 900 * GiB, used_bytes: (120 + 40 * (index % 5)) * GiB, available: true, promised_bytes: 600 * GiB, overcommit: 3 },
          index === 4
            ? { name: "shared", driver: "local", shared: true, capacity_bytes: 0, used_bytes: 0, available: false, detail: "the mount point is not there", promised_bytes: 9_000 * GiB, overcommit: 3 }
            : { name: "shared", driver: "local", shared: true, capacity_bytes: 8_192 * GiB, used_bytes: 5_130 * GiB, available: true, promised_bytes: 9_000 * GiB, overcommit: 3 },
        ],
      },
      promised: { cpus: 0, memory_bytes: 0 },
      vms: 0,
      use: { at: database.now(), cpu_fraction: 0.18 + ((index * 37) % 60) / 100, memory_used_bytes: memory * (0.35 + ((index * 23) % 60) / 100), disk_used_bytes: 200 * GiB },
      last_seen_at: new Date(start - (offline ? 4 * minute : 3_000)).toISOString(),
      generation: 3,
      created_at: database.now(),
    });
  }
  database.pools = [
    poolOf(database, "local", { local: { directory: "/var/lib/novacron/pools/local" } }),
    poolOf(database, "shared", { local: { directory: "/srv/novacron/shared", shared: true } }),
  ];
}

function poolOf(database: Database, name: string, settings: Noun.PoolSettings): Noun.Pool {
  return newPool(database, { name, settings, tier: "warm", overcommit: 3 });
}

function addImages(database: Database): void {
  const images: [string, string, number, number][] = [
    ["debian-12", "qcow2", 412 * MiB, 3 * GiB],
    ["ubuntu-24-04", "qcow2", 598 * MiB, 4 * GiB],
    ["novacron-lab", "raw", 64 * MiB, 64 * MiB],
    ["windows-2022", "qcow2", 9.2 * GiB, 40 * GiB],
  ];
  database.images = images.map(([name, format, size, virtual]) => ({
    id: database.mint("img"),
    name,
    format,
    source_format: format,
    sha256: Array.from({ length: 8 }, (_, at) => hash(name + at).toString(16).padStart(8, "0")).join(""),
    size_bytes: Math.round(size),
    virtual_bytes: virtual,
    vms: 0,
    templates: [],
    created_at: database.now(),
  }));
}

const roles = ["web", "api", "db", "cache", "queue", "build", "mail", "git", "docs", "metrics"];

export function newVM(database: Database, name: string, host: Noun.Host | undefined, image: Noun.Image | undefined, spec: Noun.Spec): Noun.VM {
  const number = database.vms.size + 2;
  const mac = hash(name).toString(16).padStart(8, "0").match(/../g)!.join(":");
  const vm: Noun.VM = {
    id: database.mint("vm"),
    project_id: database.projects[0]!.id,
    name,
    state: "running",
    host_id: host?.id,
    host_name: host?.name,
    image_id: image?.id,
    spec,
    interfaces: [{ network_id: database.networks[0]!.id, mac: `52:54:${mac}`, ip: `10.90.${number >> 8}.${number & 255}` }],
    volume_ids: [database.mint("vol")],
    snapshots: 0,
    generation: 1,
    created_at: database.now(),
    updated_at: database.now(),
  };
  database.vms.set(vm.id, vm);
  database.volumes.set(vm.volume_ids![0]!, volumeOf(database, vm.volume_ids![0]!, { vm_id: vm.id, device: "vda", image_id: image?.id }));
  if (image) image.vms++;
  return vm;
}

const volumeOf = (database: Database, id: string, rest: Partial<Noun.Volume>): Noun.Volume => ({
  id,
  project_id: database.projects[0]!.id,
  pool: "shared",
  size_bytes: 8 * GiB,
  format: "qcow2",
  state: "ready",
  created_at: database.now(),
  ...rest,
});

// addVolumes makes some that have a life of their own: attached, free, bound to a host, and in the trash.
function addVolumes(database: Database, start: number): void {
  const mail = database.vm("mail-1") ?? [...database.vms.values()][1]!;
  const docs = database.vm("docs-1") ?? [...database.vms.values()][2]!;
  const [, h2] = database.hosts;
  const volumes: Partial<Noun.Volume>[] = [
    { name: "mailboxes", size_bytes: 200 * GiB, vm_id: mail.id, device: "vdb" },
    { vm_id: docs.id, device: "vdb", size_bytes: 16 * GiB },
    { name: "media", size_bytes: 512 * GiB },
    { name: "scratch", size_bytes: 64 * GiB, pool: "local", host_id: h2!.id },
    { name: "reports-2024", size_bytes: 40 * GiB, state: "trashed", purge_at: new Date(start + 5.5 * 24 * hour).toISOString() },
  ];
  for (const [index, each] of volumes.entries()) {
    database.clock = () => start - (9 - index) * 24 * hour;
    const volume = volumeOf(database, database.mint("vol"), each);
    database.volumes.set(volume.id, volume);
    const vm = database.vms.get(volume.vm_id ?? "");
    if (vm) database.vms.set(vm.id, { ...vm, volume_ids: [...vm.volume_ids!, volume.id] });
  }
}

// addStrays leaves behind what crashes do, and loses a volume.
function addStrays(database: Database, start: number): void {
  const random = generator(11);
  const [, h2] = database.hosts;
  const place = { host_id: h2?.id, host_name: h2?.name };
  const found: Omit<Stray, "volume_id">[] = [
    { pool: "local", ...place, size_bytes: 20 * GiB, allocated_bytes: 3.2 * GiB },
    { pool: "local", ...place, size_bytes: 8 * GiB, allocated_bytes: 196 * 2 ** 10 },
  ];
  database.strays = found.map((each, index) => ({ volume_id: idOf("vol", start - (50 + index) * 24 * hour, random), ...each }));
  const scratch = database.volume("scratch");
  if (scratch) database.lost.add(scratch.id);
}

function addVMs(database: Database, start: number, count: number): void {
  for (let index = 0; index < count; index++) {
    database.clock = () => start - 20 * 24 * hour + index * 7 * minute;
    const name = count > 100 ? `vm-${String(index + 1).padStart(5, "0")}` : `${roles[index % roles.length]}-${1 + Math.floor(index / roles.length)}`;
    const host = database.hosts[index % database.hosts.length];
    const memory = [512 * MiB, GiB, 2 * GiB, 4 * GiB, 8 * GiB][index % 5]!;
    const vm = newVM(database, name, host, database.images[index % 2], { cpus: 1 + (index % 4), memory_bytes: memory });
    if (index % 9 === 4) vm.state = "stopped";
    else if (index % 23 === 7) vm.state = "crashed";
    else if (index % 31 === 12) vm.state = "paused";
    if (host?.state === "offline" && vm.state === "running") vm.state = "unknown";
    if (index === 2) vm.description = "The ledger; never without a backup";
  }
}

// play runs an operation to its end, or to an instant, as if it had been watched.
function play(database: Database, from: number, until: number, start: () => Noun.Operation): Noun.Operation {
  let now = from;
  const speed = database.config.speed;
  database.config = { ...database.config, speed: 1 };
  database.clock = () => now;
  const { id } = start();
  const run = database.runs.get(id)!;
  while (now < until && !run.ended) {
    run.advance();
    now += 40;
  }
  database.config = { ...database.config, speed };
  return database.operations.get(id)!;
}

function addHistory(database: Database, start: number): void {
  const all = [...database.vms.values()];
  const running = all.filter((vm) => vm.state === "running" && database.host(vm.host_id)?.state === "ready");
  const [h1, h2, h3] = database.hosts as [Noun.Host, Noun.Host, Noun.Host];
  const at = (index: number) => database.vms.get(running[index % running.length]!.id)!;
  const other = (vm: Noun.VM) => [h1, h2, h3].find((host) => host.id !== vm.host_id)!;
  const migrateOf = (vm: Noun.VM, limits: Noun.Limits, dirty: number, tuned: Noun.Tuning = {}) => () =>
    begin(database, {
      kind: "migrate",
      subject: vmSubject(vm),
      request: { vm_id: vm.id, to_host_id: other(vm).id, limits },
      script: scripts.migrate(database, vm, other(vm), limits, tuned, dirty),
      tuned,
    });

  for (let index = 0; index < 12; index++) {
    const vm = at(index);
    const backup = newBackup(database, vm, index < 6 ? "full" : "incremental");
    play(database, start - (40 - index * 3) * hour, start, () => begin(database, { kind: "backup", subject: vmSubject(vm), request: { vm_id: vm.id, backup_id: backup.id }, script: scripts.takeBackup(database, vm, backup), actor: index % 2 ? "schedule:nightly" : "admin" }));
    database.backups.set(backup.id, { ...database.backups.get(backup.id)!, created_at: new Date(start - (40 - index * 3) * hour).toISOString() });
  }
  const damaged = [...database.backups.values()][1]!;
  database.backups.set(damaged.id, { ...damaged, state: "damaged", damaged_detail: "chunk 1,204 of vda does not have the hash that was recorded" });
  addSchedules(database, start, [at(0), at(2), at(4)]);

  play(database, start - 5 * hour, start, migrateOf(at(1), {}, 60));
  play(database, start - 4 * hour, start, migrateOf(at(3), { allow_throttle: true, max_downtime_ms: 300 }, 118));
  play(database, start - 3 * hour, start, migrateOf(at(5), { allow_post_copy: true, max_downtime_ms: 200 }, 140));

  database.clock = () => start - 2 * hour;
  const unlucky = newVM(database, "build-9", h2, database.images[1], { cpus: 8, memory_bytes: 64 * GiB });
  unlucky.state = "provisioning";
  play(database, start - 2 * hour, start, () => begin(database, { kind: "provision", subject: vmSubject(unlucky), request: { vm_id: unlucky.id, name: unlucky.name, image_id: unlucky.image_id, spec: unlucky.spec, disk_bytes: 4 * GiB }, script: scripts.provision(database, { vm: unlucky, host: h2, fails: "start" }) }));
  addLeak(database, start, at(6));
  addCancelled(database, start, at(7), migrateOf);
  addQuestion(database, start);

  database.report = capacityReport(database, start);
  database.clock = () => start;
  if (database.config.seed === "default") {
    const busy = at(2);
    database.vms.set(busy.id, { ...busy, spec: { ...busy.spec, memory_bytes: 4 * GiB } });
    play(database, start - 30_000, start, migrateOf(database.vms.get(busy.id)!, { allow_throttle: true }, 62));
  }
}

function addLeak(database: Database, start: number, vm: Noun.VM): void {
  const operation = play(database, start - 26 * hour, start, () =>
    begin(database, { kind: "restart", subject: vmSubject(vm), request: { vm_id: vm.id }, script: scripts.power(database, vm, "restart") }),
  );
  database.setOperation(operation.id, {
    state: "failed",
    error: { kind: "unavailable", message: "The host stopped answering while the VM was being moved.", step: "clean_source" },
    leaks: [{ kind: "volume", id: vm.volume_ids![0]!, host_id: vm.host_id, detail: "a copy of its disk is still on h5, which does not answer" }],
  });
}

function addCancelled(database: Database, start: number, vm: Noun.VM, migrateOf: (vm: Noun.VM, limits: Noun.Limits, dirty: number) => () => Noun.Operation): void {
  let id = "";
  play(database, start - 90 * minute, start - 90 * minute + 9_000, () => {
    const operation = migrateOf(vm, {}, 60)();
    id = operation.id;
    return operation;
  });
  const run = database.runs.get(id)!;
  run.cancel();
  database.setOperation(id, { cancel_requested: true });
  let now = start - 90 * minute + 9_000;
  database.clock = () => now;
  while (!run.ended) {
    run.advance();
    now += 40;
  }
}

function addQuestion(database: Database, start: number): void {
  const vm = [...database.vms.values()].find((each) => each.state === "unknown");
  if (!vm) return;
  const operation = play(database, start - 4 * minute, start - 4 * minute + 1_500, () =>
    begin(database, { kind: "stop", subject: vmSubject(vm), request: { vm_id: vm.id }, script: scripts.power(database, vm, "stop") }),
  );
  database.runs.delete(operation.id);
  const question = `Host ${vm.host_name} does not answer, so it is not known whether ${vm.name} still runs. Bring the host back, or remove it as lost.`;
  database.setOperation(operation.id, { state: "waiting", question });
  const timeline = database.timelines.get(operation.id)!;
  timeline.state = "waiting";
  const step = timeline.steps![0]!;
  step.state = "retrying";
  step.attempts = 4;
  step.error = "The host does not answer.";
  step.next = "It is tried again as soon as the host reports.";
}

export function newBackup(database: Database, vm: Noun.VM, mode: "full" | "incremental"): Noun.Backup {
  const backup: Noun.Backup = {
    id: database.mint("bkp"),
    project_id: vm.project_id,
    vm_id: vm.id,
    vm_name: vm.name,
    mode,
    mode_reason: mode === "full" ? "it is the first one" : undefined,
    state: "creating",
    frozen: false,
    disks: database.disksOf(vm).map(({ device, size_bytes }) => ({ device, size_bytes, manifest: `manifests/${vm.id}/${device}`, sha256: hash(vm.id + device).toString(16) })),
    spec: vm.spec,
    read_bytes: 0,
    stored_bytes: 0,
    created_at: database.now(),
    referenced_by: 0,
    checkpoint: true,
  };
  database.backups.set(backup.id, backup);
  return backup;
}

function addSchedules(database: Database, start: number, vms: Noun.VM[]): void {
  const rhythms: Partial<Noun.Schedule>[] = [{ cron: "0 2 * * *" }, { cron: "0 * * * *" }, { every_seconds: 7 * 24 * 3_600, paused: true }];
  const periods = [24 * hour, hour, 7 * 24 * hour];
  vms.forEach((vm, index) => {
    const every = periods[index]!;
    const next = (Math.floor(start / every) + 1) * every + (index === 0 ? 2 * hour : 0);
    const id = idOf("sch", start, database.random);
    database.schedules.set(id, {
      id,
      project_id: vm.project_id,
      vm_id: vm.id,
      vm_name: vm.name,
      name: `${vm.name}-${["nightly", "hourly", "weekly"][index]}`,
      keep: index === 0 ? { last: 14 } : { last: 24, within_hours: 48 },
      paused: false,
      next_run_at: new Date(next).toISOString(),
      last_run_at: new Date(next - every).toISOString(),
      last_result: index === 1 ? "left out: the run before was still at work" : "backup taken, 61 MiB read",
      skipped: index === 1 ? 2 : 0,
      created_at: new Date(start - 300 * hour).toISOString(),
      ...rhythms[index],
    });
  });
}
