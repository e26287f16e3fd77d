import type * as Noun from "@/api/nouns";
import type { Report } from "@/api/capacity";
import { isFinal } from "@/api/can";
import { standardConfig } from "./config";
import type { MockConfig } from "./config";
import { generator, idOf } from "./random";
import type { Run } from "./run";

// Stray is a volume in a pool that belongs to nobody.
export interface Stray extends Noun.Held {
  pool: string;
}

type Listener = (event: Noun.Event) => void;

// Database is the mock's inventory: what the tables of PostgreSQL are to the real server.
export class Database {
  config: MockConfig = standardConfig();
  projects: Noun.Project[] = [];
  hosts: Noun.Host[] = [];
  images: Noun.Image[] = [];
  templates: Noun.Template[] = []; // without what their versions say, which templatesOf adds
  templateVersions: Noun.TemplateVersion[] = [];
  pools: Noun.Pool[] = [];
  volumes = new Map<string, Noun.Volume>(); // without the names and operations that shown adds
  claims = new Map<string, string>(); // the operation that was begun last on a volume
  strays: Stray[] = [];
  lost = new Set<string>(); // volumes that are not where the inventory has them
  networks: Noun.Network[] = [];
  vms = new Map<string, Noun.VM>();
  operations = new Map<string, Noun.Operation>();
  timelines = new Map<string, Noun.Timeline>();
  snapshots = new Map<string, Noun.Snapshot>(); // what is current is told by their VM
  backups = new Map<string, Noun.Backup>();
  schedules = new Map<string, Noun.Schedule>();
  events: Noun.Event[] = [];
  runs = new Map<string, Run>();
  cloudInits = new Map<string, Noun.CloudInit>(); // what guests are told
  keys = new Map<string, { body: string; operation: string }>();
  report: Report | null = null;
  random = generator(7);

  private sequence = 0;
  private listeners = new Set<Listener>();

  // now is the mock's clock; seeding turns it back to make history.
  clock: () => number = Date.now;

  now(): string {
    return new Date(this.clock()).toISOString();
  }

  mint(prefix: string): string {
    return idOf(prefix, this.clock(), this.random);
  }

  get lastSequence(): number {
    return this.sequence;
  }

  tell(type: string, kind: string, id: string, operation?: string): void {
    this.sequence += 1 + Math.floor(this.random() * 2); // numbers may be missing
    const event: Noun.Event = { sequence: this.sequence, at: this.now(), type, subject_kind: kind, subject_id: id };
    if (operation) event.operation_id = operation;
    this.events.push(event);
    this.listeners.forEach((listener) => listener(event));
  }

  listen(listener: Listener): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  vm(reference: string): Noun.VM | undefined {
    return this.vms.get(reference) ?? [...this.vms.values()].find((vm) => vm.name === reference);
  }

  host(reference: string | undefined): Noun.Host | undefined {
    return this.hosts.find((host) => host.id === reference || host.name === reference);
  }

  // loadedHosts are the hosts with what their VMs take of them.
  loadedHosts(): Noun.Host[] {
    const loads = new Map(this.hosts.map((host) => [host.id, { vms: 0, promised: { cpus: 0, memory_bytes: 0 } }]));
    for (const vm of this.vms.values()) {
      const load = loads.get(vm.host_id ?? "");
      if (!load) continue;
      load.vms++;
      load.promised.cpus += vm.spec.cpus;
      load.promised.memory_bytes += vm.spec.memory_bytes;
    }
    return this.hosts.map((host) => ({ ...host, ...loads.get(host.id) }));
  }

  setVM(id: string, change: Partial<Noun.VM>, event: string, operation?: string): void {
    const vm = this.vms.get(id);
    if (!vm) return;
    this.vms.set(id, { ...vm, ...change, generation: vm.generation + 1, updated_at: this.now() });
    this.tell(event, "vm", id, operation);
  }

  // deleteVM takes a VM with its disks away; its volumes that have a name stay.
  deleteVM(id: string): void {
    for (const volume of [...this.volumes.values()].filter((each) => each.vm_id === id)) {
      if (volume.name) this.volumes.set(volume.id, { ...volume, vm_id: undefined, device: undefined });
      else this.volumes.delete(volume.id);
    }
    this.vms.delete(id);
    this.tell("vm.deleted", "vm", id);
  }

  volume(reference: string): Noun.Volume | undefined {
    const volume = this.volumes.get(reference) ?? [...this.volumes.values()].find((each) => each.name === reference);
    return volume && this.shown(volume);
  }

  // shown is a volume with the names of what it is on, and the operation that works on it or on its VM.
  shown(volume: Noun.Volume): Noun.Volume {
    const vm = this.vms.get(volume.vm_id ?? "");
    const shared = this.pools.find((pool) => pool.name === volume.pool)?.shared;
    const host = shared ? undefined : this.host(vm?.host_id ?? volume.host_id);
    const claimed = this.operations.get(this.claims.get(volume.id) ?? "");
    const own = claimed && !isFinal(claimed) ? claimed : undefined;
    return {
      ...volume,
      vm_name: vm?.name,
      host_id: host?.id,
      host_name: host?.name,
      operation_id: own?.id ?? vm?.operation_id,
      operation_kind: own?.kind ?? vm?.operation_kind,
    };
  }

  disksOf(vm: Noun.VM): Noun.Disk[] {
    const all = (vm.volume_ids ?? []).flatMap((id) => this.volumes.get(id) ?? []).map((volume) => this.shown(volume) as Noun.Disk);
    return all.sort((a, b) => (a.device < b.device ? -1 : 1));
  }

  reaches(host: Noun.Host, pool: string): boolean {
    return Boolean(host.facts.pools?.some((fact) => fact.name === pool && fact.available));
  }

  addVolume(volume: Noun.Volume): void {
    this.volumes.set(volume.id, volume);
    if (volume.name) this.tell("volume.created", "volume", volume.id);
  }

  setVolume(id: string, change: Partial<Noun.Volume>): void {
    const volume = this.volumes.get(id);
    if (!volume) return;
    this.volumes.set(id, { ...volume, ...change });
    this.tell("volume.changed", "volume", id);
  }

  dropVolume(id: string): void {
    this.volumes.delete(id);
    this.tell("volume.deleted", "volume", id);
  }

  setOperation(id: string, change: Partial<Noun.Operation>): void {
    const operation = this.operations.get(id);
    if (operation) this.operations.set(id, { ...operation, ...change });
  }
}
