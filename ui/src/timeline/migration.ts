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

export interface Level {
  at: number; // ms; it holds from here until the next one
  value: number;
}

// levelsOf places a line's values on the axis of time. A round's reading is taken when it ends, or just now: a rate is that
// of the round before the reading; an amount is what was left to do at it, and the first round begins with the whole.
export function levelsOf(rounds: Round[], value: (round: Round) => number | undefined, whole?: number): Level[] {
  const first = rounds[0];
  if (!first) return [];
  const began = Date.parse(first.at) - first.elapsed_ms;
  const ends = rounds.map((round) => Date.parse(round.at));
  const levels = rounds.map((round, index) => ({ at: whole === undefined ? (ends[index - 1] ?? began) : ends[index]!, value: value(round) }));
  if (whole !== undefined) levels.unshift({ at: began, value: whole });
  return levels.filter((level): level is Level => level.value !== undefined);
}

export interface StepPoint {
  x: number;
  y: number;
}

// stepPath draws values that hold until the next one, since rounds are discrete; a round that goes on slopes to its newest.
export function stepPath(points: StepPoint[], end: number, slopes = false): string {
  const first = points[0];
  if (!first) return "";
  let path = `M${first.x.toFixed(1)},${first.y.toFixed(1)}`;
  points.slice(1).forEach(({ x, y }, index) => {
    path += slopes && index === points.length - 2 ? `L${x.toFixed(1)},${y.toFixed(1)}` : `H${x.toFixed(1)}V${y.toFixed(1)}`;
  });
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
