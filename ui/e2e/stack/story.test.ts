import { afterAll, beforeAll, expect, it } from "vitest";
import { openStack } from "./stack";
import type { Stack } from "./stack";

// The main story in a browser, against an installation that runs: a VM from its image to its end.
//   NOVACRON_URL=http://127.0.0.1:8080 NOVACRON_DATA=../.novacron npm run e2e:stack
// It makes VMs of its own and deletes them, also when it breaks off.

const name = `ui-${Date.now().toString(36)}`;
const copy = `${name}-copy`;
const data = `${name}-data`;
const patience = 240_000; // ms: guests boot in software emulation, on machines that are busy
const slow = 8; // MiB/s: makes the first round last long enough to be watched

let stack: Stack;

beforeAll(async () => {
  stack = await openStack(60_000);
});
afterAll(async () => {
  await stack?.tidy(name);
  await stack?.browser.close();
});

const header = () => stack.page.locator("main header");
const steps = () => stack.page.getByRole("list", { name: "Steps" }).getByRole("button");

// ended waits at an operation's page, without loading it again, until it has ended, and answers how.
async function ended(): Promise<string> {
  await stack.page.waitForURL(/\/operations\/op_/);
  const state = header().getByText(/^(Succeeded|Failed|Cancelled)$/);
  await state.waitFor({ timeout: patience });
  return (await state.textContent()) ?? "";
}

// noted has the page keep each text that an element of it shows, from now on; it answers a way to read them.
async function noted(selector: string): Promise<() => Promise<string[]>> {
  const handle = await stack.page.evaluateHandle((wanted) => {
    const seen = new Set<string>();
    const look = () => document.querySelectorAll(wanted).forEach((element) => seen.add(element.textContent ?? ""));
    look();
    new MutationObserver(look).observe(document.body, { childList: true, subtree: true, characterData: true });
    return seen;
  }, selector);
  return () => handle.evaluate((seen) => [...seen]);
}

// toVM goes from an operation to the page of its VM.
async function toVM(): Promise<void> {
  await stack.page.getByRole("link", { name: `VM ${name}` }).click();
  await stack.page.getByRole("heading", { name, level: 1, exact: true }).waitFor();
}

async function removeVM(which: string): Promise<void> {
  const { page } = stack;
  await page.goto(`${stack.url}/vms/${which}`);
  await page.getByRole("button", { name: "More actions" }).click();
  await page.getByRole("menuitem", { name: "Delete" }).click();
  const dialog = page.getByRole("dialog", { name: `Delete ${which}` });
  await dialog.getByLabel(`Type ${which} to confirm`).fill(which);
  await dialog.getByRole("button", { name: "Delete", exact: true }).click();
  await page.getByRole("link", { name: "Watch it" }).click();
  expect(await ended()).toBe("Succeeded");
}

it("signs in", async () => {
  const { page } = stack;
  await page.goto(`${stack.url}/vms`);
  await page.waitForURL(/\/login\?next=%2Fvms/);
  await page.getByLabel("Password").fill(stack.password);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("heading", { name: "VMs", level: 1 }).waitFor();
  // Being refused is how one comes to the login.
  expect(stack.problems.splice(0).filter((problem) => !problem.includes("401 (Unauthorized)"))).toEqual([]);
});

it("makes a VM from an image, and shows each step as it happens", { timeout: patience }, async () => {
  const { page } = stack;
  await page.getByRole("button", { name: "Create a VM" }).first().click();
  const dialog = page.getByRole("dialog", { name: "Create a VM" });
  await dialog.getByLabel("Name").fill(name);
  await dialog.getByLabel("Made from").selectOption({ index: 0 });
  await dialog.getByLabel("Memory").fill("128 MiB");
  await dialog.getByText(/It would run on/).waitFor();
  const states = await noted("main header");
  await dialog.getByRole("button", { name: "Create", exact: true }).click();
  expect(await ended()).toBe("Succeeded");
  expect((await states()).join(" ")).toContain("Running"); // seen on the way, without loading the page again
  for (const text of await steps().allTextContents()) expect(text).toMatch(/Done|Not needed/);
  await toVM();
  await header().getByText("Running", { exact: true }).waitFor();
});

it("shows its screen", async () => {
  const { page } = stack;
  await page.getByRole("link", { name: "Console" }).click();
  await page.getByText("Connected", { exact: true }).waitFor();
  const lit = () =>
    page.locator("canvas").evaluate((canvas: HTMLCanvasElement) => {
      const { data } = canvas.getContext("2d")!.getImageData(0, 0, canvas.width, canvas.height);
      let count = 0;
      for (let at = 0; at < data.length; at += 4) if (data[at]! + data[at + 1]! + data[at + 2]! > 0) count++;
      return count;
    });
  await expect.poll(lit, { timeout: 30_000 }).toBeGreaterThan(100);
});

it("moves it while it runs, and shows each round", { timeout: patience }, async () => {
  const { page } = stack;
  await page.getByRole("link", { name: "Overview" }).last().click();
  const host = page.getByRole("definition").locator("a[href^='/hosts/']");
  const before = await host.textContent();
  await page.getByRole("button", { name: "Migrate", exact: true }).click();
  const dialog = page.getByRole("dialog", { name: `Migrate ${name}` });
  await dialog.getByText("Limits", { exact: true }).click();
  await dialog.getByLabel("Bandwidth, MiB/s").fill(String(slow));
  await dialog.getByRole("button", { name: "Migrate", exact: true }).click();
  await page.getByRole("link", { name: "Watch it" }).click();
  const rounds = page.getByRole("region", { name: "Rounds" }).locator("tbody tr");
  await rounds.first().waitFor();
  expect(await header().getByText("Running", { exact: true }).count()).toBe(1); // the rounds come while it goes on
  await page.getByLabel("Bandwidth, MiB/s").fill("400");
  await page.getByRole("button", { name: "Apply" }).click();
  expect(await ended()).toBe("Succeeded");
  await page.getByText("Stood still for", { exact: true }).waitFor();
  expect(await rounds.count()).toBeGreaterThan(0);
  for (const chart of ["Memory to send", "Rates"]) {
    const lines = page.getByRole("img", { name: new RegExp(`^${chart} by round`) }).locator("path");
    expect(await lines.first().getAttribute("d")).toMatch(/^M[\d.]+,[\d.]+H/);
  }
  await toVM();
  await expect.poll(() => host.textContent(), { timeout: 30_000 }).not.toBe(before);
});

it("gives it a volume, and takes it away again", { timeout: patience }, async () => {
  const { page } = stack;
  const disks = page.locator("section", { has: page.getByRole("heading", { name: "Disks" }) });
  const row = () => page.getByRole("row", { name: new RegExp(`^${data} `) });
  await page.goto(`${stack.url}/volumes`);
  await page.getByRole("button", { name: "Create a volume" }).first().click();
  const dialog = page.getByRole("dialog", { name: "Create a volume" });
  await dialog.getByLabel("Name").fill(data);
  await dialog.getByLabel("Size").fill("64 MiB");
  await dialog.getByLabel("Pool").selectOption("shared");
  await dialog.getByRole("button", { name: "Create", exact: true }).click();
  await expect.poll(() => row().textContent(), { timeout: patience }).toMatch(/Ready.*64 MiB/);
  await page.goto(`${stack.url}/vms/${name}`);
  await disks.getByRole("button", { name: "Attach a volume" }).click();
  const attach = page.getByRole("dialog", { name: `Attach a volume to ${name}` });
  await attach.getByRole("radio", { name: new RegExp(data) }).check();
  await attach.getByText("The VM sees it as disk vdb.").waitFor();
  await attach.getByRole("button", { name: "Attach", exact: true }).click();
  await disks.getByText(data).waitFor({ timeout: patience });
  await page.getByRole("button", { name: "Actions on disk vdb" }).click();
  await page.getByRole("menuitem", { name: "Detach…" }).click();
  await page.getByRole("dialog", { name: `Detach ${data}` }).getByRole("button", { name: "Detach", exact: true }).click();
  await expect.poll(() => disks.getByText(data).count(), { timeout: patience }).toBe(0);
});

it("takes a snapshot, and goes back to it", { timeout: patience }, async () => {
  const { page } = stack;
  const rows = page.getByRole("main").locator("li strong");
  await page.goto(`${stack.url}/vms/${name}/snapshots`);
  await page.getByRole("button", { name: "Take snapshot" }).click();
  const dialog = page.getByRole("dialog", { name: `Take a snapshot of ${name}` });
  await dialog.getByLabel("Name").fill("first");
  await dialog.getByRole("button", { name: "Take snapshot" }).click();
  await page.getByText("quiesced").waitFor({ timeout: patience });
  await expect.poll(() => rows.allTextContents()).toEqual(["first", "Now"]);
  const free = (button: string) => expect.poll(() => page.getByRole("button", { name: button }).getAttribute("aria-disabled"), { timeout: patience }).toBeNull();
  await free("Revert to first");
  await page.getByRole("button", { name: "Revert to first" }).click();
  await page.getByRole("dialog", { name: `Revert ${name} to first` }).getByRole("button", { name: "Revert", exact: true }).click();
  await page.getByRole("link", { name: /^Revert/ }).click();
  expect(await ended()).toBe("Succeeded");
  await page.goto(`${stack.url}/vms/${name}/snapshots`);
  await header().getByText("Running", { exact: true }).waitFor();
  await free("Delete first");
  await page.getByRole("button", { name: "Delete first" }).click();
  await page.getByRole("dialog", { name: "Delete snapshot first" }).getByRole("button", { name: "Delete" }).click();
  await page.getByText("It has no snapshot yet").waitFor({ timeout: patience });
});

it("backs it up, and restores it as a new VM", { timeout: patience }, async () => {
  const { page } = stack;
  await page.goto(`${stack.url}/vms/${name}/backups`);
  await page.getByRole("button", { name: "Back up now" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Back up", exact: true }).click();
  const backup = page.getByRole("table", { name: "Backups" }).getByRole("row").nth(1);
  await backup.getByText("Ready").waitFor({ timeout: patience });
  await backup.getByRole("button", { name: "Restore" }).click();
  const dialog = page.getByRole("dialog", { name: `Restore ${name}` });
  await dialog.getByLabel("Name of the new VM").fill(copy);
  await dialog.getByRole("button", { name: "Restore", exact: true }).click();
  expect(await ended()).toBe("Succeeded");
  await page.goto(`${stack.url}/vms/${copy}`);
  await header().getByText("Running", { exact: true }).waitFor();
});

it("deletes both, the volume and the backup", { timeout: patience }, async () => {
  const { page } = stack;
  await page.goto(`${stack.url}/volumes?q=${data}`);
  await page.getByRole("button", { name: `Actions on ${data}`, exact: true }).click();
  await page.getByRole("menuitem", { name: "Delete for good…" }).click();
  const dialog = page.getByRole("dialog", { name: `Delete ${data} for good` });
  await dialog.getByLabel(`Type ${data} to confirm`).fill(data);
  await dialog.getByRole("button", { name: "Delete for good" }).click();
  await expect.poll(() => page.getByRole("row", { name: new RegExp(data) }).count(), { timeout: patience }).toBe(0);
  await removeVM(copy);
  await removeVM(name);
  await page.goto(`${stack.url}/backups`);
  const row = page.getByRole("row", { name: new RegExp(name) });
  await row.getByRole("button", { name: `More for the backup of ${name}` }).click();
  await page.getByRole("menuitem", { name: "Delete" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Delete", exact: true }).click();
  await expect.poll(() => row.count(), { timeout: patience }).toBe(0);
  await page.goto(`${stack.url}/vms?q=${name}`);
  await page.getByText("No VM matches").waitFor();
});

it("met no error on the way", () => {
  expect(stack.problems).toEqual([]);
});
