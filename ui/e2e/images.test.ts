import { expect, it } from "vitest";
import { useStage } from "./stage";

const stage = useStage();

it("imports an image from a URL: errors at the field, a preview, and the operation to the end", async () => {
  const page = await stage.open("/images", { speed: 4 });
  await page.getByRole("button", { name: "Import an image" }).click();
  const dialog = page.getByRole("dialog", { name: "Import an image" });
  await dialog.getByLabel("From").selectOption("url");
  await dialog.getByRole("textbox", { name: "URL" }).fill("ftp://example.org/web.vmdk");
  expect(await dialog.getByLabel("Name").inputValue()).toBe("web");
  await dialog.getByText("must begin with http://").waitFor();
  await dialog.getByRole("textbox", { name: "URL" }).fill("https://example.org/web.vmdk?v=1");
  await dialog.getByLabel("Name").fill("debian-12");
  await dialog.getByText("There is an image debian-12 already").waitFor();
  await dialog.getByLabel("Name").fill("imported");
  await dialog.getByText("3 steps").waitFor();
  await dialog.getByText("Copy as CLI or curl").click();
  await dialog.getByText("novacron image import 'https://example.org/web.vmdk?v=1' --name imported").waitFor();
  await dialog.getByRole("button", { name: "Import", exact: true }).click();
  await page.waitForURL(/\/operations\/op_/);
  await page.getByText("Succeeded").first().waitFor();
  await page.goBack();
  await page.getByText("imported", { exact: true }).waitFor();
  await page.context().close();
});

it("uploads a file of another format, and offers each format for download", async () => {
  const page = await stage.open("/images");
  await page.getByRole("button", { name: "Import an image" }).click();
  const dialog = page.getByRole("dialog", { name: "Import an image" });
  await dialog.getByLabel("File").setInputFiles({ name: "Web Server.ova", mimeType: "application/octet-stream", buffer: Buffer.alloc(512) });
  expect(await dialog.getByLabel("Name").inputValue()).toBe("web-server");
  await dialog.getByRole("button", { name: "Upload", exact: true }).click();
  await page.getByText("web-server", { exact: true }).waitFor();
  await page.getByRole("button", { name: "Download web-server" }).click();
  await page.getByRole("menuitem", { name: "Convert to vmdk and download" }).waitFor();
  const [saved] = await Promise.all([page.waitForEvent("download"), page.getByRole("menuitem", { name: "Download as qcow2, as it is kept" }).click()]);
  expect(saved.url()).toMatch(/\/api\/v1\/images\/img_\w+\/content\?format=qcow2$/);
  await page.context().close();
});
