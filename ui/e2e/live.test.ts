import { expect, it } from "vitest";
import { useStage } from "./stage";

const stage = useStage();

it("says when the connection is lost, and catches up without a gap or a reload", async () => {
  const page = await stage.open("/vms");
  await page.getByRole("link", { name: "web-2", exact: true }).waitFor();
  await page.evaluate(() => {
    document.body.dataset.loaded = "once";
    window.mock!.cut();
  });
  await page.getByText("The connection is lost").waitFor();
  await page.evaluate(() => {
    const { database } = window.mock!.world;
    const vm = database.vm("web-2")!;
    database.setVM(vm.id, { state: "paused" }, "vm.paused");
  });
  const row = page.getByRole("row", { name: /web-2/ });
  expect(await row.textContent()).toContain("Running");
  await page.evaluate(() => window.mock!.mend());
  await page.getByRole("button", { name: "Try now" }).click();
  await expect.poll(() => row.textContent()).toContain("Paused");
  await expect.poll(() => page.getByText("The connection is lost").count()).toBe(0);
  expect(await page.evaluate(() => document.body.dataset.loaded)).toBe("once");
  await page.context().close();
});

it("shows what others do, as it happens", async () => {
  const page = await stage.open("/vms");
  await page.getByRole("link", { name: "web-1", exact: true }).waitFor();
  await page.evaluate(() => fetch("/api/v1/vms/web-1/stop", { method: "POST", body: "{}" }));
  const row = page.getByRole("row", { name: /web-1/ });
  await expect.poll(() => row.textContent()).toContain("stopping");
  await expect.poll(() => row.textContent(), { timeout: 20_000 }).toContain("Stopped");
  await page.context().close();
});

it("says that a failing server fails, and stays usable", async () => {
  const page = await stage.open("/vms", { broken: true });
  await page.getByRole("alert").getByText("The database does not answer").first().waitFor({ timeout: 60_000 });
  await page.getByRole("navigation", { name: "Main" }).getByRole("link", { name: "Hosts" }).click();
  await page.getByRole("heading", { name: "Hosts", level: 1 }).waitFor();
  await page.context().close();
});

it("stays usable while the API is slow", async () => {
  const page = await stage.open("/vms", { delay: 1_500 });
  await page.getByText("Loading VMs").waitFor();
  await page.getByRole("link", { name: "web-1", exact: true }).waitFor();
  await page.context().close();
});

it("met no error on any page", () => {
  expect(stage.problems).toEqual([]);
});
