// @vitest-environment jsdom
import { expect, it } from "vitest";
import { inside } from "./Login";

it.each([
  ["/vms?state=running", "/vms?state=running"],
  [null, "/"],
  ["https://evil.example", "/"],
  ["//evil.example", "/"],
  ["/\\evil.example", "/"],
])("leads from next=%s to %s", (next, path) => expect(inside(next)).toBe(path));
