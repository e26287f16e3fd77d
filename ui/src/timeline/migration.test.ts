import { expect, it } from "vitest";
import type { Migration, Round } from "@/api/nouns";
import { finding, levelsOf, niceTop, roundsOf, stepPath } from "./migration";

const MiB = 2 ** 20;
const round = (iteration: number, change: Partial<Round> = {}): Round => ({
  iteration,
  at: new Date(iteration * 1_000).toISOString(),
  elapsed_ms: iteration * 1_000,
  total_bytes: 1024 * MiB,
  remaining_bytes: 512 * MiB,
  transferred_bytes: 512 * MiB,
  dirty_rate_bytes_per_second: 10 * MiB,
  bandwidth_bytes_per_second: 100 * MiB,
  throttle_percent: 0,
  expected_downtime_ms: 50,
  ...change,
});
const migration = (rounds: Round[], change: Partial<Migration> = {}): Migration => ({ rounds, decisions: [], ...change });

it("says what the rounds show", () => {
  expect(finding(migration([]))).toMatch(/not been counted/);
  expect(finding(migration([round(3)]))).toBe("Round 3: 512 MiB of 1 GiB left");
  expect(finding(migration([round(4, { dirty_rate_bytes_per_second: 120 * MiB })]))).toMatch(/as fast as it is sent/);
  const outcome = { total_ms: 9_000, downtime_ms: 43, setup_ms: 10, iterations: 5, transferred_bytes: 1536 * MiB, post_copy: false };
  expect(finding(migration([round(5)], { outcome }))).toBe("1.50 GiB sent in 5 rounds; the VM stood still for 43 ms");
});

it("orders rounds by time", () => {
  expect(roundsOf(migration([round(2), round(1)])).map((each) => each.iteration)).toEqual([1, 2]);
});

it("has amounts begin with the whole, and rates with the round that they were measured in", () => {
  const rounds = [round(1, { remaining_bytes: 300, dirty_rate_bytes_per_second: 0 }), round(2, { remaining_bytes: 100 })];
  expect(levelsOf(rounds, (each) => each.remaining_bytes, 1_024)).toEqual([
    { at: 0, value: 1_024 },
    { at: 1_000, value: 300 },
    { at: 2_000, value: 100 },
  ]);
  expect(levelsOf(rounds, (each) => each.dirty_rate_bytes_per_second || undefined)).toEqual([{ at: 1_000, value: 10 * MiB }]);
});

it("slopes to the newest reading of a round that goes on", () => {
  expect(stepPath([{ x: 0, y: 1 }, { x: 4, y: 2 }, { x: 6, y: 3 }], 7, true)).toBe("M0.0,1.0H4.0V2.0L6.0,3.0H7.0");
});

it("draws values that hold until the next one", () => {
  expect(stepPath([{ x: 0, y: 10 }, { x: 5, y: 4 }], 9)).toBe("M0.0,10.0H5.0V4.0H9.0");
});

it("rounds axes up to sizes people know", () => {
  expect([niceTop(0), niceTop(900 * MiB), niceTop(3 * MiB)]).toEqual([1, 1024 * MiB, 4 * MiB]);
});
