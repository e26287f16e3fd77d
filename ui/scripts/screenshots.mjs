// Takes pictures of every page of the mock build, to be looked at: npm run build:mock && [VARIANTS=light-wide,dark-narrow,light-tall] npm run
// screenshots [-- name...].
import { mkdir } from "node:fs/promises";
import { launch, serve } from "./browser.mjs";

const out = "screenshots";
const wanted = process.argv.slice(2);

const firstOf = (kind, state) => async (page) =>
  page.evaluate(
    ([kind, state]) => [...window.mock.world.database.operations.values()].filter((o) => o.kind === kind && o.state === state).map((o) => `/operations/${o.id}`)[0],
    [kind, state],
  );

const choose = async (page, volume, action) => {
  await page.getByRole("button", { name: `Actions on ${volume}`, exact: true }).click();
  await page.getByRole("menuitem", { name: action }).click();
};

// Each shot: a name, a path (or how to find it), and what the mock is told.
const shots = [
  ["login", "/login", { signedIn: false }],
  ["overview", "/"],
  ["overview-empty", "/", { seed: "empty" }],
  ["vms", "/vms"],
  ["vms-thousand", "/vms", { seed: "thousand" }],
  ["vms-large", "/vms?state=running", { seed: "large" }, async (page) => page.getByRole("link", { name: "vm-00001" }).waitFor()],
  ["vms-empty", "/vms", { seed: "empty" }],
  ["vms-error", "/vms", { broken: true }],
  ["vms-create", "/vms?create=1", {}, async (page) => page.getByLabel("Name").fill("web-9")],
  ["vms-refused", "/vms", {}, async (page) => page.getByRole("button", { name: "Stop db-1" }).hover()],
  ["vms-chosen", "/vms", {}, async (page) => { for (const row of [1, 2, 7]) await page.getByLabel(`Select row ${row}`, { exact: true }).check(); await page.getByRole("button", { name: "Stop…" }).click(); }],
  ["vm", "/vms/web-1"],
  ["vm-console", "/vms/web-1/console"],
  ["vm-operations", "/vms/web-1/operations"],
  ["vm-snapshots", "/vms/api-2/snapshots"],
  ["vm-snapshots-many", "/vms/build-1/snapshots"],
  ["vm-snapshots-empty", "/vms/web-1/snapshots"],
  ["vm-snapshot-take", "/vms/api-2/snapshots", {}, async (page) => page.getByRole("button", { name: "Take snapshot" }).click()],
  ["vm-snapshot-revert", "/vms/api-2/snapshots", {}, async (page) => page.getByRole("button", { name: "Revert to upgrade-tried" }).click()],
  ["vm-snapshot-delete", "/vms/api-2/snapshots", {}, async (page) => page.getByRole("button", { name: "Delete upgraded" }).click()],
  ["vm-backups", "/vms/web-1/backups"],
  ["vm-delete", "/vms/web-1", {}, async (page) => { await page.getByRole("button", { name: "More actions" }).click(); await page.getByRole("menuitem", { name: "Delete" }).click(); }],
  ["vm-menu", "/vms/cache-2", {}, async (page) => page.getByRole("button", { name: "More actions" }).click()],
  ["operations", "/operations"],
  ["drawer", "/hosts", {}, async (page) => page.getByRole("button", { name: /waiting/ }).click()],
  ["operation-running", firstOf("migrate", "running"), {}, async (page) => page.waitForTimeout(4_000)],
  ["operation-migrated", firstOf("migrate", "succeeded")],
  ["operation-undone", firstOf("provision", "failed"), {}, async (page) => page.getByRole("button", { name: /Start the VM/ }).click()],
  ["operation-cancelled", firstOf("migrate", "cancelled")],
  ["operation-waiting", firstOf("stop", "waiting")],
  ["hosts", "/hosts"],
  ["host", "/hosts/h1"],
  ["host-offline", "/hosts/h5"],
  ["host-add", "/hosts", {}, async (page) => page.getByRole("button", { name: "Add a host" }).click()],
  ["storage", "/storage"],
  ["volumes", "/volumes"],
  ["volumes-thousand", "/volumes", { seed: "thousand" }],
  ["volumes-empty", "/volumes", { seed: "empty" }],
  ["volumes-trash", "/volumes?state=trashed"],
  ["volumes-menu", "/volumes", {}, async (page) => page.getByRole("button", { name: "Actions on api-1/vda" }).click()],
  ["volumes-create", "/volumes?create=1", {}, async (page) => page.getByLabel("Name").fill("data-1")],
  ["volumes-attach", "/volumes?q=scratch", {}, async (page) => { await choose(page, "scratch", "Attach to a VM…"); await page.getByRole("radio").first().check(); }],
  ["volumes-detach", "/volumes?q=mailboxes", {}, async (page) => choose(page, "mailboxes", "Detach…")],
  ["volumes-purge", "/volumes?q=reports", {}, async (page) => choose(page, "reports-2024", "Delete for good…")],
  ["volumes-trashed", "/volumes?q=media", {}, async (page) => choose(page, "media", "Move to the trash")],
  ["vm-attach", "/vms/mail-1", {}, async (page) => { await page.getByRole("button", { name: "Attach a volume" }).click(); await page.getByRole("radio", { name: "media" }).check(); }],
  ["vm-attach-new", "/vms/mail-1", {}, async (page) => { await page.getByRole("button", { name: "Attach a volume" }).click(); await page.getByLabel("A new one").check(); await page.getByRole("dialog").getByLabel("Name").fill("data-1"); }],
  ["vm-disks", "/vms/mail-1", {}, async (page) => page.getByRole("button", { name: "Actions on disk vda" }).click()],
  ["pool", "/storage/shared"],
  ["images", "/images"],
  ["networks", "/networks"],
  ["backups", "/backups"],
  ["restore", "/backups", {}, async (page) => page.getByRole("button", { name: "Restore" }).first().click()],
  ["schedules", "/backups/schedules"],
  ["capacity", "/capacity"],
  ["access", "/access"],
  ["palette", "/", {}, async (page) => { await page.keyboard.press("Control+k"); await page.keyboard.type("migrate web"); }],
  ["migrate", "/vms/web-2", {}, async (page) => { await page.getByRole("button", { name: "Migrate", exact: true }).click(); await page.getByText("Limits", { exact: true }).first().click(); }],
];

const sizes = { wide: { width: 1440, height: 900 }, usual: { width: 1280, height: 800 }, narrow: { width: 390, height: 844 }, tall: { width: 1440, height: 1800 } };

async function take(browser, url, [name, path, mock = {}, prepare], theme, size) {
  const context = await browser.newContext({ viewport: sizes[size], colorScheme: theme });
  const page = await context.newPage();
  const problems = [];
  page.on("pageerror", (error) => problems.push(error.message));
  page.on("console", (message) => message.type() === "error" && problems.push(message.text()));
  const config = encodeURIComponent(JSON.stringify(mock));
  await page.goto(`${url}${typeof path === "string" ? path : "/"}${String(path).includes("?") ? "&" : "?"}mock=${config}`);
  await page.waitForLoadState("networkidle");
  if (typeof path !== "string") {
    await page.waitForFunction(() => window.mock);
    const found = await path(page);
    const title = await page.title();
    await page.evaluate((to) => { history.pushState(null, "", to); dispatchEvent(new PopStateEvent("popstate")); }, found);
    await page.waitForFunction((before) => document.title !== before, title);
    await page.waitForLoadState("networkidle");
  }
  await page.waitForTimeout(900);
  if (prepare) await prepare(page);
  await page.waitForTimeout(700);
  const overflow = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
  if (overflow > 0) problems.push(`overflows by ${overflow} px`);
  await page.screenshot({ path: `${out}/${name}-${theme}-${size}.png` });
  await context.close();
  if (problems.length) console.log(`${name} ${theme} ${size}:`, [...new Set(problems)].join(" | "));
}

await mkdir(out, { recursive: true });
const server = await serve("dist-mock");
const browser = await launch();
const every = [["light", "wide"], ["dark", "wide"], ["light", "narrow"], ["dark", "narrow"]];
const variants = process.env.VARIANTS ? process.env.VARIANTS.split(",").map((each) => each.split("-")) : every;
for (const shot of shots) {
  if (wanted.length && !wanted.includes(shot[0])) continue;
  for (const [theme, size] of variants) {
    try {
      await take(browser, server.url, shot, theme, size);
    } catch (error) {
      console.log(`${shot[0]} ${theme} ${size}: ${error.message.split("\n")[0]}`);
    }
  }
}
await browser.close();
server.close();
