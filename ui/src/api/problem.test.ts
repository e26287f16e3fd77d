import { expect, it } from "vitest";
import { messageOf, parseProblem, Problem } from "./problem";

it("reads the sentence and the field", () => {
  const problem = parseProblem(422, JSON.stringify({ title: "Invalid", detail: "a VM has 1 to 256 CPUs, not 0", field: "cpus" }));
  expect(problem.message).toBe("a VM has 1 to 256 CPUs, not 0");
  expect(problem.fields).toEqual({ cpus: "a VM has 1 to 256 CPUs, not 0" });
});

it("reads each located error and takes the part of the request off", () => {
  const errors = [
    { location: "body.limits.max_downtime_ms", message: "must be at least 0" },
    { location: "query.limit", message: "must be a whole number" },
  ];
  const problem = parseProblem(422, JSON.stringify({ detail: "validation failed", errors }));
  expect(problem.fields).toEqual({ "limits.max_downtime_ms": "must be at least 0", limit: "must be a whole number" });
  expect(problem.message).toContain("must be at least 0");
});

it("says something useful when the answer is no problem document", () => {
  expect(parseProblem(502, "<html>").message).toMatch(/502/);
});

it("tells an unreachable server from a refusal", () => {
  expect(messageOf(new TypeError("fetch failed"))).toMatch(/cannot be reached/);
  expect(messageOf(new Problem(409, "VM web-1 is busy"))).toBe("VM web-1 is busy");
});
