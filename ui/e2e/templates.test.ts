import { expect, it } from "vitest";
import { go, useStage } from "./stage";

const stage = useStage();

it("publishes an image as a version, promotes an older one, and withdraws: each with what it means, and refusals with reasons", async () => {
  const page = await stage.open("/templates");
  await page.getByRole("button", { name: "Publish a template" }).first().click();
  const dialog = page.getByRole("dialog", { name: "Publish a template" });
  await dialog.getByLabel("Template", { exact: true }).fill("Edge");
  await dialog.getByText("is not a usable name").waitFor();
  await dialog.getByLabel("Template", { exact: true }).fill("edge");
  await dialog.getByLabel("Notes").fill("first");
  await dialog.getByText("What its VMs get").click();
  await dialog.getByLabel("Disk", { exact: true }).fill("1 GiB");
  await dialog.getByText("need at least that many").waitFor();
  await dialog.getByLabel("Disk", { exact: true }).fill("8 GiB");
  await dialog.getByText("Copy as CLI or curl").click();
  await dialog.getByText("novacron template publish edge --image debian-12 --notes first --promote --disk 8GiB").waitFor();
  await dialog.getByRole("button", { name: "Publish", exact: true }).click();
  await page.getByText("Version edge:1 is current.").waitFor();

  await page.getByRole("link", { name: "web", exact: true }).click();
  await page.getByText("VMs are made from web:3").waitFor();
  await page.getByRole("button", { name: "Actions on web:3" }).click();
  const promote = page.getByRole("menuitem", { name: /^Promote/ });
  expect(await promote.getAttribute("aria-disabled")).toBe("true");
  expect(await promote.textContent()).toContain("It is current already.");
  await page.keyboard.press("Escape");

  await page.getByRole("button", { name: "Actions on web:4" }).click();
  await page.getByRole("menuitem", { name: /^Promote/ }).click();
  const asks = page.getByRole("dialog", { name: "Promote web:4" });
  await asks.getByText("Version web:3 is current now and will be an ordinary one.").waitFor();
  await asks.getByRole("button", { name: "Promote", exact: true }).click();
  await page.getByText("VMs are made from web:4").waitFor();

  await page.getByRole("button", { name: "Actions on web:1" }).click();
  const remove = page.getByRole("menuitem", { name: /^Delete/ });
  expect(await remove.textContent()).toMatch(/VMs? made from it (is|are) there; it stays as long\./);
  await page.keyboard.press("Escape");
  await page.getByRole("button", { name: "Actions on web:2" }).click();
  await page.getByRole("menuitem", { name: /^Withdraw/ }).click();
  const withdraw = page.getByRole("dialog", { name: "Withdraw web:2" });
  await withdraw.getByText("for good").waitFor();
  await withdraw.getByRole("button", { name: "Withdraw", exact: true }).click();
  await page.getByText("Version web:2 is withdrawn.").waitFor();
  await page.context().close();
});

it("publishes the disk of a running VM, after which it is off, and shows whose disk it was", async () => {
  const page = await stage.open("/vms?q=cache-1", { speed: 4 });
  await page.getByRole("button", { name: "Actions on cache-1" }).click();
  await page.getByRole("menuitem", { name: "Publish as a template" }).click();
  const dialog = page.getByRole("dialog", { name: "Publish a template" });
  await dialog.getByText("Its guest is asked to forget who it is").waitFor();
  await dialog.getByLabel("Template", { exact: true }).fill("cache");
  await dialog.getByText("6 steps").waitFor();
  await dialog.getByText("that is not taken back").waitFor();
  await dialog.getByRole("button", { name: "Publish", exact: true }).click();
  await page.waitForURL(/\/operations\/op_/);
  await page.getByText("Succeeded").first().waitFor();
  await go(page, "/templates/cache");
  await page.getByText("by its guest: machine ID, cloud-init").waitFor();
  await go(page, "/vms/cache-1");
  await page.getByText("Stopped").first().waitFor();
  await page.context().close();
});

it("makes a VM from a template: what it says of sizes, another version, and none that is withdrawn", async () => {
  const page = await stage.open("/vms?create=1");
  const dialog = page.getByRole("dialog", { name: "Create a VM" });
  await dialog.getByLabel("Name").fill("edge-9");
  await dialog.getByLabel("Made from").selectOption("template:worker");
  await dialog.getByText("has no current version").waitFor();
  await dialog.getByLabel("Made from").selectOption("template:web");
  await dialog.getByRole("option", { name: "web:2 · deprecated" }).waitFor({ state: "attached" });
  expect(await dialog.getByLabel("CPUs").getAttribute("placeholder")).toBe("2");
  const versions = await dialog.getByLabel("Version").locator("option").allTextContents();
  expect(versions).toEqual(["The current one · web:3", "web:4 · published", "web:3 · current", "web:2 · deprecated"]);
  await dialog.getByLabel("Version").selectOption("2");
  await dialog.getByText("Copy as CLI or curl").click();
  await dialog.getByText("novacron vm create edge-9 --template web:2", { exact: false }).waitFor();
  await dialog.getByRole("button", { name: "Create", exact: true }).click();
  await page.waitForURL(/\/operations\/op_/);
  await page.context().close();

  const list = await stage.open("/vms?template=web:3");
  await list.getByText("Template:").waitFor();
  await list.getByRole("button", { name: "Remove the filter Template" }).waitFor();
  await list.context().close();
});
