import { expect, it } from "vitest";
import type { Migration, Round } from "@/api/nouns";
import { finding, niceTop, roundsOf, stepPath } from "./migration";

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

it("draws values that hold until the next one", () => {
  expect(stepPath([{ x: 0, y: 10 }, { x: 5, y: 4 }], 9)).toBe("M0.0,10.0H5.0V4.0H9.0");
});

it("rounds axes up to sizes people know", () => {
  expect([niceTop(0), niceTop(900 * MiB), niceTop(3 * MiB)]).toEqual([1, 1024 * MiB, 4 * MiB]);
});
