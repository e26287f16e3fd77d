import type { Page } from "playwright-core";
import { expect, it } from "vitest";
import { useStage } from "./stage";

const stage = useStage();

const rowOf = (page: Page, name: string) => page.getByRole("row", { name: new RegExp(`^${name} `) });

async function choose(page: Page, volume: string, action: string): Promise<void> {
  await page.getByRole("button", { name: `Actions on ${volume}`, exact: true }).click();
  await page.getByRole("menuitem", { name: action }).click();
}

it("makes a volume: errors at the field, a preview, and the row without a reload", async () => {
  const page = await stage.open("/volumes", { speed: 4 });
  await page.getByRole("button", { name: "Create a volume" }).click();
  const dialog = page.getByRole("dialog", { name: "Create a volume" });
  const name = dialog.getByLabel("Name");
  await name.fill("Data 1");
  await dialog.getByText("lower-case letters").waitFor();
  await name.fill("media");
  await dialog.getByText("There is a volume named media already").waitFor();
  await name.fill("reports-2024");
  await dialog.getByText("in the trash; take it back").waitFor();
  await name.fill("data-1");
  await dialog.getByText("3 steps").waitFor();
  await dialog.getByLabel("Size").fill("large");
  await dialog.getByText("A size, such as 10 GiB.").waitFor();
  await dialog.getByLabel("Size").fill("20 GiB");
  await dialog.getByText("Copy as CLI or curl").click();
  await dialog.getByText("novacron volume create data-1 --size 20GiB").waitFor();
  await dialog.getByRole("button", { name: "Create", exact: true }).click();
  await page.getByRole("link", { name: "Watch it" }).waitFor();
  await expect.poll(() => rowOf(page, "data-1").textContent(), { timeout: 20_000 }).toMatch(/Ready.*20 GiB/);
  await page.context().close();
});

it("gives a volume to a VM, and takes it away again", async () => {
  const page = await stage.open("/volumes?q=media", { speed: 4 });
  await choose(page, "media", "Attach to a VM…");
  const dialog = page.getByRole("dialog", { name: "Attach media" });
  await dialog.getByLabel("Find a VM").fill("web");
  await dialog.getByRole("radio", { name: /web-2/ }).check();
  await dialog.getByText("The VM sees it as disk vdb.").waitFor();
  await dialog.getByLabel("Bus").selectOption("scsi");
  await dialog.getByText("The VM sees it as disk sda.").waitFor();
  await dialog.getByText("Copy as CLI or curl").click();
  await dialog.getByText("novacron volume attach media --to web-2 --bus scsi").waitFor();
  await dialog.getByRole("button", { name: "Attach", exact: true }).click();
  const row = rowOf(page, "media");
  await expect.poll(() => row.textContent()).toContain("attaching a volume…");
  await expect.poll(() => row.textContent(), { timeout: 20_000 }).toContain("web-2 as sda");
  await expect.poll(() => row.textContent()).not.toContain("attaching");
  await page.getByRole("button", { name: "Actions on media" }).click();
  await page.getByRole("menuitem", { name: /Move to the trash/ }).getByText("It is attached to web-2. Detach it first.").waitFor();
  await page.keyboard.press("Escape");
  await choose(page, "media", "Detach…");
  const asked = page.getByRole("dialog", { name: "Detach media" });
  await asked.getByText("Unmount it in the guest first.").waitFor();
  await asked.getByRole("button", { name: "Detach", exact: true }).click();
  await expect.poll(() => row.textContent(), { timeout: 20_000 }).not.toContain("web-2");
  await page.context().close();
});

it("offers only VMs that may have it, and shows what the server refuses", async () => {
  const page = await stage.open("/volumes?q=scratch");
  await choose(page, "scratch", "Attach to a VM…");
  const dialog = page.getByRole("dialog", { name: "Attach scratch" });
  await dialog.getByText("pool local of host h2").waitFor();
  await dialog.getByRole("radio").first().waitFor();
  expect((await dialog.locator("label", { has: page.getByRole("radio") }).allTextContents()).every((text) => text.endsWith("on h2"))).toBe(true);
  await page.keyboard.press("Escape");
  await page.getByLabel("Search volumes").fill("media");
  await choose(page, "media", "Attach to a VM…");
  const other = page.getByRole("dialog", { name: "Attach media" });
  await other.getByLabel("Find a VM").fill("docs-1");
  await other.getByRole("radio", { name: /docs-1 Running on h4/ }).check();
  await other.getByRole("alert").getByText("Host h4 does not reach pool shared").waitFor();
  await page.context().close();
});

it("asks a disk without a name for one when it is detached", async () => {
  const page = await stage.open("/volumes?q=docs-1", { speed: 4 });
  await choose(page, "docs-1/vdb", "Detach…");
  const dialog = page.getByRole("dialog", { name: "Detach docs-1/vdb" });
  const button = dialog.getByRole("button", { name: "Detach", exact: true });
  expect(await button.getAttribute("aria-disabled")).toBe("true");
  await dialog.getByLabel("Name of the volume").fill("media");
  await dialog.getByText("There is a volume named media already").waitFor();
  await dialog.getByLabel("Name of the volume").fill("manuals");
  await dialog.getByText("4 steps").waitFor();
  await button.click();
  await page.getByLabel("Search volumes").fill("manuals");
  await expect.poll(() => rowOf(page, "manuals").textContent(), { timeout: 20_000 }).toContain("16 GiB");
  await page.context().close();
});

it("moves to the trash, takes back, and deletes for good", async () => {
  const page = await stage.open("/volumes?q=media", { speed: 4 });
  const row = rowOf(page, "media");
  await choose(page, "media", "Move to the trash");
  await page.getByText("media is in the trash until").waitFor();
  await expect.poll(() => row.textContent()).toMatch(/In the trash.*deleted in [67] d/);
  await page.getByRole("button", { name: "Take it back" }).click();
  await expect.poll(() => row.textContent()).toContain("Ready");
  await choose(page, "media", "Move to the trash");
  await expect.poll(() => row.textContent()).toContain("In the trash");
  await choose(page, "media", "Take back");
  await expect.poll(() => row.textContent()).toContain("Ready");
  await choose(page, "media", "Delete for good…");
  const dialog = page.getByRole("dialog", { name: "Delete media for good" });
  const button = dialog.getByRole("button", { name: "Delete for good" });
  expect(await button.getAttribute("aria-disabled")).toBe("true");
  await dialog.getByLabel("Type media to confirm").fill("media");
  await button.click();
  await expect.poll(() => row.count(), { timeout: 20_000 }).toBe(0);
  await page.context().close();
});

it("says why it refuses, and leads to the operation in the way", async () => {
  const page = await stage.open("/volumes");
  await page.getByRole("button", { name: "Actions on docs-1/vda" }).click();
  await page.getByRole("menuitem", { name: /Detach/ }).getByText("docs-1 boots from it").waitFor();
  await page.getByRole("menuitem", { name: /Move to the trash/ }).getByText("ends with it").waitFor();
  await page.keyboard.press("Escape");
  await page.evaluate(() => fetch("/api/v1/vms/mail-1/stop", { method: "POST", body: "{}" }));
  await expect.poll(() => rowOf(page, "mailboxes").textContent()).toContain("stopping…");
  await page.getByRole("button", { name: "Actions on mailboxes" }).click();
  await page.getByRole("menuitem", { name: /Detach/ }).getByText("An operation (stop) is working on it.").waitFor();
  await page.getByRole("menuitem", { name: "Watch the operation" }).click();
  await page.waitForURL(/\/operations\/op_/);
  await page.context().close();
});

it("makes a volume for a VM on the VM's page, and detaches it there", async () => {
  const page = await stage.open("/vms/web-2", { speed: 4 });
  const disks = page.locator("section", { has: page.getByRole("heading", { name: "Disks" }) });
  await disks.getByRole("button", { name: "Attach a volume" }).click();
  const dialog = page.getByRole("dialog", { name: "Attach a volume to web-2" });
  await dialog.getByRole("radio", { name: /media/ }).waitFor();
  await dialog.getByLabel("A new one").check();
  await dialog.getByLabel("Name").fill("data-1");
  await dialog.getByText("3 steps").waitFor();
  await dialog.getByRole("button", { name: "Create and attach" }).click();
  await dialog.getByText("data-1 is being made").waitFor();
  await disks.getByRole("link", { name: "data-1" }).waitFor({ timeout: 20_000 });
  await expect.poll(() => dialog.count()).toBe(0);
  await disks.getByRole("button", { name: "Actions on disk vdb" }).click();
  await page.getByRole("menuitem", { name: "Detach…" }).click();
  await page.getByRole("dialog", { name: "Detach data-1" }).getByRole("button", { name: "Detach", exact: true }).click();
  await expect.poll(() => disks.getByRole("link", { name: "data-1" }).count(), { timeout: 20_000 }).toBe(0);
  await page.context().close();
});

it("leads from a pool to its volumes, and narrows them by the URL", async () => {
  const page = await stage.open("/storage/local");
  await page.getByRole("link", { name: "1 volume" }).click();
  await page.waitForURL(/\/volumes\?pool=local/);
  await expect.poll(() => page.getByRole("button", { name: /^Actions on/ }).count()).toBe(1);
  await page.getByRole("button", { name: "Remove the filter Pool" }).click();
  await page.getByRole("button", { name: "State" }).first().click();
  await page.getByRole("menuitem", { name: "In the trash" }).click();
  await page.waitForURL(/state=trashed/);
  await expect.poll(() => rowOf(page, "reports-2024").textContent()).toContain("deleted in 5 d");
  await page.goBack();
  await expect.poll(() => page.getByRole("button", { name: /^Actions on/ }).count()).toBeGreaterThan(10);
  await page.context().close();
});

it("makes and attaches by keyboard alone", async () => {
  const page = await stage.open("/", { speed: 8 });
  await page.getByRole("heading", { name: "Overview", level: 1 }).waitFor();
  await page.keyboard.press("g");
  await page.keyboard.press("l");
  await page.getByRole("heading", { name: "Volumes", level: 1 }).waitFor();
  await page.keyboard.press("c");
  await page.getByRole("dialog", { name: "Create a volume" }).waitFor();
  await page.keyboard.type("aaa");
  await page.keyboard.press("Enter");
  await expect.poll(() => rowOf(page, "aaa").textContent(), { timeout: 20_000 }).toContain("Ready");
  await page.getByRole("button", { name: "Actions on aaa" }).focus();
  await page.keyboard.press("Enter");
  await page.keyboard.press("Enter");
  await page.getByRole("dialog", { name: "Attach aaa" }).waitFor();
  await page.keyboard.type("web-2");
  await page.getByRole("radio", { name: /web-2/ }).waitFor();
  await expect.poll(() => page.getByRole("radio").count()).toBe(1);
  await page.keyboard.press("Tab");
  await page.keyboard.press("Space");
  await page.keyboard.press("Enter");
  await expect.poll(() => rowOf(page, "aaa").textContent(), { timeout: 20_000 }).toContain("web-2 as vdb");
  await page.keyboard.press("Control+k");
  await page.keyboard.type("attach web-2");
  await page.getByRole("option", { name: /Attach a volume to web-2/ }).waitFor();
  await page.keyboard.press("Enter");
  await page.getByRole("dialog", { name: "Attach a volume to web-2" }).waitFor();
  await page.context().close();
});

it("met no error on any page", () => {
  expect(stage.problems).toEqual([]);
});
