import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import type { Page } from "playwright-core";
import { expect, it } from "vitest";
import { go, useStage } from "./stage";

const stage = useStage();
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

interface Finding {
  id: string;
  impact: string;
  nodes: { html: string; failureSummary: string }[];
}

// serious answers what axe finds that keeps people out.
async function serious(page: Page): Promise<string[]> {
  if (!(await page.evaluate("typeof axe !== 'undefined'"))) await page.evaluate(axe);
  const findings = (await page.evaluate("axe.run(document, { resultTypes: ['violations'] }).then((result) => result.violations)")) as Finding[];
  return findings
    .filter((finding) => finding.impact === "serious" || finding.impact === "critical")
    .flatMap((finding) => finding.nodes.slice(0, 3).map((node) => `${finding.id}: ${node.html.slice(0, 160)} ${node.failureSummary.slice(0, 160)}`));
}

const paths = ["/", "/vms", "/vms?create=1", "/vms/web-1", "/vms/web-1/console", "/vms/web-1/operations", "/vms/web-1/snapshots", "/vms/api-2/snapshots", "/vms/web-1/backups", "/operations", "/hosts", "/hosts/h1", "/hosts/h5", "/storage", "/storage/shared", "/volumes", "/volumes?state=trashed", "/volumes?create=1", "/images", "/templates", "/templates/web", "/networks", "/backups", "/backups/schedules", "/capacity", "/access", "/nowhere"];

async function operationsOf(page: Page): Promise<string[]> {
  return page.evaluate(() => {
    const all = [...window.mock!.world.database.operations.values()];
    const first = (kind: string, state: string) => all.find((each) => each.kind === kind && each.state === state);
    const found = [first("migrate", "running"), first("migrate", "succeeded"), first("provision", "failed"), first("stop", "waiting")];
    return found.flatMap((each) => (each ? [`/operations/${each.id}`] : []));
  });
}

// dialogs are those that no address opens: where they are, and what leads to them.
const dialogs: [path: string, button: string, item?: string][] = [
  ["/volumes?q=media", "Actions on media", "Attach to a VM…"],
  ["/volumes?q=docs-1", "Actions on docs-1/vdb", "Detach…"],
  ["/volumes?q=media", "Actions on media", "Delete for good…"],
  ["/volumes?q=docs-1", "Actions on docs-1/vda"],
  ["/vms/web-2", "Attach a volume"],
  ["/templates", "Publish a template"],
  ["/templates/web", "Actions on web:3"],
  ["/templates/web", "Actions on web:4", "Promote…"],
  ["/templates/web", "Actions on web:2", "Withdraw…"],
  ["/vms/web-2", "Actions on disk vda", "Limit…"],
  ["/vms/queue-1", "More actions", "Clone"],
];

it.each(["light", "dark"] as const)("has nothing serious for axe to find in dialogs in %s", async (colorScheme) => {
  const page = await stage.open("/", {}, { colorScheme });
  const findings: Record<string, string[]> = {};
  for (const [path, button, item] of dialogs) {
    await go(page, path);
    await page.getByRole("button", { name: button, exact: true }).click();
    if (item) await page.getByRole("menuitem", { name: item }).click();
    await page.waitForTimeout(500);
    const found = await serious(page);
    if (found.length > 0) findings[`${path} ${button} ${item ?? ""}`] = found;
    await page.keyboard.press("Escape");
  }
  await page.context().close();
  expect(findings).toEqual({});
});

it.each(["light", "dark"] as const)("has nothing serious for axe to find in %s", async (colorScheme) => {
  const page = await stage.open("/", {}, { colorScheme });
  const findings: Record<string, string[]> = {};
  for (const path of [...paths, ...(await operationsOf(page))]) {
    await go(page, path);
    await page.getByRole("heading", { level: 1 }).waitFor();
    await page.waitForTimeout(700);
    const found = await serious(page);
    if (found.length > 0) findings[path] = found;
  }
  await page.context().close();
  const login = await stage.open("/login", { signedIn: false }, { colorScheme });
  const found = await serious(login);
  if (found.length > 0) findings["/login"] = found;
  await login.context().close();
  expect(findings).toEqual({});
});

it.each(["light", "dark"] as const)("has nothing serious for axe to find in what a comparison of a pool found, in %s", async (colorScheme) => {
  const page = await stage.open("/storage/local", { speed: 8 }, { colorScheme });
  await page.getByRole("button", { name: "Compare with the inventory" }).click();
  await page.getByText("2 belong to nobody").waitFor();
  const findings: Record<string, string[]> = { page: await serious(page) };
  for (const item of ["Take in…", "Delete…"]) {
    await page.getByRole("button", { name: /^Actions on vol_/ }).first().click();
    await page.getByRole("menuitem", { name: item }).click();
    await page.waitForTimeout(500);
    findings[item] = await serious(page);
    await page.keyboard.press("Escape");
  }
  await page.context().close();
  expect(findings).toEqual({ page: [], "Take in…": [], "Delete…": [] });
});

it.each(["light", "dark"] as const)("has nothing serious for axe to find in the dialogs on snapshots in %s", async (colorScheme) => {
  const page = await stage.open("/vms/api-2/snapshots", {}, { colorScheme });
  const findings: Record<string, string[]> = {};
  for (const button of ["Take snapshot", "Revert to upgrade-tried", "Delete upgraded"]) {
    await page.getByRole("button", { name: button }).click();
    await page.getByRole("dialog").waitFor();
    await page.waitForTimeout(700);
    const found = await serious(page);
    if (found.length > 0) findings[button] = found;
    await page.keyboard.press("Escape");
  }
  await page.context().close();
  expect(findings).toEqual({});
});
