/** The status page of a real daemon with a target and a handler of its own behind it, in Chromium. */
import { afterAll, expect } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Browser, Page } from "playwright-core";
import type { StatusDocument } from "../../src/status/document.ts";
import { launchBrowser } from "../harness/browser.ts";
import { compiled } from "../harness/build.ts";
import { push, scrape, startDaemon } from "../harness/daemon.ts";
import { desktop, findings, nextLook, withPage } from "../harness/status-browser.ts";
import { testWith } from "../harness/tools.ts";

const folder = mkdtempSync(join(tmpdir(), "specta-status-daemon-"));
let browser: Promise<Browser> | undefined;
afterAll(async () => {
  await (await browser)?.close();
  rmSync(folder, { recursive: true, force: true });
});

const queueHandler = `
let depth = 0;
export const metrics = {
  queue_depth: { kind: "gauge", help: "the messages that wait", labels: { queue: "*" } },
  queue_health: { kind: "gauge", help: "the health of a queue", labels: { queue: ["mail", "sms"] } },
};
export const cooler = () => 100;
export function ensure({ with: { token } }: { with: { token: string } }) {
  depth += 1;
  if (depth === 3) throw new Error(\`the queue refused \${token}\`);
  return [
    { metric: "queue_depth", labels: { queue: "mail" }, number: 42 },
    { metric: "queue_health", labels: { queue: "mail" }, number: 1 },
    { metric: "queue_health", labels: { queue: "sms" }, number: 0.5 },
  ];
}
`;

function configuration(target: URL): string {
  const file = join(folder, "queue.ts");
  writeFileSync(file, queueHandler);
  return `
metrics:
  page_ready_duration_seconds:
    { kind: histogram, help: the time it takes for the app to show a page, labels: { page: [root] }, buckets: [0.1, 1] }
  open_tabs: { kind: gauge, help: the tabs that are open }
handlers:
  endpoint:
    cooler: 100ms
    targets:
      - { service: shop, urls: ["${target.origin}/shop"] }
      - { service: blog, urls: ["${target.origin}/blog"] }
  queue: { file: ${file}, with: { token: "sesame-opens-it" } }
`;
}

/** A target whose pages answer as the test says. */
function startTarget() {
  const down = new Set<string>();
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: ({ url }) => new Response("", { status: down.has(new URL(url).pathname) ? 503 : 200 }),
  });
  return { down, url: server.url, [Symbol.asyncDispose]: () => server.stop(true) };
}

/** Asks again until the page says it. */
async function until(page: Page, text: string): Promise<void> {
  while ((await page.getByText(text).count()) === 0) await nextLook(page);
}

async function shopOf(url: string) {
  const { groups } = (await (await fetch(`${url}/status.json`)).json()) as StatusDocument;
  return groups.flatMap(({ rows }) => rows).find(({ name }) => name === "shop");
}

/** The numbers of the group's rows on the page. */
function numbersOf(page: Page, group: string): Promise<string[]> {
  const table = page.getByRole("table", { name: group });
  return table.locator("data").evaluateAll((all) => all.map((one) => one.getAttribute("value") ?? ""));
}

testWith(["chromium"], "a target that fails is on the page a look later, with the numbers of a scrape", async () => {
  await using target = startTarget();
  const database = `sqlite://${join(folder, "ledger.db")}`;
  const options = { config: configuration(target.url), env: { SPECTA_DATABASE_URL: database } };
  browser ??= launchBrowser();
  const daemon = await startDaemon(options);
  let since = 0;
  try {
    await daemon.line("worker execution failed", { handler: "queue" });
    await push(daemon.url, "Histogram", [
      { metric: "page_ready_duration_seconds", number: 0.5, labels: { page: "root" } },
      { metric: "page_ready_duration_seconds", number: 0.05 },
    ]);
    await push(daemon.url, "Gauge", [{ metric: "open_tabs", number: 7.25 }]);
    await withPage(await browser, daemon.url, desktop, async ({ page, complaints }) => {
      await until(page, "1 of 4 services partly healthy: sms");
      await until(page, "last error");
      expect(await findings(page)).toEqual([]);
      target.down.add("/shop");
      await until(page, "1 of 4 services unhealthy: shop");
      expect(await page.title()).toBe("✗ 1 of 4 services unhealthy: shop · specta testing");

      const exposition = await scrape(daemon.url);
      const health = (name: string) => exposition.series(name).map(({ text }) => text);
      expect(await numbersOf(page, "Endpoints")).toEqual(health("http_endpoint_health"));
      expect(await numbersOf(page, "queue_health")).toEqual(health("queue_health"));
      expect(await numbersOf(page, "queue_depth")).toEqual(["42"]);
      expect(await numbersOf(page, "open_tabs")).toEqual(health("open_tabs"));
      const [, p50, , total] = await numbersOf(page, "Pushed metrics");
      const buckets = exposition.series("page_ready_duration_seconds_bucket", { le: "+Inf" });
      expect(Number(total)).toBe(buckets.reduce((sum, { value }) => sum + value, 0));
      expect(Number(p50)).toBe(0.1);
      expect(await page.content()).not.toContain("sesame-opens-it");
      expect(await page.content()).toContain("the queue refused [secret]");
      expect(complaints).toEqual([]);
    });
    const shop = await shopOf(daemon.url);
    expect(shop).toMatchObject({ state: "unhealthy", since_is_at_least: false });
    since = shop?.since_unix_seconds ?? 0;
    expect(Math.abs(since - Date.now() / 1000)).toBeLessThan(60);
  } finally {
    await daemon.stop();
  }

  // What was known is known after a restart, and since when.
  await using again = await startDaemon(options);
  await withPage(await browser, again.url, desktop, async ({ page }) => {
    await until(page, "1 of 4 services unhealthy: shop");
    await page.getByText("history kept in the ledger").waitFor();
  });
  let shop = await shopOf(again.url);
  while (shop?.since_is_at_least !== false) shop = await shopOf(again.url);
  expect(shop).toMatchObject({ state: "unhealthy" });
  expect(shop.since_unix_seconds).toBeCloseTo(since, 2);
});

testWith(["chromium"], "the compiled binary has a page worth looking at with nothing configured", async () => {
  await using daemon = await startDaemon({ binary: compiled() });
  await daemon.line("instrumented worker handler", { handler: "endpoint" });
  browser ??= launchBrowser();
  await withPage(await browser, daemon.url, desktop, async ({ page, complaints }) => {
    await page.getByText("1 service healthy").waitFor();
    await page.getByRole("row", { name: /^page_ready_duration_seconds/ }).waitFor();
    expect(await findings(page)).toEqual([]);
    expect(complaints).toEqual([]);
  });
});
