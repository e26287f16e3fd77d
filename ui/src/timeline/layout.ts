import type { Operation, Step, Timeline } from "@/api/nouns";
import { isFinal } from "@/api/can";

// Span is the stretch of time that all lanes and charts of an operation share.
export interface Span {
  from: number;
  to: number;
}

// Lane is a step as it is drawn; times are milliseconds, missing where it has not come to that.
export interface Lane {
  key: string; // the step's name, with ".undo" for what takes it back
  step: Step;
  waitsFrom?: number;
  runsFrom?: number;
  until?: number; // missing while it goes on
}

// at reads a time; Go writes a missing one as year 1 where it is not left out.
export function at(time: string | undefined): number | undefined {
  if (!time || time.startsWith("0001-")) return undefined;
  const value = Date.parse(time);
  return Number.isNaN(value) ? undefined : value;
}

export const keyOf = (step: Step): string => (step.undo ? `${step.name}.undo` : step.name);

// lanesOf orders the steps for drawing: each undo below the step that it takes back.
export function lanesOf(timeline: Timeline): Lane[] {
  const steps = timeline.steps ?? [];
  const undos = steps.filter((step) => step.undo);
  const forward = steps.filter((step) => !step.undo);
  const rows = forward.flatMap((step) => [step, ...undos.filter((undo) => undo.name === step.name)]);
  const homeless = undos.filter((undo) => !forward.some((step) => step.name === undo.name));
  return [...rows, ...homeless].map((step) => ({
    key: keyOf(step),
    step,
    waitsFrom: at(step.scheduled_at),
    runsFrom: at(step.started_at),
    until: at(step.ended_at),
  }));
}

const headroom = 1.03;
const shortest = 500; // ms

// spanOf begins when the operation was accepted. While it runs, the end is when it is expected to end, or a little
// beyond now once that has passed, so that the scale does not change with every tick.
export function spanOf(operation: Operation, timeline: Timeline | undefined, now: number): Span {
  const from = at(operation.created_at) ?? now;
  if (isFinal(operation)) {
    const ends = (timeline?.steps ?? []).map((step) => at(step.ended_at) ?? 0);
    const to = Math.max(at(operation.ended_at) ?? from, ...ends);
    return { from, to: Math.max(to, from + shortest) };
  }
  const expected = (operation.expected_seconds ?? 0) * 1_000;
  const elapsed = Math.max(now - from, shortest);
  return { from, to: from + (elapsed < expected ? expected * headroom : roomy(elapsed)) };
}

// roomy rounds an elapsed time up to the next step of a scale that grows by a quarter each time.
function roomy(elapsed: number): number {
  let length = 2_000;
  while (length < elapsed * headroom) length *= 1.25;
  return length;
}

// fraction is where an instant lies in the span, from 0 to 1.
export function fraction(span: Span, instant: number): number {
  return Math.min(1, Math.max(0, (instant - span.from) / (span.to - span.from)));
}

const steps = [100, 200, 500, 1_000, 2_000, 5_000, 10_000, 15_000, 30_000, 60_000, 120_000, 300_000, 600_000, 1_800_000, 3_600_000, 7_200_000, 21_600_000, 86_400_000];

// ticksOf are instants for the axis, as offsets from the beginning, at round numbers.
export function ticksOf(span: Span, most: number): number[] {
  const length = span.to - span.from;
  const step = steps.find((each) => length / each <= most) ?? 86_400_000;
  const ticks: number[] = [];
  for (let offset = 0; offset <= length; offset += step) ticks.push(offset);
  return ticks;
}
