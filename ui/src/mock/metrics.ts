import type { HostPoint, VMPoint } from "@/api/metrics";
import type * as Noun from "@/api/nouns";
import { hash } from "./random";

// Readings that look like a machine at work: a slow wave, noise, and now and then a gap.

function seconds(text: string | null, otherwise: number): number {
  const match = /^(\d+)(s|m|h)?$/.exec(text ?? "");
  if (!match) return otherwise;
  return Number(match[1]) * { s: 1, m: 60, h: 3_600 }[(match[2] ?? "s") as "s" | "m" | "h"];
}

function instants(query: URLSearchParams): number[] {
  const span = seconds(query.get("since"), 3_600);
  const step = seconds(query.get("step"), 10);
  const last = Math.floor(Date.now() / 1_000 / step) * step - step;
  const times: number[] = [];
  for (let at = last - span + step; at <= last; at += step) times.push(at);
  return times;
}

const noise = (seed: number, at: number): number => (hash(`${seed}/${at}`) % 1_000) / 1_000;

function wave(seed: number, at: number, slow: number): number {
  const phase = seed % 97;
  return 0.5 + 0.3 * Math.sin(at / slow + phase) + 0.15 * Math.sin(at / (slow / 5.3) + phase * 2) + 0.1 * (noise(seed, at) - 0.5);
}

const inGap = (seed: number, at: number): boolean => Math.floor(at / 70) % 61 === seed % 61;

export function vmPoints(vm: Noun.VM, query: URLSearchParams): VMPoint[] {
  if (vm.state !== "running" && vm.state !== "paused") return [];
  const seed = hash(vm.id);
  const MiB = 2 ** 20;
  return instants(query)
    .filter((at) => !inGap(seed, at))
    .map((at) => {
      const load = Math.max(0.01, Math.min(1, wave(seed, at, 300) * (0.2 + (seed % 7) / 9)));
      return {
        at: new Date(at * 1_000).toISOString(),
        cpu_fraction: vm.state === "paused" ? 0 : load,
        memory_bytes: vm.spec.memory_bytes,
        memory_used_bytes: Math.round(vm.spec.memory_bytes * Math.min(0.97, 0.35 + (seed % 5) / 12 + 0.1 * wave(seed, at, 900))),
        disk_read_bytes_per_second: load * 12 * MiB * noise(seed, at),
        disk_write_bytes_per_second: load * 8 * MiB * noise(seed + 1, at),
        disk_reads_per_second: load * 300,
        disk_writes_per_second: load * 200,
        net_receive_bytes_per_second: load * 3 * MiB * wave(seed + 2, at, 120),
        net_send_bytes_per_second: load * 5 * MiB * wave(seed + 3, at, 140),
        disk_used_bytes: 2_000 * MiB,
      };
    });
}

export function hostPoints(host: Noun.Host, query: URLSearchParams): HostPoint[] {
  const seed = hash(host.id);
  const silentFrom = host.state === "offline" ? Date.parse(host.last_seen_at) / 1_000 : Infinity;
  return instants(query)
    .filter((at) => !inGap(seed, at) && at < silentFrom)
    .map((at) => ({
      at: new Date(at * 1_000).toISOString(),
      cpu_fraction: Math.max(0, Math.min(1, host.use.cpu_fraction * (0.6 + 0.8 * wave(seed, at, 600)))),
      memory_used_bytes: Math.round(host.use.memory_used_bytes * (0.95 + 0.1 * wave(seed, at, 1_800))),
      disk_used_bytes: Math.round(host.use.disk_used_bytes * (0.98 + 0.04 * wave(seed, at, 3_600))),
    }));
}
