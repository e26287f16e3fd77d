import type * as Noun from "@/api/nouns";
import type { Report } from "@/api/capacity";
import { standardConfig } from "./config";
import type { MockConfig } from "./config";
import { generator, idOf } from "./random";
import type { Run } from "./run";

type Listener = (event: Noun.Event) => void;

// Database is the mock's inventory: what the tables of PostgreSQL are to the real server.
export class Database {
  config: MockConfig = standardConfig();
  projects: Noun.Project[] = [];
  hosts: Noun.Host[] = [];
  images: Noun.Image[] = [];
  pools: Noun.Pool[] = [];
  networks: Noun.Network[] = [];
  vms = new Map<string, Noun.VM>();
  operations = new Map<string, Noun.Operation>();
  timelines = new Map<string, Noun.Timeline>();
  backups = new Map<string, Noun.Backup>();
  schedules = new Map<string, Noun.Schedule>();
  events: Noun.Event[] = [];
  runs = new Map<string, Run>();
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

  setOperation(id: string, change: Partial<Noun.Operation>): void {
    const operation = this.operations.get(id);
    if (operation) this.operations.set(id, { ...operation, ...change });
  }
}
