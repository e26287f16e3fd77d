import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { readFile } from "node:fs/promises";
import { extname, join } from "node:path";
import { chromium } from "playwright-core";
import type { Browser, BrowserContextOptions, Page } from "playwright-core";
import { afterAll, beforeAll } from "vitest";
import type { MockConfig } from "@/mock/config";

const kinds: Record<string, string> = { ".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml", ".woff2": "font/woff2" };
const build = "dist-mock";
const patience = 45_000; // ms: the machine may be busy

// serveBuild gives the mock's build out on a free port; what is no file is index.html, as the real server does it.
async function serveBuild(): Promise<{ url: string; close: () => void }> {
  const server = createServer((request, response) => {
    const path = new URL(request.url ?? "/", "http://x").pathname;
    const file = extname(path) ? path : "/index.html";
    readFile(join(build, file)).then(
      (body) => response.writeHead(200, { "Content-Type": kinds[extname(file)] ?? "application/octet-stream" }).end(body),
      () => response.writeHead(404).end(),
    );
  });
  await new Promise<void>((ready) => server.listen(0, "127.0.0.1", ready));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, close: () => server.close() };
}

export const launch = (): Promise<Browser> =>
  chromium.launch({
    executablePath: process.env.NOVACRON_CHROMIUM ?? "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-quic", "--disable-background-networking"],
  });

export interface Stage {
  open(path: string, mock?: Partial<MockConfig>, options?: BrowserContextOptions): Promise<Page>;
  problems: string[]; // what went wrong on any page: errors and what the console said of them
}

// useStage starts one browser and one server for the tests of a file. Each open is a fresh session.
export function useStage(): Stage {
  let browser: Browser;
  let server: { url: string; close: () => void };
  const problems: string[] = [];
  beforeAll(async () => {
    browser = await launch();
    server = await serveBuild();
  });
  afterAll(async () => {
    await browser.close();
    server.close();
  });
  return {
    problems,
    open: async (path, mock = {}, options = {}) => {
      const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, reducedMotion: "reduce", ...options });
      context.setDefaultTimeout(patience);
      const page = await context.newPage();
      page.on("pageerror", (error) => problems.push(error.message));
      const to = new URL(path, server.url);
      to.searchParams.set("mock", JSON.stringify(mock));
      await page.goto(to.toString());
      await page.waitForFunction(() => Boolean(window.mock));
      return page;
    },
  };
}

// go changes the page without loading it again, so that the mock keeps what has happened.
export async function go(page: Page, path: string): Promise<void> {
  await page.evaluate((to) => {
    history.pushState(null, "", to);
    dispatchEvent(new PopStateEvent("popstate"));
  }, path);
}
