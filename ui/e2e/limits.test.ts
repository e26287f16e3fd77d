import { expect, it } from "vitest";
import { useStage } from "./stage";

const stage = useStage();

it("limits a VM's disk: refusals at the fields, the limits in its row, and none again", async () => {
  const page = await stage.open("/vms/web-2", { speed: 4 });
  const disks = page.locator("section", { has: page.getByRole("heading", { name: "Disks" }) });
  const dialog = page.getByRole("dialog", { name: "Limit disk vda of web-2" });
  const ask = async () => {
    await disks.getByRole("button", { name: "Actions on disk vda" }).click();
    await page.getByRole("menuitem", { name: "Limit…" }).click();
  };
  await ask();
  await dialog.getByText("It has no limits now.").waitFor();
  const iops = dialog.getByLabel("Requests a second");
  await iops.fill("5");
  await dialog.getByText("at least 10 requests a second, not 5").waitFor();
  await iops.fill("500");
  await dialog.getByLabel("MiB/s").fill("0.01");
  await dialog.getByText("at least 65536 bytes a second").waitFor();
  await dialog.getByLabel("MiB/s").fill("50");
  await dialog.getByText("3 steps").waitFor();
  await dialog.getByText("Copy as CLI or curl").click();
  await dialog.getByText("novacron vm limit-disk web-2 --iops 500 --bandwidth 50").waitFor();
  await dialog.getByRole("button", { name: "Limit", exact: true }).click();
  await disks.getByText("at most 500 IOPS, 50 MiB/s").waitFor({ timeout: 20_000 });
  await expect.poll(() => page.getByText("limiting a disk").count(), { timeout: 20_000 }).toBe(0);

  await ask();
  expect(await iops.inputValue()).toBe("500");
  expect(await dialog.getByRole("button", { name: "Limit", exact: true }).getAttribute("aria-disabled")).toBe("true");
  await iops.fill("");
  await dialog.getByLabel("MiB/s").fill("");
  await dialog.getByRole("button", { name: "Take the limits away" }).click();
  await expect.poll(() => disks.getByText("at most").count(), { timeout: 20_000 }).toBe(0);
  await page.context().close();
});

it("met no error on any page", () => {
  expect(stage.problems).toEqual([]);
});
