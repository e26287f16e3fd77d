import type { Report, Resource, Section } from "@/api/capacity";
import type { Database } from "./database";
import { observed } from "./pools";

const GiB = 2 ** 30;
const day = 24 * 3_600_000;

function line(start: number, now: number, perDay: number, from: number, to: number, wobble: number): { at: string; value: number }[] {
  const points = [];
  for (let offset = from; offset <= to; offset++) {
    const value = now + perDay * offset + Math.sin(offset * 1.7) * wobble;
    points.push({ at: new Date(start + offset * day).toISOString(), value: Math.max(0, value) });
  }
  return points;
}

function memory(start: number, total: number, used: number, promised: number, perDay: number): Resource {
  const days = (total - used) / perDay;
  const runsOut = perDay > 0 && days < 90;
  return {
    name: "memory",
    unit: "bytes",
    total,
    used,
    used_fraction: used / total,
    promised,
    promised_fraction: promised / total,
    verdict: runsOut ? "runs_out" : "holds",
    text: runsOut ? `Runs out in ${Math.round(days)} days (between ${Math.round(days * 0.8)} and ${Math.round(days * 1.3)} days).` : "Holds for at least 90 days.",
    trend: { per_day: perDay, per_day_low: perDay * 0.8, per_day_high: perDay * 1.2, points: 60, span_hours: 720, fit: 0.93, residual_spread: 2 * GiB },
    run_out: runsOut ? { days, earliest_days: days * 0.8, latest_days: days * 1.3 } : undefined,
    history: line(start, used, perDay, -30, 0, used * 0.01),
    forecast: line(start, used, perDay, 1, 90, 0).map((point, index) => ({ ...point, low: point.value - perDay * index * 0.25, high: point.value + perDay * index * 0.25 })),
  };
}

function young(name: Resource["name"], unit: Resource["unit"], total: number, used: number, promised: number): Resource {
  return {
    name,
    unit,
    total,
    used,
    used_fraction: used / total,
    promised,
    promised_fraction: promised / total,
    verdict: "not_enough_history",
    text: "Not enough history: 9 points over 9.0 hours; a trend needs 24 over at least 24 hours.",
    missing: { points: 9, needed_points: 24, hours: 9, needed_hours: 24 },
  };
}

export function capacityReport(database: Database, start: number): Report {
  const hosts: Section[] = database.loadedHosts().slice(0, 40).map((host, index) => ({
    kind: "host",
    id: host.id,
    name: host.name,
    resources: [
      young("cpu", "cpus", host.facts.cpus, host.use.cpu_fraction * host.facts.cpus, host.promised.cpus),
      memory(start, host.facts.memory_bytes, host.use.memory_used_bytes, host.promised.memory_bytes, index % 2 ? GiB : 0.1 * GiB),
    ],
  }));
  const total = database.hosts.reduce((sum, host) => sum + host.facts.memory_bytes, 0);
  const used = database.hosts.reduce((sum, host) => sum + host.use.memory_used_bytes, 0);
  const cpus = database.hosts.length * 32;
  const promised = { cpus: 0, memory: 0 };
  for (const vm of database.vms.values()) {
    promised.cpus += vm.spec.cpus;
    promised.memory += vm.spec.memory_bytes;
  }
  return {
    at: new Date(start).toISOString(),
    horizon_days: 90,
    summary: "The whole cluster: Runs out in 49 days (between 39 and 64 days).",
    cluster: {
      kind: "cluster",
      name: "cluster",
      resources: [
        memory(start, total, used, promised.memory, (total - used) / 49),
        young("cpu", "cpus", cpus, cpus * 0.31, promised.cpus),
        young("storage", "bytes", 8_192 * GiB, 5_130 * GiB, 6_000 * GiB),
      ],
      notes: ["Host h5 did not report for part of the time; its use is counted as it last was."],
    },
    hosts,
    pools: database.pools.map((pool) => observed(database, pool)).map((pool) => ({
      kind: "pool",
      name: pool.name,
      resources: [{ ...memory(start, pool.capacity_bytes, pool.used_bytes, pool.used_bytes * 1.2, 4 * GiB), name: "storage" as const, text: "Holds for at least 90 days.", verdict: "holds" as const, run_out: undefined }],
    })),
  };
}
