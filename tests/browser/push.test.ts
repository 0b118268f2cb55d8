/** The page of examples/browser in Chromium: what it pushes from its own origin is in specta's exposition. */
import { afterAll, expect } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Browser, Page } from "playwright-core";
import { launchBrowser } from "../harness/browser.ts";
import { root } from "../harness/build.ts";
import { scrape, startDaemon } from "../harness/daemon.ts";
import { testWith } from "../harness/tools.ts";

const folder = join(root, "examples/browser");
const file = (name: string) => readFileSync(join(folder, name), "utf8");
const count = "page_ready_duration_seconds_count";
const labels = { env: "testing", page: "root" };

let browser: Promise<Browser> | undefined;
afterAll(async () => (await browser)?.close());

/** Serves the example as it stands, but for the address of specta. */
function servePage(specta: string) {
  return Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    reusePort: false,
    routes: {
      "/": () => new Response(file("index.html"), { headers: { "Content-Type": "text/html" } }),
      "/page-ready.js": () => {
        const script = file("page-ready.js");
        expect(script).toContain('"http://127.0.0.1:7777"');
        const moved = script.replace("http://127.0.0.1:7777", specta);
        return new Response(moved, { headers: { "Content-Type": "text/javascript" } });
      },
      "/elsewhere": () => new Response("elsewhere"),
      "/favicon.ico": () => new Response(null, { status: 204 }),
    },
  });
}

/** Runs in the page, and takes it elsewhere as soon as it has pushed. */
const leave =
  'if (location.pathname === "/") addEventListener("load", () => setTimeout(() => location.replace("/elsewhere")));';

async function withPage(specta: string, visit: (page: Page, url: string) => Promise<void>): Promise<void> {
  const server = servePage(specta);
  browser ??= launchBrowser();
  const page = await (await browser).newPage();
  try {
    await visit(page, server.url.href);
  } finally {
    await page.close();
    await server.stop(true);
  }
}

/** Stands between a page and the daemon and notes the methods: a browser shows a preflight to nobody but the server. */
function noting(specta: string, methods: string[]) {
  return Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    reusePort: false,
    fetch({ method, url, headers, body }) {
      methods.push(method);
      return fetch(new URL(new URL(url).pathname, specta), { method, headers, body });
    },
  });
}

testWith(["chromium"], "a page pushes the time at which it was ready, after a preflight of its own", async () => {
  await using daemon = await startDaemon();
  const methods: string[] = [];
  await using between = noting(daemon.url, methods);
  await withPage(between.url.origin, async (page, url) => {
    const answered = page.waitForResponse(
      (response) => response.url().startsWith(between.url.origin) && response.request().method() === "POST",
    );
    await page.goto(url);
    const response = await answered;
    expect(response.status()).toBe(200);
    expect(await response.json()).toEqual({ result: [{ status: "success" }] });
    expect(response.request().headers()).toMatchObject({ "content-type": "application/json" });
    expect((await response.allHeaders())["access-control-allow-origin"]).toBe("*");
    expect(methods).toEqual(["OPTIONS", "POST"]);
    const exposition = await scrape(daemon.url);
    expect(exposition.value(count, labels)).toBe(1);
    const seconds = exposition.value("page_ready_duration_seconds_sum", labels);
    expect(seconds).toBeGreaterThan(0);
    expect(seconds).toBeLessThan(30);
  });
});

testWith(["chromium"], "the push arrives although its page is left at once", async () => {
  await using daemon = await startDaemon();
  await withPage(daemon.url, async (page, url) => {
    await page.addInitScript(leave);
    await page.goto(url);
    await page.waitForURL("**/elsewhere");
    while ((await scrape(daemon.url)).value(count, labels) === 0) await Bun.sleep(20);
    expect((await scrape(daemon.url)).value(count, labels)).toBe(1);
  });
});

testWith(
  ["chromium"],
  "an origin that the configuration does not allow pushes nothing, and the page is told",
  async () => {
    await using daemon = await startDaemon({
      config: `
server: { cors: { origins: ["https://app.example.com"] } }
metrics:
  page_ready_duration_seconds:
    { kind: histogram, help: the time it takes, labels: { page: [root] }, buckets: [0.5, 1] }
`,
    });
    await withPage(daemon.url, async (page, url) => {
      const told = page.waitForEvent("console", (message) => message.text().startsWith("specta took no push"));
      await page.goto(url);
      await told;
      expect((await scrape(daemon.url)).value(count, labels)).toBe(0);
    });
  },
);
