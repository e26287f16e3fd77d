// @vitest-environment jsdom
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { fireEvent, render, screen } from "@testing-library/react";
import { MemoryRouter } from "react-router";
import { expect, it } from "vitest";
import type { VM } from "@/api/nouns";
import { Transitions } from "@/forms/transitions";
import table from "@/mock/vm-transitions.json";
import { RowActions } from "./RowActions";

const machine: VM = {
  id: "vm_1",
  project_id: "prj_1",
  name: "web-1",
  state: "stopped",
  spec: { cpus: 1, memory_bytes: 2 ** 29 },
  interfaces: [],
  volume_ids: [],
  snapshots: 0,
  generation: 1,
  created_at: "2026-01-01T00:00:00Z",
  updated_at: "2026-01-01T00:00:00Z",
};

function show(vm: VM) {
  const client = new QueryClient();
  client.setQueryData(["transition", "list"], table);
  render(
    <QueryClientProvider client={client}>
      <MemoryRouter>
        <Transitions>
          <RowActions vm={vm} />
        </Transitions>
      </MemoryRouter>
    </QueryClientProvider>,
  );
}

it("offers to start what is off, and refuses with the table's reason", () => {
  show(machine);
  expect(screen.getByRole("button", { name: "Start web-1" }).getAttribute("aria-disabled")).toBeNull();
  fireEvent.click(screen.getByRole("button", { name: "Actions on web-1" }));
  const migrate = screen.getByRole("menuitem", { name: /^Migrate/ });
  expect(migrate.getAttribute("aria-disabled")).toBe("true");
  expect(migrate.textContent).toContain("live migration needs it on");
  expect(screen.getByRole("menuitem", { name: /^Move \(cold\)/ }).getAttribute("aria-disabled")).toBeNull();
});

it("refuses everything but the console while an operation works on it", () => {
  show({ ...machine, state: "running", operation_id: "op_1", operation_kind: "migrate" });
  expect(screen.getByRole("button", { name: "Stop web-1" }).getAttribute("aria-disabled")).toBe("true");
  fireEvent.click(screen.getByRole("button", { name: "Actions on web-1" }));
  const allowed = screen.getAllByRole("menuitem").filter((item) => !item.getAttribute("aria-disabled"));
  expect(allowed.map((item) => item.textContent)).toEqual(["Console"]);
});
