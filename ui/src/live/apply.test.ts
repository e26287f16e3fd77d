// @vitest-environment jsdom
import { QueryClient, QueryObserver } from "@tanstack/react-query";
import { http, HttpResponse } from "msw";
import { setupServer } from "msw/node";
import { afterAll, afterEach, beforeAll, beforeEach, expect, it, vi } from "vitest";
import type { Event, Operation } from "@/api/nouns";
import { EventApplier } from "./apply";

const server = setupServer();
beforeAll(() => server.listen({ onUnhandledRequest: "error" }));
afterEach(() => server.resetHandlers());
afterAll(() => server.close());

let client: QueryClient;
let applier: EventApplier;
beforeEach(() => {
  client = new QueryClient();
  applier = new EventApplier(client);
});

const happened = (kind: string, id: string, operation?: string): Event => ({
  sequence: 1,
  at: "",
  type: `${kind}.changed`,
  subject_kind: kind,
  subject_id: id,
  operation_id: operation,
});

const row = (id: string, state: string) => ({ id, name: id, state });
const list = (key: unknown[]) => client.getQueryData<{ pages: { items: { id: string; state: string }[] }[] }>(key)!.pages[0]!.items;

it("changes a row in place, in every list that has it", async () => {
  server.use(http.get("*/api/v1/vms/b", () => HttpResponse.json(row("b", "stopped"))));
  const key = ["vm", "list", {}];
  client.setQueryData(key, { pages: [{ items: [row("a", "running"), row("b", "running")] }], pageParams: [""] });
  const before = list(key);
  applier.event(happened("vm", "b"));
  await vi.waitFor(() => expect(list(key)[1]!.state).toBe("stopped"));
  expect(list(key)[0]).toBe(before[0]);
});

it("reads a thing once, however many events there were of it", async () => {
  const read = vi.fn(() => HttpResponse.json(row("a", "paused")));
  server.use(http.get("*/api/v1/vms/a", read));
  for (let times = 0; times < 20; times++) applier.event(happened("vm", "a"));
  await vi.waitFor(() => expect(client.getQueryData(["vm", "one", "a"])).toMatchObject({ state: "paused" }));
  expect(read).toHaveBeenCalledTimes(1);
});

it("takes away what is gone", async () => {
  server.use(http.get("*/api/v1/vms/a", () => new HttpResponse(null, { status: 404 })));
  const key = ["vm", "list", {}];
  client.setQueryData(key, { pages: [{ items: [row("a", "running"), row("b", "running")] }], pageParams: [""] });
  applier.event(happened("vm", "a"));
  await vi.waitFor(() => expect(list(key).map((each) => each.id)).toEqual(["b"]));
});

it("asks nothing about what was deleted, neither at once nor when its operation ends", async () => {
  const operation = { id: "op_1", kind: "delete", state: "succeeded", subject: { kind: "vm", id: "a", name: "a" } } as Operation;
  const read = vi.fn(() => HttpResponse.json(operation));
  server.use(http.get("*/api/v1/operations/op_1", read));
  const key = ["vm", "list", {}];
  client.setQueryData(key, { pages: [{ items: [row("a", "deleting"), row("b", "running")] }], pageParams: [""] });
  client.setQueryData(["vm", "one", "name-of-a"], row("a", "deleting"));
  applier.event({ ...happened("vm", "a", "op_1"), type: "vm.deleted" });
  expect(list(key).map((each) => each.id)).toEqual(["b"]);
  expect(client.getQueryData(["vm", "one", "name-of-a"])).toBeUndefined();
  await vi.waitFor(() => expect(read).toHaveBeenCalledTimes(1));
  await new Promise((resolve) => setTimeout(resolve, 300)); // an unexpected request fails the test
});

it("shows what is being deleted without asking for it, and asks again should that fail", async () => {
  const operation = { id: "op_1", kind: "delete_backup", state: "failed", subject: { kind: "backup", id: "a", name: "a" } } as Operation;
  const read = vi.fn(() => HttpResponse.json(row("a", "ready")));
  server.use(http.get("*/api/v1/operations/op_1", () => HttpResponse.json(operation)), http.get("*/api/v1/backups/a", read));
  const key = ["backup", "list", {}];
  client.setQueryData(key, { pages: [{ items: [row("a", "ready")] }], pageParams: [""] });
  applier.event({ ...happened("backup", "a"), type: "backup.deleting" });
  applier.event(happened("backup", "a"));
  expect(list(key)[0]!.state).toBe("deleting");
  await new Promise((resolve) => setTimeout(resolve, 300));
  expect(read).not.toHaveBeenCalled();
  applier.event(happened("operation", "op_1"));
  await vi.waitFor(() => expect(list(key)[0]!.state).toBe("ready"));
});

it("keeps the open operations true, and reads what they work on again", async () => {
  const operation = { id: "op_1", kind: "stop", state: "running", subject: { kind: "vm", id: "a", name: "a" } } as Operation;
  let state: Operation["state"] = "running";
  const machine = vi.fn(() => HttpResponse.json(row("a", "running")));
  server.use(
    http.get("*/api/v1/operations/op_1", () => HttpResponse.json({ ...operation, state })),
    http.get("*/api/v1/vms/a", machine),
  );
  client.setQueryData(["operation", "open"], []);
  applier.event(happened("operation", "op_1", "op_1"));
  await vi.waitFor(() => expect(client.getQueryData(["operation", "open"])).toHaveLength(1));
  await vi.waitFor(() => expect(machine).toHaveBeenCalled());
  state = "succeeded";
  applier.event(happened("operation", "op_1", "op_1"));
  await vi.waitFor(() => expect(client.getQueryData(["operation", "open"])).toEqual([]));
});

it("never puts an older timeline over a newer one", () => {
  const timeline = (at: number) => ({ operation_id: "op_1", state: "running" as const, steps: [], history_at: at });
  applier.timeline(timeline(9));
  applier.timeline(timeline(5));
  expect(client.getQueryData(["timeline", "one", "op_1"])).toMatchObject({ history_at: 9 });
});

it("follows the volumes of a VM where they are listed, and one that an operation on a VM holds besides", async () => {
  const operation = { id: "op_1", kind: "attach_volume", state: "running", subject: { kind: "vm", id: "a", name: "a" }, request: { vm_id: "a", volume_id: "free" } };
  server.use(
    http.get("*/api/v1/operations/op_1", () => HttpResponse.json(operation)),
    http.get("*/api/v1/vms/a", () => HttpResponse.json(row("a", "running"))),
    http.get("*/api/v1/vms/a/disks", () => HttpResponse.json({ items: [{ ...row("root", "ready"), operation_id: "op_1" }] })),
    http.get("*/api/v1/volumes/free", () => HttpResponse.json({ ...row("free", "ready"), operation_id: "op_1" })),
  );
  const key = ["volume", "list", {}];
  client.setQueryData(key, { pages: [{ items: [row("free", "ready"), row("root", "ready")] }], pageParams: [""] });
  const stop = new QueryObserver(client, { queryKey: key, queryFn: () => null, staleTime: Infinity }).subscribe(() => undefined);
  applier.event(happened("operation", "op_1", "op_1"));
  await vi.waitFor(() => expect(list(key)).toMatchObject([{ operation_id: "op_1" }, { operation_id: "op_1" }]));
  stop();
});

it("asks for a stray only once it has been taken in: what was not found does not come back", async () => {
  const read = vi.fn(() => HttpResponse.json(row("stray", "ready")));
  const of = (id: string, kind: string, state: string) => ({ id, kind, state, subject: { kind: "volume", id: "stray", name: "found" }, request: { volume_id: "stray" } });
  server.use(
    http.get("*/api/v1/operations/op_1", () => HttpResponse.json(of("op_1", "adopt_volume", "running"))),
    http.get("*/api/v1/operations/op_2", () => HttpResponse.json(of("op_2", "discard_volume", "succeeded"))),
    http.get("*/api/v1/operations/op_3", () => HttpResponse.json(of("op_3", "adopt_volume", "succeeded"))),
    http.get("*/api/v1/volumes/stray", read),
  );
  applier.event(happened("operation", "op_1", "op_1"));
  applier.event(happened("operation", "op_2", "op_2"));
  await vi.waitFor(() => expect(client.getQueryData(["operation", "one", "op_2"])).toBeTruthy());
  await new Promise((done) => setTimeout(done, 300)); // longer than events are gathered
  expect(read).not.toHaveBeenCalled();
  applier.event(happened("operation", "op_3", "op_3"));
  await vi.waitFor(() => expect(client.getQueryData(["volume", "one", "stray"])).toMatchObject({ state: "ready" }));
});
