import { queryOptions } from "@tanstack/react-query";
import { get } from "./client";
import { statusOf } from "./problem";

// The report of analytics.Report in Go.

export type Verdict = "full" | "runs_out" | "may_run_out" | "holds" | "not_enough_history" | "no_capacity";

export interface Resource {
  name: "cpu" | "memory" | "storage";
  unit: "cpus" | "bytes";
  total: number;
  used: number;
  used_fraction: number;
  promised: number;
  promised_fraction: number;
  verdict: Verdict;
  text: string;
  trend?: { per_day: number; per_day_low: number; per_day_high: number; points: number; span_hours: number; fit: number; residual_spread: number };
  run_out?: { days?: number; earliest_days?: number; latest_days?: number };
  missing?: { points: number; needed_points: number; hours: number; needed_hours: number };
  history?: { at: string; value: number }[] | null;
  forecast?: { at: string; value: number; low: number; high: number }[] | null;
}

export interface Section {
  kind: "cluster" | "host" | "pool";
  id?: string;
  name: string;
  host_id?: string;
  host_name?: string;
  resources: Resource[] | null;
  notes?: string[] | null;
}

export interface Report {
  at: string;
  horizon_days: number;
  summary: string;
  cluster: Section;
  hosts: Section[] | null;
  pools: Section[] | null;
}

export interface CapacityPlan {
  operation_id: string;
  ended_at: string;
  plan: Report;
}

// latestReport is null while there is none.
export const latestReport = () =>
  queryOptions({
    queryKey: ["capacity", "latest"],
    queryFn: async ({ signal }) => {
      try {
        return (await get<CapacityPlan>("/capacity/plans/latest", undefined, signal)).plan;
      } catch (error) {
        if (statusOf(error) === 404) return null;
        throw error;
      }
    },
    staleTime: 60_000,
  });
