import { expect, it } from "vitest";
import { useStage } from "./stage";

const stage = useStage();

it("signs in, tells what is wrong, and goes on where one was", async () => {
  const page = await stage.open("/hosts", { signedIn: false });
  await page.waitForURL(/\/login\?next=%2Fhosts/);
  await page.getByLabel("Password").fill("wrong");
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("alert").getByText("do not match").waitFor();
  await page.getByLabel("Password").fill("novacron");
  await page.keyboard.press("Enter");
  await page.waitForURL(/\/hosts/);
  await page.getByRole("link", { name: "h1" }).waitFor();
  await page.context().close();
});

it("makes a VM: errors at the field, a preview, and the timeline to the end", async () => {
  const page = await stage.open("/vms", { speed: 4 });
  await page.getByRole("button", { name: "Create a VM" }).click();
  const dialog = page.getByRole("dialog", { name: "Create a VM" });
  await dialog.getByLabel("Name").fill("Web 1");
  await dialog.getByText("lower-case letters").waitFor();
  await dialog.getByLabel("Name").fill("web-1");
  await dialog.getByText("There is a VM web-1 already").waitFor();
  await dialog.getByLabel("Name").fill("shop-1");
  await dialog.getByText(/It would run on/).waitFor();
  await dialog.getByText("Copy as CLI or curl").click();
  await dialog.getByText("novacron vm create shop-1 --image debian-12").waitFor();
  await dialog.getByRole("button", { name: "Create", exact: true }).click();
  await page.waitForURL(/\/operations\/op_/);
  await page.getByText("Succeeded").first().waitFor();
  await page.getByRole("button", { name: /Wait for the guest/ }).click();
  await page.getByRole("region", { name: /Step Wait for the guest/ }).getByText("Came of it").waitFor();
  await page.goBack();
  await page.getByRole("link", { name: "shop-1", exact: true }).waitFor();
  await page.context().close();
});

it("migrates, shows each round as it happens, and refuses to cancel past the point of no return", async () => {
  const page = await stage.open("/vms/web-2", { speed: 2 });
  await page.getByRole("button", { name: "Migrate", exact: true }).click();
  const dialog = page.getByRole("dialog", { name: "Migrate web-2" });
  await dialog.getByLabel("To host").selectOption("h3");
  await dialog.getByText("8 steps").waitFor();
  await dialog.getByRole("button", { name: "Migrate", exact: true }).click();
  await page.getByRole("link", { name: "Watch it" }).click();
  await page.waitForURL(/\/operations\/op_/);
  const rounds = page.getByRole("region", { name: "Rounds" }).locator("tbody tr");
  await rounds.first().waitFor();
  const before = await rounds.count();
  await expect.poll(() => rounds.count(), { timeout: 30_000 }).toBeGreaterThan(before);
  await page.getByLabel("Longest pause, ms").fill("900");
  await page.getByRole("button", { name: "Apply" }).click();
  await page.getByText("The migration has been told.").waitFor();
  await page.evaluate(() => (window.mock!.world.database.config.speed = 0.1));
  await page.evaluate(() => {
    const { database } = window.mock!.world;
    for (const operation of database.operations.values()) if (!operation.ended_at) database.setOperation(operation.id, { no_return: true });
    for (const operation of database.operations.values()) if (!operation.ended_at) database.tell("operation.no_return", "operation", operation.id, operation.id);
  });
  const cancel = page.getByRole("button", { name: "Cancel the operation" });
  await expect.poll(() => cancel.getAttribute("aria-disabled")).toBe("true");
  await cancel.hover();
  await page.getByRole("tooltip").getByText("point of no return").waitFor();
  await page.evaluate(() => (window.mock!.world.database.config.speed = 20));
  await page.getByText("Stood still for", { exact: true }).waitFor();
  await page.getByText("Succeeded").first().waitFor();
  await page.context().close();
});

it("cancels an operation and shows how it is undone", async () => {
  const page = await stage.open("/vms/web-2");
  await page.getByRole("button", { name: "Migrate", exact: true }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Migrate", exact: true }).click();
  await page.getByRole("link", { name: "Watch it" }).click();
  await page.getByRole("region", { name: "Rounds" }).waitFor();
  await page.getByRole("button", { name: "Cancel the operation" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Cancel it" }).click();
  await page.getByRole("button", { name: /Undo: Clear the new host/ }).waitFor();
  await page.getByText("Cancelled").first().waitFor();
  await page.context().close();
});

it("backs up, and restores as a new VM", async () => {
  const page = await stage.open("/vms/web-2/backups", { speed: 8 });
  await page.getByRole("button", { name: "Back up now" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Back up", exact: true }).click();
  await page.getByText("Ready").first().waitFor();
  await page.getByRole("button", { name: "Restore" }).first().click();
  const dialog = page.getByRole("dialog", { name: "Restore web-2" });
  await dialog.getByLabel("In place: set web-2 back").check();
  const button = dialog.getByRole("button", { name: "Restore in place" });
  expect(await button.getAttribute("aria-disabled")).toBe("true");
  await dialog.getByText("is lost").waitFor();
  await dialog.getByLabel("A new VM").check();
  await dialog.getByLabel("Name of the new VM").fill("web-2b");
  await dialog.getByRole("button", { name: "Restore", exact: true }).click();
  await page.waitForURL(/\/operations\/op_/);
  await page.getByText("Succeeded").first().waitFor();
  await page.context().close();
});

it("does several at once, after showing what it would do and to which not", async () => {
  const page = await stage.open("/vms", { speed: 8 });
  for (const row of [1, 2, 7]) await page.getByLabel(`Select row ${row}`, { exact: true }).check();
  await page.getByRole("button", { name: "Stop…" }).click();
  const dialog = page.getByRole("dialog", { name: "Stop 3 VMs" });
  await dialog.getByText("Left out: 1 VM").waitFor();
  await dialog.getByText("only a VM that is on can be stopped").waitFor();
  await dialog.getByRole("button", { name: "Stop 2" }).click();
  await page.getByText("Stop: 2 operations accepted.").waitFor();
  await expect.poll(() => page.getByRole("row", { name: /api-1/ }).textContent(), { timeout: 20_000 }).toContain("Stopped");
  await page.context().close();
});

it("filters by URL, and back works", async () => {
  const page = await stage.open("/vms");
  await page.getByRole("button", { name: "State" }).first().click();
  await page.getByRole("menuitem", { name: "Stopped" }).click();
  await page.waitForURL(/state=stopped/);
  // As in mock/seed.ts; by name, for a number says nothing when it is wrong.
  const names = page.getByRole("row").locator("a[href^='/vms/']");
  await expect.poll(() => names.allTextContents()).toEqual(["cache-2", "queue-1"]);
  await page.goBack();
  await expect.poll(() => names.count()).toBeGreaterThan(10);
  await page.context().close();
});

it("shows the screen of a VM", async () => {
  const page = await stage.open("/vms/web-1/console");
  await page.getByText("Connected").waitFor();
  await expect.poll(() => page.locator("canvas").evaluate((canvas: HTMLCanvasElement) => canvas.width)).toBe(640);
  await page.context().close();
});

it("met no error on any page", () => {
  expect(stage.problems).toEqual([]);
});

it("declares a pool, shows what hosts say of it, and gives it up", async () => {
  const page = await stage.open("/storage", { speed: 4 });
  await page.getByRole("link", { name: "shared" }).waitFor();
  await page.getByRole("button", { name: "Add a pool" }).click();
  const dialog = page.getByRole("dialog", { name: "Add a pool" });
  await dialog.getByLabel("Name").fill("nas");
  await dialog.getByLabel("Where").selectOption("netfs");
  await dialog.getByLabel("Protocol").selectOption("sshfs");
  await dialog.getByLabel("Private key").fill("-----BEGIN");
  await dialog.getByLabel("Source").fill("vm@nas:/srv");
  await dialog.getByText("Copy as CLI or curl").click();
  await dialog.getByText("novacron pool add nas --mount sshfs --source vm@nas:/srv --key-file FILE --tier warm").waitFor();
  await dialog.getByLabel("Where").selectOption("local");
  await dialog.getByLabel("Name").fill("shared");
  await dialog.getByLabel("Directory").fill("/srv/fast");
  await dialog.getByRole("button", { name: "Add the pool" }).click();
  await dialog.getByText("There is already a pool named shared").waitFor();
  await dialog.getByLabel("Name").fill("fast");
  await dialog.getByText("novacron pool add fast --directory /srv/fast --tier warm").waitFor();
  await dialog.getByRole("button", { name: "Add the pool" }).click();
  await page.waitForURL(/\/storage\/fast/);
  await page.getByText("No host has opened it yet.").waitFor();
  await page.getByRole("button", { name: "Change…" }).click();
  await page.getByRole("dialog", { name: "Change fast" }).getByLabel("Tier").selectOption("hot");
  await page.getByRole("button", { name: "Change it" }).click();
  await page.getByText("hot", { exact: true }).waitFor();
  await page.getByRole("button", { name: "Remove…" }).click();
  const asked = page.getByRole("dialog", { name: "Remove fast" });
  await asked.getByText("3 steps").waitFor();
  await asked.getByLabel(/Type fast/).fill("fast");
  await asked.getByRole("button", { name: "Remove", exact: true }).click();
  await page.getByRole("link", { name: "Watch it" }).first().click();
  await page.getByText("Succeeded").first().waitFor();
  await page.goto(page.url().replace(/operations.*/, "storage/shared"));
  await page.getByText("the mount point is not there").waitFor();
  await page.context().close();
});

it("says where images and backups are kept, and why one is not reached", async () => {
  const page = await stage.open("/storage");
  const section = page.locator("section", { has: page.getByRole("heading", { name: "Where images and backups are kept" }) });
  await section.getByText("container images of Swift at swift.example.org").waitFor();
  await section.getByText("Not available").waitFor();
  await section.getByText("correct the credentials or what they may do").waitFor();
  await page.getByRole("link", { name: "shared" }).waitFor();
  await page.context().close();
});

it("moves a disk to another pool while its VM runs", async () => {
  const page = await stage.open("/vms/web-3", { speed: 4 });
  const disks = page.locator("section", { has: page.getByRole("heading", { name: "Disks" }) });
  await disks.getByRole("link", { name: "shared" }).waitFor();
  await disks.getByRole("button", { name: "Actions on disk vda" }).click();
  await page.getByRole("menuitem", { name: "Move…" }).click();
  const dialog = page.getByRole("dialog", { name: "Move disk vda of web-3" });
  await dialog.getByLabel("To pool").selectOption("local");
  await dialog.getByText("7 steps").waitFor();
  await dialog.getByText("Copy as CLI or curl").click();
  await dialog.getByText("novacron vm move-disk web-3 --to local").waitFor();
  await dialog.getByRole("button", { name: "Move", exact: true }).click();
  await disks.getByRole("link", { name: "local" }).waitFor({ timeout: 20_000 });
  await page.context().close();
});
