// @vitest-environment jsdom
import { fireEvent, render, screen } from "@testing-library/react";
import { MemoryRouter } from "react-router";
import { expect, it } from "vitest";
import type { Volume } from "@/api/nouns";
import { RowActions } from "./RowActions";

const free: Volume = {
  id: "vol_1",
  project_id: "prj_1",
  name: "data",
  pool: "shared",
  size_bytes: 2 ** 30,
  format: "qcow2",
  state: "ready",
  created_at: "2026-01-01T00:00:00Z",
};

function menuOf(volume: Volume): Record<string, boolean> {
  render(
    <MemoryRouter>
      <RowActions volume={volume} />
    </MemoryRouter>,
  );
  fireEvent.click(screen.getByRole("button", { name: /^Actions on/ }));
  return Object.fromEntries(screen.getAllByRole("menuitem").map((item) => [item.firstChild?.textContent ?? "", !item.getAttribute("aria-disabled")]));
}

it("offers what a free volume allows", () => {
  expect(menuOf(free)).toEqual({ "Attach to a VM…": true, "Detach…": false, "Grow…": true, "Move to another pool…": true, "Move to the trash": true, "Delete for good…": true });
});

it("offers to take back what is in the trash", () => {
  expect(menuOf({ ...free, state: "trashed" })).toEqual({ "Attach to a VM…": false, "Detach…": false, "Grow…": false, "Move to another pool…": false, "Take back": true, "Delete for good…": true });
});

it("offers to watch what holds it, and nothing else", () => {
  expect(menuOf({ ...free, operation_id: "op_1", operation_kind: "attach_volume" })).toEqual({
    "Watch the operation": true,
    "Attach to a VM…": false,
    "Detach…": false,
    "Grow…": false,
    "Move to another pool…": false,
    "Move to the trash": false,
    "Delete for good…": false,
  });
  expect(screen.getByRole("menuitem", { name: /^Attach/ }).textContent).toContain("An operation (attach_volume) is working on it.");
});
