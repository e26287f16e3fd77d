import { expect, it } from "vitest";
import { useStage } from "./stage";

const stage = useStage();
const all = 25_000;

it("scrolls through 25,000 VMs with only those in sight in the page", async () => {
  const page = await stage.open("/vms", { seed: "large" });
  await page.getByRole("link", { name: "vm-00001", exact: true }).waitFor();
  const body = page.getByRole("table", { name: "VMs" });
  let loaded = 0;
  for (let turn = 0; turn < 200 && loaded < all; turn++) {
    loaded = await body.evaluate((table) => {
      const scroller = table.parentElement!;
      scroller.scrollTop = scroller.scrollHeight;
      return Math.round((scroller.scrollHeight - 32) / 33);
    });
    await page.waitForTimeout(120);
  }
  await page.getByRole("link", { name: "vm-25000", exact: true }).waitFor();
  expect(await body.getByRole("row").count()).toBeLessThan(120);

  const frames = await body.evaluate(async (table) => {
    const scroller = table.parentElement!;
    const times: number[] = [];
    let last = performance.now();
    for (let frame = 0; frame < 120; frame++) {
      scroller.scrollTop -= 400;
      await new Promise(requestAnimationFrame);
      const now = performance.now();
      times.push(now - last);
      last = now;
    }
    return times.sort((a, b) => a - b);
  });
  console.log(`median frame while scrolling: ${frames[60]!.toFixed(1)} ms, 95th: ${frames[114]!.toFixed(1)} ms`);
  expect(frames[60]).toBeLessThan(50);
  await page.context().close();
});

it.each([320, 390, 768, 1280, 2560])("fits a window %d px wide", async (width) => {
  const page = await stage.open("/", {}, { viewport: { width, height: 800 } });
  for (const path of ["/", "/vms", "/operations", "/hosts", "/backups", "/capacity"]) {
    await page.evaluate((to) => {
      history.pushState(null, "", to);
      dispatchEvent(new PopStateEvent("popstate"));
    }, path);
    await page.getByRole("heading", { level: 1 }).waitFor();
    await page.waitForTimeout(150);
    expect(await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth), `${path} at ${width}`).toBeLessThanOrEqual(0);
  }
  await page.context().close();
});
