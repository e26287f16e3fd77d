import type { Range } from "@/api/metrics";

// gridded puts points on an even grid of time, with null where nothing was reported, so that gaps are seen as gaps.
export function gridded<T extends { at: string }>(points: T[], range: Range, now: number): { times: number[]; rows: (T | null)[] } {
  const step = range.step;
  const last = Math.floor(now / 1_000 / step) * step;
  const first = last - Math.floor(range.seconds / step) * step;
  const byTime = new Map(points.map((point) => [Math.floor(Date.parse(point.at) / 1_000 / step) * step, point]));
  const times: number[] = [];
  const rows: (T | null)[] = [];
  const newest = Math.max(...byTime.keys());
  for (let time = first; time <= last; time += step) {
    if (time > newest && last - time < step * 3) break; // the newest step is still being measured
    times.push(time);
    rows.push(byTime.get(time) ?? null);
  }
  return { times, rows };
}

export function mean(values: (number | null)[]): number | undefined {
  const known = values.filter((value): value is number => value !== null);
  return known.length ? known.reduce((sum, value) => sum + value, 0) / known.length : undefined;
}

export const most = (values: (number | null)[]): number | undefined => {
  const known = values.filter((value): value is number => value !== null);
  return known.length ? Math.max(...known) : undefined;
};
