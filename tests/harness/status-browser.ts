/** A status page in Chromium: served as the daemon does, and looked at as people do. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Browser, BrowserContextOptions, Page } from "playwright-core";
import { root } from "./build.ts";
import { startTestServer } from "./server.ts";
import type { StatusWorld } from "./status.ts";

const axe = readFileSync(join(root, "node_modules/axe-core/axe.min.js"), "utf8");

export const phone: BrowserContextOptions = { viewport: { width: 390, height: 844 }, deviceScaleFactor: 2 };
export const desktop: BrowserContextOptions = { viewport: { width: 1280, height: 900 } };
export const wall: BrowserContextOptions = { viewport: { width: 1920, height: 1080 } };

export interface Look {
  readonly page: Page;
  /** What the console said: errors, and what the policy has refused. */
  readonly complaints: readonly string[];
  /** The paths that were asked for, or the whole address where it was another server's. */
  readonly requests: readonly string[];
}

/** Opens the page at that address. */
export async function withPage(
  browser: Browser,
  url: string,
  options: BrowserContextOptions,
  look: (look: Look) => Promise<void>,
): Promise<void> {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  const complaints: string[] = [];
  const requests: string[] = [];
  page.on("console", (message) => complaints.push(message.text()));
  page.on("pageerror", (error) => complaints.push(String(error)));
  page.on("request", (request) => {
    const { href, origin, pathname, protocol } = new URL(request.url());
    if (protocol !== "data:") requests.push(origin === new URL(url).origin ? pathname : href);
  });
  try {
    await page.clock.install();
    await page.goto(`${url}/status`);
    await look({ page, complaints, requests });
  } finally {
    await context.close();
  }
}

/** Opens the page of a world that the test plays. */
export async function withWorld(
  browser: Browser,
  world: StatusWorld,
  options: BrowserContextOptions,
  look: (look: Look) => Promise<void>,
): Promise<void> {
  await using server = await startTestServer({ routes: world.status.routes });
  await withPage(browser, server.url, options, look);
  await world.status.stop();
}

/** Lets so much time pass in the page that it asks again. */
export async function nextLook(page: Page): Promise<void> {
  const answered = page.waitForResponse((response) => new URL(response.url()).pathname === "/status");
  await page.clock.fastForward(5000);
  await answered;
}

/** What axe finds, its rules for good practice included: each rule with the elements. */
export async function findings(page: Page): Promise<readonly string[]> {
  await page.evaluate(axe);
  return await page.evaluate<string[]>(`(async () => {
    for (const part of document.querySelectorAll("details")) part.open = true;
    const { violations } = await axe.run(document);
    return violations.map(({ id, nodes }) => id + ": " + nodes.map(({ html }) => html.slice(0, 200)).join(" | "));
  })()`);
}

/** By how many pixels the page is wider than its window. */
export function overflow(page: Page): Promise<number> {
  return page.evaluate<number>("document.documentElement.scrollWidth - document.documentElement.clientWidth");
}
