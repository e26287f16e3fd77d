import type { Page } from "playwright-core";
import { expect, it } from "vitest";
import { useStage } from "./stage";

const stage = useStage();

const rowsOf = (page: Page) => page.getByRole("main").locator("li strong").allTextContents();

it("says what a snapshot is, takes two, and has now below the last", async () => {
  const page = await stage.open("/vms/web-2/snapshots", { speed: 6 });
  await page.getByText("It is no backup").waitFor();
  await page.getByRole("button", { name: "Take snapshot" }).click();
  const dialog = page.getByRole("dialog", { name: "Take a snapshot of web-2" });
  await expect.poll(() => dialog.getByLabel("Name").inputValue()).toBe("snapshot-1");
  await dialog.getByLabel("Name").fill("Before");
  await dialog.getByText("lower-case letters").waitFor();
  await dialog.getByLabel("Name").fill("before-upgrade");
  await dialog.getByLabel("Description").fill("as it ran in June");
  await dialog.getByText("its disks stay in their pools and keep their sizes").waitFor();
  await dialog.getByText("Copy as CLI or curl").click();
  await dialog.getByText("novacron snapshot take web-2 before-upgrade --description 'as it ran in June'").waitFor();
  await dialog.getByRole("button", { name: "Take snapshot" }).click();
  await page.getByRole("link", { name: "Take a snapshot of web-2" }).waitFor();
  await page.getByText("quiesced").waitFor();
  expect(await rowsOf(page)).toEqual(["before-upgrade", "Now"]);
  await page.getByText("as it ran in June").waitFor();

  await page.getByRole("button", { name: "Take snapshot" }).click();
  await dialog.getByLabel("Name").fill("before-upgrade");
  await dialog.getByRole("button", { name: "Take snapshot" }).click();
  await dialog.getByText("There is already a snapshot of this VM named before-upgrade").waitFor();
  await dialog.getByLabel("Name").fill("after-upgrade");
  await dialog.getByRole("button", { name: "Take snapshot" }).click();
  await expect.poll(() => rowsOf(page)).toEqual(["before-upgrade", "after-upgrade", "Now"]);
  await page.getByRole("link", { name: "Snapshots 2" }).waitFor();
  await page.getByText("changed since after-upgrade").waitFor();
  await page.context().close();
});

it("reverts: what is lost, whether it starts, and now below another one", async () => {
  const page = await stage.open("/vms/api-2/snapshots", { speed: 6 });
  await page.getByText("changed since tuned").waitFor();
  await page.getByRole("button", { name: "Revert to upgrade-tried" }).click();
  const dialog = page.getByRole("dialog", { name: "Revert api-2 to upgrade-tried" });
  await dialog.getByText("Everything written to its disks since tuned").waitFor();
  await dialog.getByText("as after a power cut").waitFor();
  await dialog.getByText("The next backup is a full one.").waitFor();
  await dialog.getByLabel("Start it when the disks are back").uncheck();
  await dialog.getByRole("button", { name: "Revert", exact: true }).click();
  await page.getByText("changed since upgrade-tried").waitFor();
  await page.getByText("Stopped", { exact: true }).waitFor();
  expect(await rowsOf(page)).toEqual([
    "fresh", "configured", "before-upgrade", "upgraded", "tuned", "upgrade-tried", "upgrade-patched", "driver-swapped", "Now",
  ]);
  await page.context().close();
});

it("deletes one, by the keyboard alone, and lets its disks go when it has none left", async () => {
  const page = await stage.open("/vms/web-3/snapshots", { speed: 6 });
  await page.getByText("It has no snapshot yet").waitFor();
  await page.keyboard.press("Control+k");
  await page.keyboard.type("snapshot web-3");
  await page.getByRole("option", { name: "Snapshot web-3" }).waitFor();
  await page.keyboard.press("Enter");
  await page.getByRole("dialog").getByLabel("Name").press("Enter");
  const take = page.getByRole("button", { name: "Take snapshot" });
  await page.getByText("quiesced").waitFor();
  await expect.poll(() => take.getAttribute("aria-disabled")).toBeNull();
  await page.getByRole("link", { name: "Overview", exact: true }).last().click();
  await page.getByRole("button", { name: "Actions on disk vda" }).click();
  await page.getByRole("menuitem", { name: "Grow…" }).getByText("It has 1 snapshot, which would not follow its disks; delete it first.").waitFor();
  await page.keyboard.press("Escape");
  await page.getByRole("link", { name: "Snapshots 1" }).click();
  const remove = page.getByRole("button", { name: "Delete snapshot-1" });
  await expect.poll(() => remove.getAttribute("aria-disabled")).toBeNull();
  await remove.press("Enter");
  const dialog = page.getByRole("dialog", { name: "Delete snapshot snapshot-1" });
  await dialog.getByText("can no longer be reverted").waitFor();
  await dialog.getByRole("button", { name: "Delete" }).press("Enter");
  await page.getByText("It has no snapshot yet").waitFor();
  await page.context().close();
});

it("refuses while something else works on the VM", async () => {
  const page = await stage.open("/vms/api-2/snapshots", { speed: 0.1 });
  await page.getByRole("button", { name: "Delete tuned" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
  const revert = page.getByRole("button", { name: "Revert to fresh" });
  await expect.poll(() => revert.getAttribute("aria-disabled")).toBe("true");
  await revert.hover();
  await page.getByRole("tooltip").getByText("(delete_snapshot) is working on it").waitFor();
  await page.context().close();
});

it("met no error on any page", () => {
  expect(stage.problems).toEqual([]);
});
