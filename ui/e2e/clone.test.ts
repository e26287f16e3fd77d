import { expect, it } from "vitest";
import { useStage } from "./stage";

const stage = useStage();

it("clones a VM while it runs, and with two steps less while it is off", async () => {
  const page = await stage.open("/vms/web-2", { speed: 8 });
  await page.getByRole("button", { name: "More actions" }).click();
  const item = page.getByRole("menuitem", { name: "Clone" });
  await item.click();
  const dialog = page.getByRole("dialog", { name: "Clone web-2" });
  await dialog.getByText("web-2 goes on meanwhile").waitFor();
  await dialog.getByText("7 steps").waitFor();
  await page.keyboard.press("Escape");
  await page.evaluate(() => {
    const { database } = window.mock!.world;
    database.setVM(database.vm("web-2")!.id, { state: "stopped" }, "vm.stopped");
  });
  await page.getByRole("button", { name: "More actions" }).click();
  await item.click();
  await dialog.getByLabel("Name of the clone").fill("web-2");
  await dialog.getByText("There is a VM web-2 already").waitFor();
  await dialog.getByLabel("Name of the clone").fill("twin-1");
  await dialog.getByText("5 steps").waitFor();
  await dialog.getByText("Copy as CLI or curl").click();
  await dialog.getByText("novacron vm clone web-2 --as twin-1").waitFor();
  await dialog.getByRole("button", { name: "Clone", exact: true }).click();
  await page.waitForURL(/\/operations\/op_/);
  await page.getByText("Succeeded").first().waitFor();
  await page.context().close();
});

it("met no error on any page", () => {
  expect(stage.problems).toEqual([]);
});
