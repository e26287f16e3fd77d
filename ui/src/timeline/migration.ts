import type { Migration, Round } from "@/api/nouns";
import { bytes, duration } from "@/ui/format";

export const roundsOf = (migration: Migration): Round[] =>
  [...(migration.rounds ?? [])].sort((a, b) => Date.parse(a.at) - Date.parse(b.at));

// dirtyRateOf is missing in the first round: QEMU counts what the guest changes when a round ends.
export const dirtyRateOf = (round: Round): number | undefined =>
  round.iteration <= 1 && round.dirty_rate_bytes_per_second === 0 ? undefined : round.dirty_rate_bytes_per_second;

// finding is what the rounds show, in a sentence: the chart's title.
export function finding(migration: Migration): string {
  const rounds = roundsOf(migration);
  const last = rounds[rounds.length - 1];
  if (!last) return "The first round has not been counted yet";
  const iterations = last.iteration;
  const sent = bytes(migration.outcome?.transferred_bytes ?? last.transferred_bytes);
  if (migration.outcome) {
    const how = migration.outcome.post_copy ? ", by post-copy" : "";
    return `${sent} sent in ${iterations} ${iterations === 1 ? "round" : "rounds"}${how}; the VM stood still for ${duration(migration.outcome.downtime_ms)}`;
  }
  if (last.post_copy) return `Post-copy: the VM runs on the new host, ${bytes(last.remaining_bytes)} still to fetch`;
  const gain = last.bandwidth_bytes_per_second - last.dirty_rate_bytes_per_second;
  if (last.iteration > 1 && gain <= 0) {
    return `Round ${iterations}: the guest changes memory as fast as it is sent, ${bytes(last.remaining_bytes)} left`;
  }
  return `Round ${iterations}: ${bytes(last.remaining_bytes)} of ${bytes(last.total_bytes)} left`;
}

export interface StepPoint {
  x: number;
  y: number;
}

// stepPath draws values that hold until the next one, since rounds are discrete.
export function stepPath(points: StepPoint[], end: number): string {
  const first = points[0];
  if (!first) return "";
  let path = `M${first.x.toFixed(1)},${first.y.toFixed(1)}`;
  for (const point of points.slice(1)) path += `H${point.x.toFixed(1)}V${point.y.toFixed(1)}`;
  return `${path}H${end.toFixed(1)}`;
}

// niceTop rounds a maximum up to a size that an axis can be labelled with.
export function niceTop(value: number): number {
  if (value <= 0) return 1;
  const unit = 1024 ** Math.floor(Math.log(value) / Math.log(1024));
  for (const step of [1, 2, 4, 5, 8, 10, 16, 20, 32, 50, 64, 100, 128, 200, 256, 400, 512, 800, 1024]) {
    if (value <= step * unit) return step * unit;
  }
  return value;
}
