import { expect, it } from "vitest";
import { gridded, mean, most } from "./gaps";

const range = { label: "", seconds: 60, step: 10 };
const now = 1_700_000_060_000;
const point = (seconds: number) => ({ at: new Date(1_700_000_000_000 + seconds * 1_000).toISOString(), value: seconds });

it("shows what is missing as a gap", () => {
  const { rows } = gridded([point(0), point(10), point(40), point(50)], range, now);
  expect(rows.map((row) => row?.value ?? null)).toEqual([0, 10, null, null, 40, 50]);
});

it("does not take the step that is still being measured for a gap", () => {
  const { times } = gridded([point(0), point(10), point(20), point(30), point(40), point(50)], range, now);
  expect(times[times.length - 1]).toBe(1_700_000_050);
});

it("averages what is known", () => {
  expect(mean([1, null, 3])).toBe(2);
  expect(most([1, null, 3])).toBe(3);
  expect(mean([null])).toBeUndefined();
});
