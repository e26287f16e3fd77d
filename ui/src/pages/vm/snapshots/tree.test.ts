import { expect, it } from "vitest";
import type { Snapshot } from "@/api/nouns";
import { treeOf } from "./tree";

const snapshot = (id: string, parent?: string, current = false): Snapshot => ({
  id,
  project_id: "prj_1",
  vm_id: "vm_1",
  parent_id: parent,
  name: id,
  state: "ready",
  quiesced: true,
  current,
  disks: [],
  created_at: "2026-01-01T00:00:00Z",
});

// drawn draws each row as text: "|" for a lane that passes, "+" for one that turns off, the name or "now".
const drawn = (all: Snapshot[]): string[] =>
  treeOf(all).map(({ snapshot, lane, passing, begins }) =>
    [...passing.map((passes, at) => (begins && at === lane - 1 ? "+" : passes ? "|" : " ")), snapshot?.name ?? "now"].join(" "),
  );

it("keeps what follows one another in one lane", () => {
  expect(drawn([snapshot("a"), snapshot("b", "a"), snapshot("c", "b", true)])).toEqual(["a", "b", "c", "now"]);
});

it("turns off what was left, older ones first, and has the way to now at the left", () => {
  const all = [snapshot("a"), snapshot("b", "a", true), snapshot("c", "b"), snapshot("d", "c"), snapshot("e", "c"), snapshot("f", "b")];
  expect(drawn(all)).toEqual(["a", "b", "+ c", "| + d", "| e", "+ f", "now"]);
});

it("puts trees without now first, and now by itself if it comes from none", () => {
  expect(drawn([snapshot("a", undefined, true), snapshot("b"), snapshot("c", "b")])).toEqual(["b", "c", "a", "now"]);
  expect(drawn([snapshot("b"), snapshot("c", "b")])).toEqual(["b", "c", "now"]);
});

it("draws one that is being taken where it will stand", () => {
  const taken = (parent?: string): Snapshot => ({ ...snapshot("c", parent), state: "creating" });
  expect(drawn([snapshot("a", undefined, true), snapshot("b", "a"), taken("a")])).toEqual(["a", "+ b", "c", "now"]);
  expect(drawn([taken()])).toEqual(["c", "now"]);
});

it("takes one whose parent is gone for a root, and draws nothing for none", () => {
  expect(drawn([snapshot("b", "gone", true)])).toEqual(["b", "now"]);
  expect(treeOf([])).toEqual([]);
});

it("says where lines go on, and what each row comes after", () => {
  const rows = treeOf([snapshot("a", undefined, true), snapshot("b", "a")]);
  expect(rows.map((row) => row.goesOn)).toEqual([true, false, false]);
  expect(rows.map((row) => row.parent?.name)).toEqual([undefined, "a", "a"]);
});
