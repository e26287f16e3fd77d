import { isFinal } from "@/api/can";
import type { Overview } from "@/api/overview";
import type { Database } from "./database";

function counted<T extends { state: string }>(items: Iterable<T>): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { state } of items) counts[state] = (counts[state] ?? 0) + 1;
  return counts;
}

export function overview(database: Database): Overview {
  const online = database.loadedHosts().filter((host) => host.state !== "offline");
  const sum = (value: (host: (typeof online)[number]) => number) => online.reduce((total, host) => total + value(host), 0);
  const newest = [...database.operations.values()].sort((a, b) => (a.id < b.id ? 1 : -1));
  const open = newest.filter((operation) => !isFinal(operation));
  const cpus = sum((host) => host.facts.cpus);
  return {
    vms: counted(database.vms.values()),
    hosts: counted(database.hosts),
    capacity: {
      cpus,
      promised_cpus: sum((host) => host.promised.cpus),
      cpu_fraction: cpus ? sum((host) => host.use.cpu_fraction * host.facts.cpus) / cpus : 0,
      memory_bytes: sum((host) => host.facts.memory_bytes),
      promised_memory_bytes: sum((host) => host.promised.memory_bytes),
      used_memory_bytes: sum((host) => host.use.memory_used_bytes),
    },
    open_operations: open.length,
    operation_kinds: [],
    running: open.slice(0, 20),
    waiting: open.filter((operation) => operation.state === "waiting"),
    failed: newest.filter((operation) => operation.state === "failed").slice(0, 10),
  };
}
