import { expect, it } from "vitest";
import { go, useStage } from "./stage";

const stage = useStage();

it("tells a new VM's guest something: a refusal at its field, the VM, and what it is told", async () => {
  const page = await stage.open("/vms?create=1", { speed: 8 });
  const dialog = page.getByRole("dialog", { name: "Create a VM" });
  await dialog.getByLabel("Name").fill("told-1");
  await dialog.getByText("First start: SSH keys and cloud-init").click();
  const userData = dialog.getByLabel("User data");
  await userData.fill("install nginx");
  await dialog.getByText("line 1 of the user data must be #cloud-config").waitFor();
  expect(await userData.getAttribute("aria-invalid")).toBe("true");
  await userData.fill("#cloud-config\npackages: [nginx]\n");
  await dialog.getByLabel("SSH keys").fill("ssh-ed25519 AAAA ada\n");
  await dialog.getByText("Copy as CLI or curl").click();
  await dialog.getByText("--user-data FILE --ssh-key 'ssh-ed25519 AAAA ada'").waitFor();
  await dialog.getByRole("button", { name: "Create", exact: true }).click();
  await page.waitForURL(/\/operations\//);
  expect(await page.getByText("nginx").count()).toBe(0);

  await go(page, "/vms/told-1");
  await page.getByRole("button", { name: "What it is told" }).click();
  const told = page.getByRole("dialog", { name: "What told-1 is told at its first start" });
  await told.getByRole("region", { name: "User data" }).getByText("packages: [nginx]").waitFor();
  await told.getByRole("region", { name: "SSH keys" }).getByText("ssh-ed25519 AAAA ada").waitFor();
  expect(await told.getByRole("region", { name: "Network configuration" }).count()).toBe(0);
  await page.context().close();
});

it("met no error on any page", () => {
  expect(stage.problems).toEqual([]);
});
