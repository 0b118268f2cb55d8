/** The page of examples/browser in Chromium: what it pushes from its own origin is in specta's exposition. */
import { afterAll, describe, expect } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Browser, Page } from "playwright-core";
import { launchBrowser } from "../harness/browser.ts";
import { root } from "../harness/build.ts";
import { scrape, startDaemon } from "../harness/daemon.ts";
import { testWith } from "../harness/tools.ts";
import { actionFields, grpcFrame, input } from "../harness/wire.ts";

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

/** A page of its own origin, with nothing in it. */
function blankPage() {
  return Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    reusePort: false,
    fetch: () => new Response("<!doctype html><title>a page</title>", { headers: { "Content-Type": "text/html" } }),
  });
}

/** What a page's own script is told of a request: the status, the body and a header of the answer, or that it failed. */
interface Told {
  readonly status: number;
  readonly body: string;
  readonly kind: string | null;
}

describe("a list of origins", () => {
  const action = [{ metric: "page_ready_duration_seconds", labels: { page: "root" }, number: 0.25 }];
  const framed = grpcFrame(input(actionFields(action[0]!.metric, 0.25, { page: "root" })));
  /** As clients send them: each has headers that a browser asks for first. */
  const pushes = {
    plain: { type: "application/json", body: [...Buffer.from(JSON.stringify({ action }))], headers: {} },
    Connect: {
      type: "application/json",
      body: [...Buffer.from(JSON.stringify({ action }))],
      headers: { "Connect-Protocol-Version": "1", "Connect-Timeout-Ms": "5000", "X-Trace-Id": "4711" },
    },
    "gRPC-web": {
      type: "application/grpc-web+proto",
      body: [...framed],
      headers: { "X-Grpc-Web": "1", "X-User-Agent": "a page", "Grpc-Timeout": "5S" },
    },
    Twirp: {
      type: "application/json",
      body: [...Buffer.from(JSON.stringify({ action }))],
      headers: { "Twirp-Version": "v8.1.0", "Idempotency-Key": "4711", Authorization: "Bearer none" },
    },
  } as const;

  /** Pushes from a page of the first of three origins; specta allows as many of them as it is told. */
  async function pushFrom(allowed: readonly number[], name: keyof typeof pushes) {
    const servers = [blankPage(), blankPage(), blankPage()];
    const origins = servers.map(({ url }) => url.origin);
    const config = JSON.stringify({
      server: { cors: { origins: allowed.map((at) => origins[at]) } },
      metrics: {
        page_ready_duration_seconds: {
          ...{ kind: "histogram", help: "pages", labels: { page: ["root"] }, buckets: [0.5, 1] },
        },
      },
    });
    await using daemon = await startDaemon({ config });
    const methods: string[] = [];
    await using between = noting(daemon.url, methods);
    browser ??= launchBrowser();
    const page = await (await browser).newPage();
    try {
      await page.goto(origins[0]!);
      const { type, body, headers } = pushes[name];
      const told = await page.evaluate(
        async ({ url, type, body, headers }): Promise<Told | undefined> => {
          try {
            const answer = await fetch(url, {
              method: "POST",
              headers: { "Content-Type": type, ...headers },
              body: new Uint8Array(body),
            });
            return { status: answer.status, body: await answer.text(), kind: answer.headers.get("content-type") };
          } catch (error) {
            if (error instanceof TypeError) return undefined;
            throw error;
          }
        },
        { url: `${between.url.origin}/metrics.API/Histogram`, type, body: [...body], headers },
      );
      return { told, methods, counted: (await scrape(daemon.url)).value(count, labels) };
    } finally {
      await page.close();
      await Promise.all(servers.map((server) => server.stop(true)));
    }
  }

  testWithEach("%s: an origin on it pushes after a preflight, and reads its answer", async (name) => {
    const { told, methods, counted } = await pushFrom([1, 0], name);
    expect(methods).toEqual(["OPTIONS", "POST"]);
    expect(told).toMatchObject({ status: 200, kind: pushes[name].type });
    expect(told?.body).toContain("success");
    expect(counted).toBe(1);
  });

  testWithEach("%s: an origin that is not on it pushes nothing, and reads nothing", async (name) => {
    const { told, methods, counted } = await pushFrom([1, 2], name);
    expect(methods).toEqual(["OPTIONS"]);
    expect(told).toBeUndefined();
    expect(counted).toBe(0);
  });

  testWith(["chromium"], "a page that sends without asking, by no-cors or a beacon, pushes nothing", async () => {
    const types = ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data"];
    await using daemon = await startDaemon();
    const methods: string[] = [];
    await using between = noting(daemon.url, methods);
    await using own = blankPage();
    browser ??= launchBrowser();
    const page = await (await browser).newPage();
    try {
      await page.goto(own.url.href);
      const url = `${between.url.origin}/metrics.API/Histogram`;
      const isSent = await page.evaluate(
        async ({ url, types, body }) => {
          for (const type of types) {
            await fetch(url, { method: "POST", mode: "no-cors", headers: { "Content-Type": type }, body });
          }
          // No type of a worker's world has it.
          const send: unknown = Reflect.get(navigator, "sendBeacon");
          return typeof send === "function" && Reflect.apply(send, navigator, [url, body]) === true;
        },
        { url, types, body: JSON.stringify({ action }) },
      );
      expect(isSent).toBe(true);
      while (methods.length < 4) await Bun.sleep(10);
      // They are sent without a preflight, and refused for their types.
      expect(methods).toEqual(["POST", "POST", "POST", "POST"]);
      expect((await scrape(daemon.url)).value(count, labels)).toBe(0);
    } finally {
      await page.close();
    }
  });

  function testWithEach(title: string, run: (name: keyof typeof pushes) => Promise<void>): void {
    for (const name of Object.keys(pushes) as (keyof typeof pushes)[]) {
      testWith(["chromium"], title.replace("%s", name), () => run(name));
    }
  }
});
