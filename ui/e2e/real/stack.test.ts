import { readFileSync } from "node:fs";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, it } from "vitest";
import { launch } from "../stage";

// The main story in a browser, against a stack that runs:
//   NOVACRON_URL=http://127.0.0.1:8080 NOVACRON_PASSWORD_FILE=../.novacron/admin-password npm run e2e:real
// or with NOVACRON_TOKEN instead of the password. It makes a VM of its own and deletes it.

const url = process.env.NOVACRON_URL ?? "";
const token = process.env.NOVACRON_TOKEN;
const password = process.env.NOVACRON_PASSWORD ?? (process.env.NOVACRON_PASSWORD_FILE ? readFileSync(process.env.NOVACRON_PASSWORD_FILE, "utf8").trim() : "");
const name = `ui-${Date.now().toString(36)}`;
const patience = 240_000; // ms: guests boot in software emulation

let browser: Browser;
let page: Page;

beforeAll(async () => {
  browser = await launch();
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 } });
  context.setDefaultTimeout(60_000);
  if (token) await context.addCookies([{ name: "novacron_session", value: token, url }]);
  page = await context.newPage();
});
afterAll(() => browser.close());

// ended waits at an operation's page until it has ended, and answers how.
async function ended(): Promise<string> {
  await page.waitForURL(/\/operations\/op_/);
  const state = page.locator("main header").getByText(/^(Succeeded|Failed|Cancelled)$/);
  await state.waitFor({ timeout: patience });
  return (await state.textContent()) ?? "";
}

it("signs in", async () => {
  await page.goto(`${url}/`);
  if (!token) {
    await page.getByLabel("Password").fill(password);
    await page.getByRole("button", { name: "Sign in" }).click();
  }
  await page.getByRole("heading", { name: "Overview" }).waitFor();
  await page.getByText("Ready").first().waitFor();
});

it("makes a VM", { timeout: patience }, async () => {
  await page.goto(`${url}/vms?create=1`);
  const dialog = page.getByRole("dialog", { name: "Create a VM" });
  await dialog.getByLabel("Name").fill(name);
  await dialog.getByLabel("Memory").fill("128 MiB");
  await dialog.getByText(/It would run on/).waitFor();
  await dialog.getByRole("button", { name: "Create", exact: true }).click();
  expect(await ended()).toBe("Succeeded");
});

it("migrates it and shows the rounds", { timeout: patience }, async () => {
  await page.goto(`${url}/vms/${name}`);
  await page.getByRole("button", { name: "Migrate", exact: true }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Migrate", exact: true }).click();
  await page.getByRole("link", { name: "Watch it" }).click();
  expect(await ended()).toBe("Succeeded");
  await page.getByText("Stood still for", { exact: true }).waitFor();
  expect(await page.getByRole("region", { name: "Rounds" }).locator("tbody tr").count()).toBeGreaterThan(0);
});

it("shows its screen", async () => {
  await page.goto(`${url}/vms/${name}/console`);
  await page.getByText("Connected").waitFor();
});

it("deletes it", { timeout: patience }, async () => {
  await page.goto(`${url}/vms/${name}`);
  await page.getByRole("button", { name: "More actions" }).click();
  await page.getByRole("menuitem", { name: "Delete" }).click();
  const dialog = page.getByRole("dialog", { name: `Delete ${name}` });
  await dialog.getByLabel(`Type ${name} to confirm`).fill(name);
  await dialog.getByRole("button", { name: "Delete", exact: true }).click();
  await page.getByRole("link", { name: "Watch it" }).click();
  expect(await ended()).toBe("Succeeded");
});
