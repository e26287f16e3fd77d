import type { Page } from "playwright-core";
import { expect, it } from "vitest";
import { go, useStage } from "./stage";

const stage = useStage();
const all = 25_000;
const frameTime = 33; // ms of CPU: a guard against drawing or measuring all rows, on machines that are busy

// scrollingCost is the CPU time that the page's main thread needs for one frame while it scrolls, which other work on the
// machine changes little. The mock, which lives in the same thread, stands still meanwhile.
async function scrollingCost(page: Page): Promise<number> {
  const session = await page.context().newCDPSession(page);
  await session.send("Performance.enable", { timeDomain: "threadTicks" });
  const used = async () => {
    const { metrics } = await session.send("Performance.getMetrics");
    const parts = metrics.filter((metric) => ["ScriptDuration", "LayoutDuration", "RecalcStyleDuration"].includes(metric.name));
    return parts.reduce((sum, metric) => sum + metric.value * 1_000, 0);
  };
  await page.evaluate(() => window.mock!.world.stop());
  const before = await used();
  await page.getByRole("table", { name: "VMs" }).evaluate(async (table) => {
    for (let frame = 0; frame < 120; frame++) {
      table.parentElement!.scrollTop -= 120;
      await new Promise(requestAnimationFrame);
    }
  });
  return ((await used()) - before) / 120;
}

it("scrolls through 25,000 VMs with only those in sight in the page", { timeout: 400_000 }, async () => {
  const page = await stage.open("/images", { seed: "large" });
  // Live use is read for rows that stay in sight; here none does.
  await page.evaluate(() => localStorage.setItem("novacron.columns.VMs", JSON.stringify(["cpu", "memory"])));
  await go(page, "/vms");
  await page.getByRole("link", { name: "vm-00001", exact: true }).waitFor();
  const body = page.getByRole("table", { name: "VMs" });
  let loaded = 0;
  for (let turn = 0; turn < 1_500 && loaded < all; turn++) {
    loaded = await body.evaluate((table) => {
      const scroller = table.parentElement!;
      scroller.scrollTop = scroller.scrollHeight;
      return Math.round((scroller.scrollHeight - 32) / 33);
    });
    await page.waitForTimeout(120);
  }
  await page.getByRole("link", { name: "vm-25000", exact: true }).waitFor();
  expect(await body.getByRole("row").count()).toBeLessThan(120);

  const cost = await scrollingCost(page);
  console.log(`scrolling 25,000 rows: ${cost.toFixed(1)} ms of CPU a frame`);
  expect(cost).toBeLessThan(frameTime);
  await page.context().close();
});

it.each([320, 390, 768, 1280, 2560])("fits a window %d px wide", async (width) => {
  const page = await stage.open("/", {}, { viewport: { width, height: 800 } });
  for (const path of ["/", "/vms", "/operations", "/hosts", "/volumes", "/backups", "/capacity"]) {
    await go(page, path);
    await page.getByRole("heading", { level: 1 }).waitFor();
    await page.waitForTimeout(150);
    expect(await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth), `${path} at ${width}`).toBeLessThanOrEqual(0);
  }
  await page.context().close();
});
