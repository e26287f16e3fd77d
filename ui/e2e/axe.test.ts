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

const paths = ["/", "/vms", "/vms?create=1", "/vms/web-1", "/vms/web-1/console", "/vms/web-1/operations", "/vms/web-1/backups", "/operations", "/hosts", "/hosts/h1", "/hosts/h5", "/storage", "/images", "/networks", "/backups", "/backups/schedules", "/capacity", "/access", "/nowhere"];

async function operationsOf(page: Page): Promise<string[]> {
  return page.evaluate(() => {
    const all = [...window.mock!.world.database.operations.values()];
    const first = (kind: string, state: string) => all.find((each) => each.kind === kind && each.state === state);
    const found = [first("migrate", "running"), first("migrate", "succeeded"), first("provision", "failed"), first("stop", "waiting")];
    return found.flatMap((each) => (each ? [`/operations/${each.id}`] : []));
  });
}

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
