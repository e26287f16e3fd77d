import { expect, it } from "vitest";
import type { Volume, VolumeAction } from "./nouns";
import { canOnVolume, labelOf } from "./volume";

const volume = (change: Partial<Volume>): Volume => ({
  id: "vol_1",
  project_id: "prj_1",
  pool: "shared",
  size_bytes: 2 ** 30,
  format: "qcow2",
  state: "ready",
  created_at: "2026-01-01T00:00:00Z",
  ...change,
});

const free = volume({ name: "data" });
const attached = volume({ name: "data", vm_id: "vm_1", vm_name: "web", device: "vdb" });
const own = volume({ vm_id: "vm_1", vm_name: "web", device: "vdb" });
const root = volume({ vm_id: "vm_1", vm_name: "web", device: "vda" });
const trashed = volume({ name: "data", state: "trashed" });
const held = volume({ name: "data", operation_id: "op_1", operation_kind: "attach_volume" });

// The rows of TestCan in internal/volume.
const rows: [Volume, VolumeAction, RegExp | undefined][] = [
  [free, "attach", undefined],
  [free, "trash", undefined],
  [free, "purge", undefined],
  [free, "detach", /attached to no VM/],
  [free, "restore", /not in the trash/],
  [attached, "detach", undefined],
  [attached, "attach", /Detach it first/],
  [attached, "trash", /Detach it first/],
  [attached, "purge", /Detach it first/],
  [own, "detach", undefined],
  [own, "trash", /ends with it/],
  [own, "attach", /ends with it/],
  [root, "detach", /boots from it/],
  [free, "grow", undefined],
  [free, "move", undefined],
  [attached, "grow", /Open the VM to grow it/],
  [own, "move", /Open the VM to move it/],
  [trashed, "move", /in the trash/],
  [trashed, "restore", undefined],
  [trashed, "purge", undefined],
  [trashed, "attach", /in the trash/],
  [trashed, "trash", /in the trash/],
  [held, "attach", /attach_volume/],
  [held, "purge", /attach_volume/],
  [volume({ name: "data", state: "creating" }), "attach", /being made/],
  [volume({ name: "data", state: "deleting" }), "restore", /being deleted/],
];

it.each(rows)("%o: %s", (of, action, says) => {
  const verdict = canOnVolume(of, action);
  expect(verdict.allowed).toBe(says === undefined);
  if (!verdict.allowed) expect(verdict.reason).toMatch(says!);
});

it("calls a volume by its name, or by its VM's and the device", () => {
  expect([attached, own, volume({})].map(labelOf)).toEqual(["data", "web/vdb", "vol_1"]);
});
