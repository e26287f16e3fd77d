// @vitest-environment jsdom
import { setupServer } from "msw/node";
import { afterAll, beforeAll, expect, it } from "vitest";
import { ask, cancelOperation, plan, start } from "@/api/actions";
import { get } from "@/api/client";
import type { Operation, Page, Snapshot, VM } from "@/api/nouns";
import { Problem } from "@/api/problem";
import { standardConfig } from "./config";
import { World } from "./world";

const world = new World(standardConfig());
const server = setupServer(...world.handlers);
beforeAll(() => server.listen({ onUnhandledRequest: "error" }));
afterAll(() => server.close());

let now = Date.now();
world.database.clock = () => now;

let keys = 0;
const begin = (...[what]: Parameters<typeof plan>) => start(what, `snapshot-${keys++}`);

async function done(begun: Promise<Operation>): Promise<Operation> {
  const { id } = await begun;
  while (!world.database.operations.get(id)?.ended_at) {
    now += 50;
    world.advance();
  }
  return get<Operation>(`/operations/${id}`);
}

const machine = (name: string) => get<VM>(`/vms/${name}`);
const snapshotsOf = async (name: string) => (await get<Page<Snapshot>>(`/vms/${name}/snapshots`)).items!;
// familyOf is each snapshot's name with its parent's; the current one has a star.
async function familyOf(name: string): Promise<string[]> {
  const all = await snapshotsOf(name);
  return all.map((each) => `${all.find(({ id }) => id === each.parent_id)?.name ?? ""}/${each.name}${each.current ? "*" : ""}`);
}
const refusal = (refused: Promise<unknown>) => refused.then(() => undefined, (error: unknown) => (error as Problem).message);

it("takes one after the other, each the child of the one before", async () => {
  await done(begin(ask.takeSnapshot("web-2", { name: "first" })));
  const begun = await begin(ask.takeSnapshot("web-2", { name: "second", description: "why" }));
  expect((await snapshotsOf("web-2"))[1]).toMatchObject({ state: "creating", description: "why", current: false });
  expect(await refusal(begin(ask.takeSnapshot("web-2", { name: "third" })))).toMatch(/take_snapshot/);
  await done(Promise.resolve(begun));
  expect(await familyOf("web-2")).toEqual(["/first", "first/second*"]);
  const vm = await machine("web-2");
  expect([vm.snapshots, vm.snapshot_id]).toEqual([2, (await snapshotsOf("web-2"))[1]!.id]);
});

it("refuses a name that is taken or none, and frees that of one which was cancelled", async () => {
  expect(await refusal(begin(ask.takeSnapshot("web-2", { name: "second" })))).toMatch(/already a snapshot of this VM named second/);
  await expect(plan(ask.takeSnapshot("web-2", { name: "No" }))).rejects.toMatchObject({ status: 422, fields: { name: expect.any(String) as string } });
  const begun = await begin(ask.takeSnapshot("web-2", { name: "given-up" }));
  await cancelOperation(begun.id);
  expect((await done(Promise.resolve(begun))).state).toBe("cancelled");
  expect(await familyOf("web-2")).toEqual(["/first", "first/second*"]);
});

it("reverts, and goes on from there", async () => {
  const planned = await plan(ask.revertSnapshot("web-2", "first", false));
  expect(planned.notes).toContain("The next backup is a full one.");
  await done(begin(ask.revertSnapshot("web-2", "first", false)));
  expect((await machine("web-2")).state).toBe("stopped");
  await done(begin(ask.takeSnapshot("web-2", { name: "other" })));
  expect(await familyOf("web-2")).toEqual(["/first", "first/second", "first/other*"]);
  await done(begin(ask.revertSnapshot("web-2", "other", true)));
  expect((await machine("web-2")).state).toBe("running");
});

it("leaves all as it was when a revert is cancelled before the disks are set back", async () => {
  const begun = await begin(ask.revertSnapshot("web-2", "second", true));
  await cancelOperation(begun.id);
  expect((await done(Promise.resolve(begun))).state).toBe("cancelled");
  expect((await machine("web-2")).state).toBe("running");
  expect((await familyOf("web-2"))[2]).toBe("first/other*");
});

it("keeps the disks where and as they are while it has any", async () => {
  const told = "It has 3 snapshots, which would not follow its disks; delete them first.";
  expect(await refusal(begin(ask.growDisk("web-2", "vda", 2 ** 40)))).toContain(told);
  expect(await refusal(begin(ask.moveDisk("web-2", "vda", { pool: "local" })))).toContain(told);
});

it("deletes no VM whose snapshots would stay in a volume that nobody knows them of", async () => {
  await done(begin(ask.takeSnapshot("mail-1", { name: "first" })));
  expect(await refusal(begin(ask.deleteVM("mail-1")))).toMatch(/mailboxes outlives VM mail-1 and holds its snapshots/);
});

it("leaves the children and the VM of one that goes to its parent", async () => {
  await done(begin(ask.deleteSnapshot("web-2", "first")));
  expect(await familyOf("web-2")).toEqual(["/second", "/other*"]);
  await done(begin(ask.deleteSnapshot("web-2", "other")));
  expect(await familyOf("web-2")).toEqual(["/second"]);
  expect((await machine("web-2")).snapshot_id).toBeUndefined();
  expect(await refusal(begin(ask.deleteSnapshot("web-2", "other")))).toMatch(/has no snapshot other/);
});
