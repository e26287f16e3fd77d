import { queryOptions } from "@tanstack/react-query";
import { get } from "./client";

export interface VMPoint {
  at: string;
  cpu_fraction: number;
  memory_bytes: number;
  memory_used_bytes: number;
  disk_read_bytes_per_second: number;
  disk_write_bytes_per_second: number;
  disk_reads_per_second: number;
  disk_writes_per_second: number;
  net_receive_bytes_per_second: number;
  net_send_bytes_per_second: number;
  disk_used_bytes: number;
}

export interface HostPoint {
  at: string;
  cpu_fraction: number;
  memory_used_bytes: number;
  disk_used_bytes: number;
}

// Range is how far back charts look, and in which steps.
export interface Range {
  label: string;
  seconds: number;
  step: number; // seconds; telemetry comes every 10 s
}

export const ranges: Range[] = [
  { label: "15 min", seconds: 900, step: 10 },
  { label: "1 h", seconds: 3_600, step: 10 },
  { label: "6 h", seconds: 21_600, step: 60 },
  { label: "24 h", seconds: 86_400, step: 300 },
  { label: "7 d", seconds: 604_800, step: 1_800 },
];

const telemetryEvery = 10_000; // ms

const metrics = <T>(noun: "vms" | "hosts", id: string, range: Range, every: number) =>
  queryOptions({
    queryKey: ["metrics", noun, id, range.seconds, range.step],
    queryFn: async ({ signal }) => {
      const query = { since: `${range.seconds}s`, step: `${range.step}s` };
      return (await get<{ points: T[] | null }>(`/${noun}/${id}/metrics`, query, signal)).points ?? [];
    },
    refetchInterval: every,
    staleTime: every,
  });

export const vmMetrics = (vm: string, range: Range) => metrics<VMPoint>("vms", vm, range, Math.max(telemetryEvery, range.step * 1_000));
export const hostMetrics = (host: string, range: Range) =>
  metrics<HostPoint>("hosts", host, range, Math.max(telemetryEvery, range.step * 1_000));

// latestUse is a VM's last reading, for a row of a table.
const lately: Range = { label: "", seconds: 60, step: 10 };
export const latestUse = (vm: string) => ({ ...metrics<VMPoint>("vms", vm, lately, 15_000), select: (points: VMPoint[]) => points[points.length - 1] });
