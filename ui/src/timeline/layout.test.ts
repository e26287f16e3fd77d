import { describe, expect, it } from "vitest";
import type { Operation, Step, Timeline } from "@/api/nouns";
import { fraction, lanesOf, spanOf, ticksOf } from "./layout";

const at = (seconds: number) => new Date(1_700_000_000_000 + seconds * 1_000).toISOString();
const step = (name: string, change: Partial<Step> = {}): Step => ({ name, title: name, state: "done", calls: 1, attempts: 1, ...change });
const timeline = (steps: Step[]): Timeline => ({ operation_id: "op_1", state: "running", steps, history_at: 1 });
const operation = (change: Partial<Operation>): Operation =>
  ({ id: "op_1", state: "running", created_at: at(0), ...change }) as Operation;

describe("lanesOf", () => {
  it("puts each undo below its step", () => {
    const steps = [step("a"), step("b"), step("c"), step("b", { undo: true }), step("a", { undo: true })];
    expect(lanesOf(timeline(steps)).map((lane) => lane.key)).toEqual(["a", "a.undo", "b", "b.undo", "c"]);
  });

  it("keeps an undo whose step is not listed", () => {
    expect(lanesOf(timeline([step("x", { undo: true })])).map((lane) => lane.key)).toEqual(["x.undo"]);
  });

  it("takes Go's missing time for a missing one", () => {
    const [lane] = lanesOf(timeline([step("a", { started_at: at(1), ended_at: "0001-01-01T00:00:00Z" })]));
    expect(lane).toMatchObject({ runsFrom: Date.parse(at(1)), until: undefined });
  });
});

describe("spanOf", () => {
  const now = Date.parse(at(5));
  it("reaches to when it is expected to end", () => {
    const span = spanOf(operation({ expected_seconds: 20 }), undefined, now);
    expect((span.to - span.from) / 1_000).toBeCloseTo(20.6);
  });
  it("grows beyond an expectation that has passed, always beyond now", () => {
    const span = spanOf(operation({ expected_seconds: 2 }), undefined, now);
    expect(span.to).toBeGreaterThan(now);
  });
  it("ends with the operation", () => {
    const span = spanOf(operation({ state: "succeeded", ended_at: at(8) }), timeline([step("a", { ended_at: at(7) })]), now);
    expect(span.to).toBe(Date.parse(at(8)));
  });
});

it("keeps fractions within the span", () => {
  const span = { from: 100, to: 200 };
  expect([fraction(span, 50), fraction(span, 150), fraction(span, 900)]).toEqual([0, 0.5, 1]);
});

it("puts ticks at round offsets, no more than asked for", () => {
  expect(ticksOf({ from: 0, to: 21_000 }, 6)).toEqual([0, 5_000, 10_000, 15_000, 20_000]);
});
