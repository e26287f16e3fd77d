import { expect, it } from "vitest";
import type { Held, Operation } from "./nouns";
import { fateOf, isClean, surveyOf } from "./survey";

const operation = (change: Partial<Operation>): Operation => ({
  id: "op_1",
  project_id: "prj_1",
  kind: "scan_pool",
  state: "succeeded",
  subject: { kind: "pool", id: "pol_1", name: "local" },
  actor: "admin",
  request: {},
  no_return: false,
  cancel_requested: false,
  created_at: "2026-01-01T10:00:00Z",
  ...change,
});

const stray: Held = { volume_id: "vol_1", host_id: "hst_1", host_name: "h1", size_bytes: 1, allocated_bytes: 1 };
const scan = operation({ result: { held: 3, strays: [stray], missing: [] } });
const adopt = operation({
  kind: "adopt_volume",
  subject: { kind: "volume", id: "vol_1", name: "found" },
  request: { volume_id: "vol_1", pool: "local", host_id: "hst_1" },
  created_at: "2026-01-01T11:00:00Z",
});

it("reads the survey of a comparison that has succeeded", () => {
  expect(surveyOf(scan)?.held).toBe(3);
  expect(surveyOf(operation({ state: "running" }))).toBeUndefined();
  expect(surveyOf(operation({ state: "succeeded", kind: "drain", result: {} }))).toBeUndefined();
  expect(isClean(surveyOf(scan)!)).toBe(false);
  expect(isClean({ held: 3, strays: [], missing: [] })).toBe(true);
});

// What was done since, and what the table says of it.
const rows: [Partial<Operation>, string | undefined][] = [
  [{}, "taken in as found"],
  [{ state: "running" }, "being taken in as found"],
  [{ kind: "discard_volume" }, "deleted"],
  [{ kind: "discard_volume", state: "accepted" }, "being deleted"],
  [{ state: "failed" }, undefined],
  [{ state: "cancelled" }, undefined],
  [{ kind: "attach_volume" }, undefined],
  [{ created_at: "2026-01-01T09:00:00Z" }, undefined],
  [{ subject: { kind: "volume", id: "vol_2", name: "found" } }, undefined],
  [{ request: { pool: "shared", host_id: "hst_1" } }, undefined],
  [{ request: { pool: "local", host_id: "hst_2" } }, undefined],
];

it.each(rows)("tells what became of a stray: %j", (change, word) => {
  expect(fateOf(stray, scan, [{ ...adopt, ...change }])?.word).toBe(word);
});

it("does not ask which host a volume of a shared pool was reached by", () => {
  expect(fateOf({ ...stray, host_id: undefined }, scan, [{ ...adopt, request: { pool: "local", host_id: "hst_9" } }])?.word).toBe("taken in as found");
});
