/** Whatever a probed server does, its probe ends in time, costs little, and hides no other. */
import { expect, test } from "bun:test";
import { createServer } from "node:net";
import { join } from "node:path";
import * as v from "valibot";
import { createHandler } from "../../src/handlers/endpoint/handler.ts";
import { settingsSchema } from "../../src/handlers/endpoint/settings.ts";
import type { Sample } from "../../src/handlers/handler.ts";
import { root } from "../harness/build.ts";
import { type Answer, rawServer, status } from "../harness/http.ts";

async function look(urls: Readonly<Record<string, string>>, timeoutMs = 3000, signal = new AbortController().signal) {
  const targets = Object.entries(urls).map(([service, url]) => ({ service, urls: [url] }));
  const settings = v.parse(settingsSchema, { targets });
  const handler = createHandler(settings, { environment: "testing", variables: {} });
  const reasons: string[] = [];
  const samples = (await handler.ensure({
    with: settings,
    environment: "testing",
    timeoutMs,
    signal,
    log: (_, __, keys = {}) => reasons.push(String(keys.reason)),
  })) as readonly Sample[];
  return { health: Object.fromEntries(samples.map(({ labels, number }) => [labels?.service, number])), reasons };
}

const shortMs = 150;
const head = "HTTP/1.1 200 OK\r\n";
const reset = "the connection was closed before an answer";
const late = `no answer within ${shortMs}ms`;

/** Writes for ever, as fast as the other side takes it. */
function endless(first: string, piece: string): Answer {
  return (socket) => {
    const pour = (): void => {
      while (!socket.destroyed && socket.write(piece));
    };
    socket.on("drain", pour);
    socket.write(first);
    pour();
  };
}

const faults: readonly (readonly [what: string, answer: Answer, reason: string])[] = [
  ["says nothing", () => undefined, late],
  ["sends half of its headers", (socket) => socket.write(`${head}X-A: b\r\n`), late],
  ["sends its headers a byte at a time", (socket) => void setInterval(() => socket.write("H"), 20).unref(), late],
  [
    "sends headers that never end",
    endless(head, `X-A: ${"a".repeat(60_000)}\r\n`),
    "the headers of the answer are too large",
  ],
  ["resets the connection", (socket) => void socket.resetAndDestroy(), reset],
  ["closes the connection", (socket) => void socket.end(), reset],
  [
    "redirects to itself",
    (socket, request) => status(302, { Location: "/" })(socket, request),
    "more than 10 redirects",
  ],
];

test.each(faults)("a server that %s is unhealthy in time, and another beside it is seen", async (_, answer, reason) => {
  using bad = await rawServer(answer);
  using ok = await rawServer(status(200));
  const isLate = reason === late;
  const start = performance.now();
  const { health, reasons } = await look({ bad: bad.url, ok: ok.url }, isLate ? shortMs : 3000);
  expect(health).toEqual({ bad: 0, ok: 1 });
  expect(reasons).toEqual([reason]);
  expect(performance.now() - start).toBeLessThan(3000);
});

test("a server that answers with garbage is unhealthy", async () => {
  using bad = await rawServer((socket) => socket.end("garbage\r\n\r\n"));
  expect((await look({ bad: bad.url })).health).toEqual({ bad: 0 });
});

test("a port that nobody listens on, and a name that nobody has, are unhealthy", async () => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const port = typeof address === "object" ? address?.port : undefined;
  await new Promise((resolve) => server.close(resolve));
  const { health, reasons } = await look({
    refused: `http://127.0.0.1:${port}`,
    nameless: "http://no-such-name.invalid",
  });
  expect(health).toEqual({ refused: 0, nameless: 0 });
  expect(reasons).toEqual(["the connection was refused", "the name cannot be resolved"]);
});

test("a body that never ends is not read: the status decides, and the connection is closed", async () => {
  let closed = (): void => undefined;
  const isClosed = new Promise<void>((resolve) => {
    closed = resolve;
  });
  const piece = "x".repeat(65_536);
  let sent = 0;
  using server = await rawServer((socket, request) => {
    socket.on("close", closed);
    socket.on("drain", () => {
      sent += 1;
    });
    endless(`${head}Content-Type: text/plain\r\n\r\n`, piece)(socket, request);
  });
  expect((await look({ a: server.url })).health).toEqual({ a: 1 });
  await isClosed;
  expect(sent).toBeLessThan(200);
});

test("a body that says it is compressed and is not costs nothing", async () => {
  const headers = { "Content-Encoding": "gzip", "Content-Length": "7" };
  using server = await rawServer((socket, request) => {
    status(200, headers)(socket, request);
    socket.write("garbage");
  });
  expect((await look({ a: server.url })).health).toEqual({ a: 1 });
});

test("a server that closes idle connections never fails a probe", async () => {
  using server = await rawServer((socket, request) => {
    status(200)(socket, request);
    setTimeout(() => socket.destroy(), 1);
  });
  for (let probe = 0; probe < 50; probe += 1) {
    expect((await look({ a: server.url })).health).toEqual({ a: 1 });
    await Bun.sleep(probe % 4);
  }
  expect(server.connections.made).toBe(50);
});

test("200 URLs are probed side by side, and no more than 32 at once", async () => {
  let open = 0;
  let most = 0;
  const waiting: (() => void)[] = [];
  using server = await rawServer((socket, request) => {
    open += 1;
    most = Math.max(most, open);
    waiting.push(() => {
      open -= 1;
      status(200)(socket, request);
    });
    // Nobody is answered before as many wait as may, so that one at a time would never end.
    if (open === 32 || server.requests.length > 192) for (const answer of waiting.splice(0)) answer();
  });
  const urls = Object.fromEntries(Array.from({ length: 200 }, (_, index) => [`s${index}`, `${server.url}/${index}`]));
  const { health } = await look(urls, 20_000);
  expect(Object.values(health).filter((number) => number === 1)).toHaveLength(200);
  expect(most).toBe(32);
});

test("the end of an execution ends its probes, and closes their connections", async () => {
  const asked = Promise.withResolvers<void>();
  const closed = Promise.withResolvers<void>();
  using server = await rawServer((socket) => {
    socket.on("close", () => closed.resolve());
    asked.resolve();
  });
  const abort = new AbortController();
  const looked = look({ a: server.url }, 30_000, abort.signal);
  await asked.promise;
  abort.abort(new Error("specta is stopping"));
  await expect(looked).rejects.toThrow("specta is stopping");
  await closed.promise;
});

test("a proxy of the environment is not asked about this machine's own addresses", async () => {
  using ok = await rawServer(status(200));
  using proxy = await rawServer(status(502));
  const script = `
    const { createHandler } = await import(${JSON.stringify(join(root, "src/handlers/endpoint/handler.ts"))});
    const settings = { targets: [
      { service: "own", urls: [${JSON.stringify(ok.url)}], status: [200], environments: [] },
      { service: "other", urls: ["http://elsewhere.invalid/"], status: [200], environments: [] },
      { service: "spared", urls: ["http://spared.invalid/"], status: [200], environments: [] },
    ] };
    const handler = createHandler(settings, { environment: "testing", variables: process.env });
    const signal = new AbortController().signal;
    const lines = [];
    const samples = await handler.ensure({ with: settings, environment: "testing", timeoutMs: 3000, signal, log: (_, __, keys) => lines.push(keys.status + keys.reason) });
    console.log(JSON.stringify([samples.map(({ number }) => number), lines]));
    process.exit(0);`;
  const child = Bun.spawn([process.execPath, "-e", script], {
    env: { PATH: process.env.PATH, HTTP_PROXY: proxy.url, http_proxy: proxy.url, NO_PROXY: "spared.invalid" },
    stdout: "pipe",
    stderr: "inherit",
  });
  const [health, lines] = JSON.parse(await new Response(child.stdout).text());
  expect(health).toEqual([1, 0, 0]);
  // The control: what is not of this machine goes through the proxy, unless NO_PROXY names it.
  expect(lines).toEqual(["502the status must be 200", "the name cannot be resolved"]);
  expect(proxy.requests).toHaveLength(1);
});
