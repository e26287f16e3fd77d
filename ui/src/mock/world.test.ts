// @vitest-environment jsdom
import { setupServer } from "msw/node";
import { afterAll, beforeAll, expect, it } from "vitest";
import { ask, cancelOperation, plan, restoreVolume, start, trashVolume, tune } from "@/api/actions";
import { get } from "@/api/client";
import type { Disk, Operation, Page, Timeline, VM, Volume } from "@/api/nouns";
import { statusOf } from "@/api/problem";
import { standardConfig } from "./config";
import { World } from "./world";

// The mock is worth as much as it behaves like the real one: these are the promises that the interface builds on.

const world = new World(standardConfig());
const server = setupServer(...world.handlers);
beforeAll(() => server.listen({ onUnhandledRequest: "error" }));
afterAll(() => server.close());

// Time passes only here.
let now = Date.now();
world.database.clock = () => now;

function pass(until: () => boolean): void {
  for (let step = 0; step < 20_000 && !until(); step++) {
    now += 50;
    world.advance();
  }
}

async function ended(operation: string): Promise<Operation> {
  pass(() => Boolean(world.database.operations.get(operation)?.ended_at));
  return get<Operation>(`/operations/${operation}`);
}

const machine = (name: string) => get<VM>(`/vms/${name}`);
const request = { name: "new-1", image: "debian-12", cpus: 1, memory_bytes: 2 ** 29, disk_bytes: 2 ** 32 };

it("plans without changing anything", async () => {
  const planned = await plan(ask.createVM(request));
  expect(planned.host_id).toBeDefined();
  await expect(machine("new-1")).rejects.toMatchObject({ status: 404 });
});

it("makes a VM, once for each key", async () => {
  const first = await start(ask.createVM(request), "key-1");
  const again = await start(ask.createVM(request), "key-1");
  expect(again.id).toBe(first.id);
  expect((await ended(first.id)).state).toBe("succeeded");
  expect((await machine("new-1")).state).toBe("running");
});

it("migrates in rounds that shrink, past a point of no return, and then cannot be cancelled", async () => {
  const vm = await machine("web-2");
  const { id } = await start(ask.migrate(vm.id, { to: "h3" }), "key-2");
  await expect(start(ask.deleteVM(vm.id), "key-3")).rejects.toMatchObject({ status: 409 });
  expect((await ended(id)).state).toBe("succeeded");
  const timeline = await get<Timeline>(`/operations/${id}/timeline`);
  const rounds = timeline.migration!.rounds!;
  expect(rounds.length).toBeGreaterThan(2);
  expect(rounds[rounds.length - 1]!.remaining_bytes).toBeLessThan(rounds[0]!.remaining_bytes);
  expect(timeline.no_return_at).toBeDefined();
  expect((await machine("web-2")).host_name).toBe("h3");
  expect(statusOf(await cancelOperation(id).catch((error: unknown) => error))).toBe(409);
});

it("takes everything back when an operator aborts", async () => {
  const vm = await machine("api-1");
  const { id } = await start(ask.migrate(vm.id, {}), "key-4");
  pass(() => (world.database.timelines.get(id)?.migration?.rounds?.length ?? 0) > 1);
  await tune(id, { abort: true });
  expect((await ended(id)).state).toBe("cancelled");
  const timeline = await get<Timeline>(`/operations/${id}/timeline`);
  expect(timeline.steps!.filter((step) => step.undo).map((step) => step.state)).toEqual(["done", "done"]);
  const after = await machine("api-1");
  expect([after.host_id, after.operation_id]).toEqual([vm.host_id, undefined]);
});

it("pages its lists", async () => {
  const first = await get<Page<VM>>("/vms", { limit: 5 });
  const second = await get<Page<VM>>("/vms", { limit: 5, cursor: first.next_cursor });
  expect(first.items).toHaveLength(5);
  expect(second.items![0]!.name > first.items![4]!.name).toBe(true);
});

const volume = (name: string) => get<Volume>(`/volumes/${name}`);

it("makes a volume, gives it to a VM and takes it away, and holds both meanwhile", async () => {
  const made = await start(ask.createVolume({ name: "data-1", size_bytes: 2 ** 30 }), "key-5");
  expect(await volume("data-1")).toMatchObject({ state: "creating", operation_kind: "create_volume" });
  await expect(start(ask.createVolume({ name: "data-1", size_bytes: 2 ** 30 }), "key-6")).rejects.toMatchObject({ status: 409, fields: { name: expect.any(String) } });
  await ended(made.id);
  const vm = await machine("mail-2");
  const { id } = await start(ask.attachVolume(vm.id, { volume: "data-1" }), "key-7");
  expect((await volume("data-1")).operation_id).toBe(id);
  await ended(id);
  expect(await volume("data-1")).toMatchObject({ vm_name: "mail-2", device: "vdb", state: "ready" });
  await expect(trashVolume("data-1")).rejects.toMatchObject({ status: 409 });
  await ended((await start(ask.detachVolume(vm.id, "vdb", {}), "key-8")).id);
  expect((await volume("data-1")).vm_id).toBeUndefined();
  expect((await get<Page<Disk>>(`/vms/${vm.id}/disks`)).items).toHaveLength(1);
});

it("keeps a volume in the trash until it is taken back or deleted", async () => {
  expect((await trashVolume("data-1")).purge_at).toBeDefined();
  await expect(plan(ask.createVolume({ name: "data-1", size_bytes: 2 ** 30 }))).rejects.toThrow(/in the trash/);
  expect(await restoreVolume("data-1")).toMatchObject({ state: "ready" });
  await ended((await start(ask.purgeVolume("data-1"), "key-9")).id);
  await expect(volume("data-1")).rejects.toMatchObject({ status: 404 });
});

it("keeps what has a name when its VM is deleted", async () => {
  const vm = await machine("mail-1");
  await ended((await start(ask.deleteVM(vm.id), "key-10")).id);
  expect((await volume("mailboxes")).vm_id).toBeUndefined();
  await expect(volume(vm.volume_ids![0]!)).rejects.toMatchObject({ status: 404 });
});
