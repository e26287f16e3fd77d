import type { Page } from "playwright-core";
import { expect, it } from "vitest";
import { go, useStage } from "./stage";

const stage = useStage();

const table = (page: Page) => page.getByRole("table", { name: "Volumes that belong to nobody" });

async function compare(page: Page): Promise<void> {
  await page.getByRole("button", { name: "Compare with the inventory" }).click();
  await page.waitForURL(/\/operations\/op_/);
}

it("compares a pool with the inventory, takes one stray in and deletes the other", async () => {
  const page = await stage.open("/storage/local", { speed: 4 });
  await compare(page);
  await page.getByRole("heading", { name: "Compare pool local", level: 1 }).waitFor();
  await page.getByText("2 belong to nobody, 1 is missing.").waitFor({ timeout: 20_000 });
  await page.getByRole("link", { name: "scratch" }).waitFor();
  const rows = table(page).getByRole("row", { name: /vol_/ });
  expect(await rows.count()).toBe(2);
  expect(await rows.first().textContent()).toMatch(/20 GiB.*3\.20 GiB.*h2/);

  await rows.first().getByRole("button", { name: "Actions on vol_" }).click();
  await page.getByRole("menuitem", { name: "Take in…" }).click();
  const adopt = page.getByRole("dialog", { name: /^Take in vol_/ });
  const name = adopt.getByLabel("Name of the volume");
  await name.fill("media");
  await adopt.getByText("There is a volume named media already").waitFor();
  await name.fill("found-1");
  await adopt.getByText("3 steps").waitFor();
  await adopt.getByText("Copy as CLI or curl").click();
  await adopt.getByText(/novacron pool adopt local vol_\w+ --name found-1 --host h2/).waitFor();
  await adopt.getByRole("button", { name: "Take it in" }).click();
  await rows.first().getByRole("link", { name: "taken in as found-1", exact: true }).waitFor({ timeout: 20_000 });

  await rows.nth(1).getByRole("button", { name: "Actions on vol_" }).click();
  await page.getByRole("menuitem", { name: "Delete…" }).click();
  const discard = page.getByRole("dialog", { name: /^Delete vol_/ });
  const button = discard.getByRole("button", { name: "Delete for good" });
  await discard.getByText("are lost at once").waitFor();
  expect(await button.getAttribute("aria-disabled")).toBe("true");
  const field = discard.getByLabel(/^Type \w{6} to confirm$/);
  await field.fill((await discard.getByText(/^Type \w{6} to confirm$/).first().textContent())!.split(" ")[1]!);
  await button.click();
  await rows.nth(1).getByRole("link", { name: "deleted", exact: true }).waitFor({ timeout: 20_000 });
  await rows.nth(1).getByRole("button", { name: "Actions on vol_" }).click();
  await page.getByRole("menuitem", { name: /Take in/ }).getByText("Deleted.").waitFor();
  await page.keyboard.press("Escape");

  await go(page, "/volumes?q=found-1");
  await expect.poll(() => page.getByRole("row", { name: /^found-1 / }).textContent()).toMatch(/Ready.*h2.*20 GiB/);
  await page.context().close();
});

it("says that all is as the inventory has it, and leads back to the pool", async () => {
  const page = await stage.open("/storage/shared", { speed: 4 });
  await compare(page);
  await page.getByText("All is as the inventory has it").waitFor({ timeout: 20_000 });
  expect(await table(page).count()).toBe(0);
  await page.getByRole("link", { name: "Pool shared" }).click();
  await page.getByRole("heading", { name: "shared", level: 1 }).waitFor();
  await page.context().close();
});

it("met no error on any page", () => {
  expect(stage.problems).toEqual([]);
});
