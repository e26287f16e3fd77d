import type { InfiniteData, Query, QueryClient } from "@tanstack/react-query";
import { isFinal } from "@/api/can";
import type { Event, Operation, Page, Timeline } from "@/api/nouns";
import { statusOf } from "@/api/problem";
import { get } from "@/api/client";

// Nouns whose rows are fetched one by one and patched in place; the other nouns' short lists are simply read again.
const patched: Record<string, string> = { vm: "/vms", operation: "/operations", host: "/hosts", backup: "/backups", pool: "/pools", volume: "/volumes" };
const reread = new Set(["image", "template", "schedule", "network", "project"]);

const gatherFor = 120; // ms: one operation's burst of events becomes one read
const mostSingleReads = 12; // beyond this the list is read again instead
const listReadEvery = 1_500; // ms

interface Row {
  id: string;
  name?: string;
  state?: string;
}

// EventApplier turns events into the narrowest change of the caches that keeps every page true.
export class EventApplier {
  private dirty = new Map<string, Set<string>>();
  private gather: ReturnType<typeof setTimeout> | undefined;
  private stale = new Set<string>();
  private listTimer: ReturnType<typeof setTimeout> | undefined;
  private gone = new Set<string>(); // IDs do not come back
  private going = new Set<string>(); // being deleted: a read might come too late

  constructor(private readonly client: QueryClient) {}

  event(event: Event): void {
    if (/\.(deleted|removed)$/.test(event.type)) this.remove(event.subject_kind, event.subject_id);
    else if (event.type.endsWith(".deleting")) this.leave(event.subject_kind, event.subject_id);
    else this.mark(event.subject_kind, event.subject_id);
    if (event.operation_id) this.mark("operation", event.operation_id);
    this.client.setQueryData<Event[]>(["event", "recent"], (old) => old && [event, ...old].slice(0, 50));
  }

  timeline(timeline: Timeline): void {
    const key = ["timeline", "one", timeline.operation_id];
    const known = this.client.getQueryData<Timeline>(key);
    if (known && known.history_at > timeline.history_at) return;
    this.client.setQueryData(key, timeline);
    const operation = this.client.getQueryData<Operation>(["operation", "one", timeline.operation_id]);
    const passed = Boolean(timeline.no_return_at);
    if (operation && (operation.state !== timeline.state || operation.no_return !== passed)) {
      this.mark("operation", timeline.operation_id);
    }
  }

  // refresh reads everything on screen again: after the first connection, what was read before it may be stale.
  refreshOlderThan(instant: number): void {
    void this.client.invalidateQueries({
      predicate: (query) => query.state.dataUpdatedAt > 0 && query.state.dataUpdatedAt < instant && query.queryKey[0] !== "transition",
    });
  }

  private mark(noun: string, id: string): void {
    if (!id || this.gone.has(id) || this.going.has(id)) return;
    const ids = this.dirty.get(noun) ?? new Set();
    this.dirty.set(noun, ids.add(id));
    this.gather ??= setTimeout(() => void this.flush(), gatherFor);
  }

  private async flush(): Promise<void> {
    const work = this.dirty;
    this.dirty = new Map();
    this.gather = undefined;
    const reads: Promise<void>[] = [];
    for (const [noun, ids] of work) {
      if (reread.has(noun)) this.readList(noun);
      const path = patched[noun];
      if (!path) continue;
      if (ids.size > mostSingleReads) {
        this.readList(noun);
        if (noun === "operation") this.readList("vm");
        if (noun === "operation" || noun === "vm") this.readList("volume");
        void this.client.invalidateQueries({ queryKey: [noun, "one"] });
        continue;
      }
      for (const id of ids) if (!this.gone.has(id) && !this.going.has(id)) reads.push(this.readOne(noun, path, id));
    }
    await Promise.all(reads);
  }

  private async readOne(noun: string, path: string, id: string): Promise<void> {
    try {
      const row = await get<Row>(`${path}/${id}`);
      this.put(noun, row);
      if (noun === "operation") this.putOperation(row as unknown as Operation);
      if (noun === "vm") await this.readVolumesOf(id);
    } catch (error) {
      if (statusOf(error) === 404) this.remove(noun, id);
    }
  }

  // readVolumesOf follows a VM's volumes: an operation on the VM holds them too, and what it does to them is told of the VM.
  private async readVolumesOf(vm: string): Promise<void> {
    void this.client.invalidateQueries({ queryKey: ["vm", "disks", vm] });
    if (this.client.getQueryCache().findAll({ queryKey: ["volume", "list"], type: "active" }).length === 0) return;
    const { items } = await get<Page<Row>>(`/vms/${vm}/disks`);
    for (const row of items ?? []) this.put("volume", row);
  }

  private put(noun: string, row: Row): void {
    this.client.setQueryData([noun, "one", row.id], row);
    if (row.name && this.client.getQueryData([noun, "one", row.name])) {
      this.client.setQueryData([noun, "one", row.name], row);
    }
    let seen = false;
    this.changeLists(noun, (items) => {
      const at = items.findIndex((item) => item.id === row.id);
      if (at < 0) return items;
      seen = true;
      return items.with(at, row);
    });
    if (!seen || this.hasFilteredList(noun)) this.readList(noun);
  }

  private putOperation(operation: Operation): void {
    this.client.setQueryData<Operation[]>(["operation", "open"], (old) => {
      if (!old) return old;
      const others = old.filter((other) => other.id !== operation.id);
      if (isFinal(operation)) return others.length === old.length ? old : others;
      return [operation, ...others].sort((a, b) => b.id.localeCompare(a.id));
    });
    this.readList("overview");
    const { kind, id } = operation.subject;
    // What belongs to nobody is no volume that could be read, until it has been taken in.
    const stray = operation.kind === "discard_volume" || (operation.kind === "adopt_volume" && operation.state !== "succeeded");
    const stays = operation.state === "failed" || operation.state === "cancelled";
    if (stays) this.going.delete(id);
    // A backup is deleted sooner than it could be read; that it is being deleted comes as an event of its own.
    if (kind === "vm" || kind === "host" || (kind === "volume" && !stray) || (kind === "backup" && (stays || operation.kind !== "delete_backup"))) this.mark(kind, id);
    // A volume that is attached or detached is held besides its VM, and so is what a VM is cloned from.
    const held = operation.request as { volume_id?: string; source_vm_id?: string } | null;
    if (held?.volume_id && !stray) this.mark("volume", held.volume_id);
    if (held?.source_vm_id) this.mark("vm", held.source_vm_id);
    if (isFinal(operation)) {
      void this.client.invalidateQueries({ queryKey: ["timeline", "one", operation.id] });
      if (operation.kind === "capacity") void this.client.invalidateQueries({ queryKey: ["capacity"] });
    }
  }

  // leave shows that something is being deleted, without asking for what may be gone when the question arrives.
  private leave(noun: string, id: string): void {
    this.going.add(id);
    const change = (row: Row): Row => (row.id === id ? { ...row, state: "deleting" } : row);
    this.changeLists(noun, (items) => (items.some((item) => item.id === id) ? items.map(change) : items));
    this.client.setQueriesData<Row>({ queryKey: [noun, "one"] }, (old) => old && change(old));
    if (this.hasFilteredList(noun)) this.readList(noun);
  }

  private remove(noun: string, id: string): void {
    this.gone.add(id);
    if (noun === "vm") this.readList("volume"); // its disks went with it, and its volumes stay
    if (reread.has(noun) || this.hasFilteredList(noun)) this.readList(noun);
    this.changeLists(noun, (items) => {
      const left = items.filter((item) => item.id !== id);
      return left.length === items.length ? items : left;
    });
    // By whatever name it was read: a page that shows it reads it once more and says that it is gone.
    const shows = (query: Query) => query.queryKey[0] === noun && query.queryKey[1] === "one" && (query.state.data as Row | undefined)?.id === id;
    this.client.removeQueries({ predicate: shows, type: "inactive" });
    void this.client.invalidateQueries({ predicate: shows });
  }

  private changeLists(noun: string, change: (items: Row[]) => Row[]): void {
    this.client.setQueriesData<Row[] | InfiniteData<Page<Row>>>({ queryKey: [noun, "list"] }, (old) => {
      if (!old) return old;
      if (Array.isArray(old)) return change(old);
      let touched = false;
      const pages = old.pages.map((page) => {
        const before = page.items ?? [];
        const after = change(before);
        touched ||= after !== before;
        return after === before ? page : { ...page, items: after };
      });
      return touched ? { ...old, pages } : old;
    });
  }

  private hasFilteredList(noun: string): boolean {
    const lists = this.client.getQueryCache().findAll({ queryKey: [noun, "list"], type: "active" });
    return lists.some((query) => Object.values((query.queryKey[2] ?? {}) as object).some(Boolean));
  }

  private readList(noun: string): void {
    this.stale.add(noun);
    this.listTimer ??= setTimeout(() => {
      this.listTimer = undefined;
      const nouns = [...this.stale];
      this.stale.clear();
      for (const each of nouns) {
        void this.client.invalidateQueries({ queryKey: each === "overview" ? [each] : [each, "list"] });
      }
    }, listReadEvery);
  }
}
