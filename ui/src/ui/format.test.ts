import { describe, expect, it } from "vitest";
import { bytes, duration, limitsOf, parseSize, relative, shortID } from "./format";

describe("bytes", () => {
  it.each([
    [0, "0 B"],
    [512, "512 B"],
    [2 ** 20, "1 MiB"],
    [1.5 * 2 ** 30, "1.50 GiB"],
    [999.4 * 2 ** 20, "999 MiB"],
    [-(2 ** 30), "−1 GiB"],
  ])("%d is %s", (amount, text) => expect(bytes(amount)).toBe(text));
});

describe("duration", () => {
  it.each([
    [0, "0 ms"],
    [43, "43 ms"],
    [1_540, "1.5 s"],
    [59_400, "59 s"],
    [61_000, "1 min 1 s"],
    [3 * 3_600_000 + 60_000, "3 h 1 min"],
    [50 * 3_600_000, "2 d 2 h"],
  ])("%d ms is %s", (ms, text) => expect(duration(ms)).toBe(text));
});

describe("relative", () => {
  const now = Date.parse("2026-05-01T12:00:00Z");
  it.each([
    [-1_000, "just now"],
    [-45_000, "45 s ago"],
    [-3 * 60_000, "3 min ago"],
    [2 * 3_600_000, "in 2 h"],
    [-40 * 86_400_000, "1 mo ago"],
  ])("%d ms from now is %s", (offset, text) => expect(relative(now + offset, now)).toBe(text));
});

describe("parseSize", () => {
  it.each([
    ["512 MiB", 512 * 2 ** 20],
    ["1.5G", 1.5 * 2 ** 30],
    ["256", 256 * 2 ** 20],
    ["2 TiB", 2 * 2 ** 40],
  ])("reads %s", (text, size) => expect(parseSize(text)).toBe(size));
  it.each(["", "lots", "12 parsecs", "-1"])("refuses %o", (text) => expect(parseSize(text)).toBeUndefined());
});

it("keeps the kind and the end of an ID", () => {
  expect(shortID("vm_01JD3M8Q7X2C4W9V6T5R1N0KZP")).toBe("vm_…1N0KZP");
});

it("says limits in words, and nothing for none", () => {
  expect(limitsOf({ iops: 500, bytes_per_second: 50 * 2 ** 20 })).toBe("500 IOPS, 50 MiB/s");
  expect(limitsOf({ iops: 12_000 })).toBe("12,000 IOPS");
  expect(limitsOf({ iops: 0, bytes_per_second: 64 * 2 ** 10 })).toBe("64 KiB/s");
  expect(limitsOf({})).toBe("");
  expect(limitsOf(undefined)).toBe("");
});
