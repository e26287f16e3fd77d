import { expect, it } from "vitest";
import { proposed } from "./TakeSnapshotDialog";

it("proposes a name that was not given yet", () => {
  expect(proposed([])).toBe("snapshot-1");
  expect(proposed(["before-upgrade", "snapshot-2", "snapshot-x"])).toBe("snapshot-3");
});
