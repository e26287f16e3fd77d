import { expect, it } from "vitest";
import { useStage } from "./stage";

const stage = useStage();
const focused = "document.activeElement?.textContent ?? ''";

it("finds, opens and acts by keyboard alone", async () => {
  const page = await stage.open("/");
  await page.getByRole("heading", { name: "Overview", level: 1 }).waitFor();
  await page.keyboard.press("g");
  await page.keyboard.press("v");
  await page.waitForURL(/\/vms/);
  await page.getByRole("link", { name: "api-1", exact: true }).waitFor();
  await page.keyboard.press("/");
  await page.keyboard.type("web");
  await page.waitForURL(/q=web/);
  await expect.poll(() => page.getByRole("row").count()).toBe(4);
  await page.getByRole("link", { name: "web-1", exact: true }).focus();
  await page.keyboard.press("ArrowDown");
  await expect.poll(() => page.evaluate(focused)).toBe("web-2");
  await page.keyboard.press("x");
  await page.getByText("1 VM selected").waitFor();
  await page.keyboard.press("Enter");
  await page.waitForURL(/\/vms\/web-2/);
  await page.context().close();
});

it("does what is allowed from the command palette", async () => {
  const page = await stage.open("/");
  await page.getByRole("heading", { name: "Overview", level: 1 }).waitFor();
  await page.keyboard.press("Control+k");
  await page.keyboard.type("pause web-1");
  await page.getByRole("option", { name: /Pause web-1/ }).waitFor();
  await page.keyboard.press("Enter");
  await page.getByText("Pause web-1: accepted.").waitFor();
  await page.keyboard.press("Control+k");
  await page.keyboard.type("start web-1");
  await page.getByRole("option", { name: /VM · / }).waitFor();
  expect(await page.getByRole("option", { name: /Start web-1/ }).count()).toBe(0);
  await page.keyboard.press("Escape");
  await expect.poll(() => page.getByRole("dialog").count()).toBe(0);
  await page.context().close();
});

it("keeps the focus in a dialog and gives it back", async () => {
  const page = await stage.open("/vms");
  const button = page.getByRole("button", { name: "Create a VM" });
  await button.focus();
  await page.keyboard.press("Enter");
  await page.getByRole("dialog").waitFor();
  for (let times = 0; times < 30; times++) {
    await page.keyboard.press("Tab");
    expect(await page.evaluate("document.activeElement === document.body || document.querySelector('dialog').contains(document.activeElement)")).toBe(true);
  }
  await page.keyboard.press("Escape");
  await expect.poll(() => page.evaluate(focused)).toContain("Create a VM");
  await page.context().close();
});

it("reads a timeline by keyboard", async () => {
  const page = await stage.open("/operations?kind=provision");
  await page.getByRole("link", { name: "Provision build-9" }).focus();
  await page.keyboard.press("Enter");
  await page.getByRole("button", { name: /Choose a host/ }).focus();
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Enter");
  await page.waitForURL(/step=fetch_image/);
  await page.getByRole("region", { name: /Step Bring the image/ }).waitFor();
  await page.context().close();
});

it("lists its shortcuts", async () => {
  const page = await stage.open("/");
  await page.getByRole("heading", { name: "Overview", level: 1 }).waitFor();
  await page.keyboard.press("?");
  await page.getByRole("dialog", { name: "Keyboard shortcuts" }).waitFor();
  await page.context().close();
});
