import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { launch } from "../stage";

const { NOVACRON_URL: url, NOVACRON_PASSWORD_FILE: file, NOVACRON_LAB: lab, NOVACRON_DATA: data } = process.env;

// Stack is a signed-out browser before an installation that runs, and a way to tidy up behind it.
export interface Stack {
  browser: Browser;
  page: Page;
  url: string;
  password: string;
  problems: string[]; // what the page and its console complained of
  tidy(prefix: string): Promise<void>;
}

function passwordFile(): string {
  if (file) return file;
  if (lab) return join(dirname(lab), "admin-password");
  if (data) return join(data, "admin-password");
  throw new Error("Set NOVACRON_LAB, NOVACRON_DATA or NOVACRON_PASSWORD_FILE, so that the administrator's password is found.");
}

// openStack needs NOVACRON_URL, the address of the installation. Patience is in ms, for each thing that is waited for.
export async function openStack(patience: number): Promise<Stack> {
  if (!url) throw new Error("Set NOVACRON_URL to the address of an installation that runs, such as http://127.0.0.1:8080.");
  const password = readFileSync(passwordFile(), "utf8").trim();
  const browser = await launch();
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, reducedMotion: "reduce" });
  context.setDefaultTimeout(patience);
  const page = await context.newPage();
  const problems: string[] = [];
  page.on("pageerror", (error) => problems.push(error.message));
  page.on("console", (message) => {
    if (message.type() === "error") problems.push(`${message.text()} (${message.location().url})`);
  });
  return { browser, page, url, password, problems, tidy: (prefix) => tidy(context, url, prefix) };
}

interface Named {
  id: string;
  name?: string;
  vm_name?: string;
  operation_id?: string;
}

const turns = 30;
const between = 2_000; // ms

// tidy deletes what a story that broke off has left: VMs, volumes and backups whose names begin with the prefix.
async function tidy(context: BrowserContext, base: string, prefix: string): Promise<void> {
  const api = `${base}/api/v1`;
  const list = async (path: string): Promise<Named[]> => {
    const answer = await context.request.get(`${api}/${path}`);
    return answer.ok() ? (((await answer.json()) as { items: Named[] | null }).items ?? []) : [];
  };
  for (let turn = 0; turn < turns; turn++) {
    const vms = (await list(`vms?q=${prefix}&limit=100`)).filter((vm) => vm.name?.startsWith(prefix));
    const backups = (await list("backups?limit=100")).filter((backup) => backup.vm_name?.startsWith(prefix));
    const volumes = (await list(`volumes?q=${prefix}&limit=100`)).filter((volume) => volume.name?.startsWith(prefix));
    if (vms.length + backups.length + volumes.length === 0) return;
    // What is busy, or used by what is, is refused now and asked for again.
    for (const vm of vms) if (!vm.operation_id) await context.request.delete(`${api}/vms/${vm.id}`);
    for (const volume of volumes) if (!volume.operation_id) await context.request.post(`${api}/volumes/${volume.id}/purge`);
    for (const backup of backups) await context.request.delete(`${api}/backups/${backup.id}`);
    await new Promise((resolve) => setTimeout(resolve, between));
  }
}
