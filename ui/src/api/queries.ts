import { infiniteQueryOptions, keepPreviousData, queryOptions } from "@tanstack/react-query";
import { get } from "./client";
import type * as Noun from "./nouns";
import { statusOf } from "./problem";

// Keys begin with the noun, so that live/apply.ts can patch and invalidate them narrowly: [noun, "list" | "one", ...].
// Lists are kept fresh by events; staleTime is how long they may stand without any.
const live = 60_000;

export interface VMFilter {
  state?: string;
  host?: string;
  template?: string; // or a version of it, such as web:3
  q?: string;
}

export interface VolumeFilter {
  q?: string;
  pool?: string;
  state?: string;
}

export interface OperationFilter {
  kind?: string;
  state?: string;
  subject?: string;
  open?: boolean;
}

export const vmPageSize = 500;
const volumePageSize = 500;

async function list<T>(path: string, query: Record<string, string | number | boolean | undefined>, signal?: AbortSignal) {
  const page = await get<Noun.Page<T> | T[] | null>(path, query, signal);
  if (Array.isArray(page)) return page;
  return page?.items ?? [];
}

const pages = <T>(path: string, noun: string, filter: object, limit: number) =>
  infiniteQueryOptions({
    queryKey: [noun, "list", filter],
    queryFn: ({ pageParam, signal }) => get<Noun.Page<T>>(path, { ...filter, cursor: pageParam, limit }, signal),
    initialPageParam: "",
    getNextPageParam: (last: Noun.Page<T>) => last.next_cursor || undefined,
    placeholderData: keepPreviousData,
    staleTime: live,
  });

const one = <T>(path: string, noun: string, reference: string) =>
  queryOptions({
    queryKey: [noun, "one", reference],
    queryFn: ({ signal }) => get<T>(`${path}/${encodeURIComponent(reference)}`, undefined, signal),
    staleTime: live,
    enabled: reference !== "",
    retry: (count, error) => statusOf(error) === 0 && count < 3,
  });

const all = <T>(path: string, noun: string, filter: Record<string, string | undefined> = {}, stale = live) =>
  queryOptions({
    queryKey: [noun, "list", filter],
    queryFn: ({ signal }) => list<T>(path, filter, signal),
    staleTime: stale,
  });

export const vms = (filter: VMFilter) => pages<Noun.VM>("/vms", "vm", filter, vmPageSize);
export const vm = (reference: string) => one<Noun.VM>("/vms", "vm", reference);
// A disk that has moved is another volume: the key changes with them.
export const disks = (vm: Noun.VM) =>
  queryOptions({
    queryKey: ["vm", "disks", vm.id, vm.volume_ids],
    queryFn: ({ signal }) => list<Noun.Disk>(`/vms/${vm.id}/disks`, {}, signal),
    placeholderData: keepPreviousData,
    staleTime: live,
  });
// What happens to a VM's snapshots is told as a change of the VM, which is then another generation.
export const snapshots = (vm: Noun.VM) =>
  queryOptions({
    queryKey: ["vm", "snapshots", vm.id, vm.generation],
    queryFn: ({ signal }) => list<Noun.Snapshot>(`/vms/${vm.id}/snapshots`, {}, signal),
    placeholderData: (before, query) => (query?.queryKey[2] === vm.id ? before : undefined),
    staleTime: live,
  });
export const volumes = (filter: VolumeFilter) => pages<Noun.Volume>("/volumes", "volume", filter, volumePageSize);
export const hosts = () => all<Noun.Host>("/hosts", "host");
export const host = (reference: string) => one<Noun.Host>("/hosts", "host", reference);
export const images = () => all<Noun.Image>("/images", "image");
export const templates = () => all<Noun.Template>("/templates", "template");
// Below the list, which is read again whenever something is told of a template.
export const templateVersions = (template: string) =>
  queryOptions({
    queryKey: ["template", "list", "versions", template],
    queryFn: ({ signal }) => list<Noun.TemplateVersion>(`/templates/${encodeURIComponent(template)}/versions`, {}, signal),
    enabled: template !== "",
    staleTime: live,
  });
export const pools = () => all<Noun.Pool>("/pools", "pool");
export const pool = (reference: string) => one<Noun.Pool>("/pools", "pool", reference);
export const objectStores = () => all<Noun.ObjectStore>("/object-stores", "object-store");
export const networks = () => all<Noun.Network>("/networks", "network");
export const projects = () => all<Noun.Project>("/projects", "project");
export const schedules = () => all<Noun.Schedule>("/schedules", "schedule");
export const operations = (filter: OperationFilter) =>
  pages<Noun.Operation>("/operations", "operation", filter, 100);
export const operation = (reference: string) => one<Noun.Operation>("/operations", "operation", reference);
export const backups = (filter: { vm?: string }) => pages<Noun.Backup>("/backups", "backup", filter, 200);

export const timeline = (reference: string) =>
  queryOptions({
    queryKey: ["timeline", "one", reference],
    queryFn: ({ signal }) => get<Noun.Timeline>(`/operations/${reference}/timeline`, undefined, signal),
    staleTime: live,
    retry: (count, error) => statusOf(error) !== 404 && count < 3,
  });

export const openOperations = () =>
  queryOptions({
    queryKey: ["operation", "open"],
    queryFn: ({ signal }) => list<Noun.Operation>("/operations", { open: true, limit: 100 }, signal),
    staleTime: live,
  });

export const transitions = () =>
  queryOptions({
    queryKey: ["transition", "list"],
    queryFn: ({ signal }) => list<Noun.Transition>("/vm-transitions", {}, signal),
    staleTime: Infinity,
  });

export const recentEvents = () =>
  queryOptions({
    queryKey: ["event", "recent"],
    queryFn: ({ signal }) => list<Noun.Event>("/events", { limit: 50 }, signal),
    staleTime: live,
  });
