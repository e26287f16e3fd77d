import { queryOptions } from "@tanstack/react-query";
import { get } from "./client";
import type { HostState, Operation, VMState } from "./nouns";

export interface Overview {
  vms: Partial<Record<VMState, number>>;
  hosts: Partial<Record<HostState, number>>;
  capacity: {
    cpus: number;
    promised_cpus: number;
    cpu_fraction: number;
    memory_bytes: number;
    promised_memory_bytes: number;
    used_memory_bytes: number;
  };
  open_operations: number;
  operation_kinds: { kind: string; state: string; count: number }[] | null;
  running: Operation[] | null;
  waiting: Operation[] | null;
  failed: Operation[] | null;
}

const telemetryEvery = 10_000; // ms

export const overview = () =>
  queryOptions({
    queryKey: ["overview"],
    queryFn: ({ signal }) => get<Overview>("/overview", undefined, signal),
    refetchInterval: telemetryEvery,
  });
