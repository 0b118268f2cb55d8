import { afterAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as v from "valibot";
import { createHandler, type Tuning } from "../../../src/handlers/endpoint/handler.ts";
import { endpoint } from "../../../src/handlers/endpoint/index.ts";
import { settingsSchema } from "../../../src/handlers/endpoint/settings.ts";
import type { Context, Sample } from "../../../src/handlers/handler.ts";
import { selfSigned } from "../../harness/certificate.ts";
import { rawServer, status } from "../../harness/http.ts";
import { testWith } from "../../harness/tools.ts";

const health = "http_endpoint_health";
const expiry = "http_endpoint_certificate_expiry_timestamp_seconds";

interface TargetInput {
  readonly service: string;
  readonly urls: readonly string[];
  readonly status?: readonly number[];
  readonly environments?: readonly string[];
}

function start(
  targets: readonly TargetInput[],
  tuning: Tuning = {},
  variables: Record<string, string> = {},
  timeoutMs = 2000,
) {
  const settings = v.parse(settingsSchema, { targets });
  const handler = createHandler(settings, { environment: "testing", variables }, tuning);
  const lines: { message: string; keys: Readonly<Record<string, string>> }[] = [];
  const context: Context = {
    with: settings,
    environment: "testing",
    timeoutMs,
    signal: new AbortController().signal,
    log: (_, message, keys = {}) => lines.push({ message, keys }),
  };
  return {
    lines,
    run: async () => (await handler.ensure(context)) as readonly Sample[],
    /** The health of all services after one more execution. */
    async look() {
      const samples = (await handler.ensure(context)) as readonly Sample[];
      const of = samples.filter(({ metric }) => metric === health);
      return Object.fromEntries(of.map(({ labels, number }) => [labels?.service, number]));
    },
  };
}

describe("the health of a service", () => {
  test("is 1 for 200 and 0 for all else, unless other statuses are wanted", async () => {
    using ok = await rawServer(status(200));
    using gone = await rawServer(status(503));
    using created = await rawServer(status(201));
    const { look } = start([
      { service: "ok", urls: [ok.url] },
      { service: "gone", urls: [gone.url] },
      { service: "wanted", urls: [gone.url], status: [200, 503] },
      { service: "created", urls: [created.url] },
    ]);
    expect(await look()).toEqual({ ok: 1, gone: 0, wanted: 1, created: 0 });
  });

  test("is that of its least healthy URL, over all targets that name it", async () => {
    using ok = await rawServer(status(200));
    using gone = await rawServer(status(500));
    const { look } = start([
      { service: "a", urls: [ok.url, gone.url] },
      { service: "b", urls: [ok.url] },
      { service: "b", urls: [gone.url] },
      { service: "c", urls: [ok.url, `${ok.url}/again`] },
    ]);
    expect(await look()).toEqual({ a: 0, b: 0, c: 1 });
  });

  test("counts the targets of this environment alone", async () => {
    using ok = await rawServer(status(200));
    const { look } = start([
      { service: "here", urls: [ok.url], environments: ["testing", "staging"] },
      { service: "there", urls: [ok.url], environments: ["production"] },
    ]);
    expect(await look()).toEqual({ here: 1 });
  });

  test("asks by GET, as specta, on a connection of its own each time", async () => {
    using ok = await rawServer(status(200));
    const { look } = start([{ service: "ok", urls: [`${ok.url}/path?q=1`] }]);
    await look();
    await look();
    expect(ok.requests[0]).toStartWith("GET /path?q=1 HTTP/1.1\r\n");
    expect(ok.requests[0]).toMatch(/\r\nUser-Agent: specta\/n\/a\r\n/i);
    expect(ok.requests[0]).not.toMatch(/\r\nAccept-Encoding:.*gzip/i);
    expect(ok.connections.made).toBe(2);
  });

  test("sends the credentials of its URL, and to no other host", async () => {
    using other = await rawServer(status(200));
    using first = await rawServer(status(302, { Location: `${other.url}/` }));
    const { look } = start([{ service: "a", urls: [first.url.replace("://", "://me:secret@")] }]);
    expect(await look()).toEqual({ a: 1 });
    expect(first.requests[0]).toContain(`Basic ${btoa("me:secret")}`);
    expect(other.requests[0]).not.toMatch(/authorization/i);
  });
});

describe("redirects", () => {
  /** Answers `/N` with a redirect to `/N-1`, and `/0` with 204. */
  const staircase = () =>
    rawServer((socket, request) => {
      const steps = Number(/^GET \/(\d+)/.exec(request)?.[1]);
      return steps === 0 ? status(204)(socket, request) : status(307, { Location: `/${steps - 1}` })(socket, request);
    });

  test("are followed, ten at most", async () => {
    using server = await staircase();
    const { look, lines } = start([
      { service: "ten", urls: [`${server.url}/10`], status: [204] },
      { service: "eleven", urls: [`${server.url}/11`], status: [204] },
    ]);
    expect(await look()).toEqual({ ten: 1, eleven: 0 });
    expect(lines.map(({ keys }) => keys)).toEqual([
      { reason: "more than 10 redirects", status: "307", url: `${server.url}/11` },
    ]);
  });

  test("with a status that is wanted are not", async () => {
    using server = await staircase();
    const { look } = start([{ service: "a", urls: [`${server.url}/3`], status: [307] }]);
    expect(await look()).toEqual({ a: 1 });
    expect(server.requests).toHaveLength(1);
  });

  test.each([
    ["file:///etc/passwd", "a redirect must lead to an http or https URL"],
    ["http://[", "a redirect must lead to an http or https URL"],
  ])("to %s are unhealthy", async (location, reason) => {
    using server = await rawServer(status(301, { Location: location }));
    const { look, lines } = start([{ service: "a", urls: [server.url] }]);
    expect(await look()).toEqual({ a: 0 });
    expect(lines[0]?.keys).toEqual({ reason, status: "301", url: server.url });
  });

  test("without a place to go are the final answer", async () => {
    using server = await rawServer(status(301));
    const { look, lines } = start([{ service: "a", urls: [server.url] }]);
    expect(await look()).toEqual({ a: 0 });
    expect(lines[0]?.keys).toMatchObject({ reason: "the status must be 200", status: "301" });
  });
});

describe("the log", () => {
  test("tells of a URL when it begins to fail, when that changes, and once an hour while it lasts", async () => {
    let code = 503;
    let now = 0;
    using server = await rawServer((socket, request) => status(code)(socket, request));
    const { look, lines } = start([{ service: "a", urls: [server.url] }], { now: () => now });
    const told = async (ms: number, next: number) => {
      now += ms;
      code = next;
      const before = lines.length;
      await look();
      return lines.slice(before).map(({ message, keys }) => [message, keys.status]);
    };
    const message = "observed non-ok status code";
    expect(await told(0, 503)).toEqual([[message, "503"]]);
    expect(await told(5000, 503)).toEqual([]);
    expect(await told(5000, 500)).toEqual([[message, "500"]]);
    expect(await told(3_599_999, 500)).toEqual([]);
    expect(await told(1, 500)).toEqual([[message, "500"]]);
    expect(await told(1, 500)).toEqual([]);
    expect(await told(1, 200)).toEqual([]);
    expect(await told(1, 500)).toEqual([[message, "500"]]);
  });

  test("shows neither credentials nor values of the query", async () => {
    using server = await rawServer(status(500));
    const { look, lines } = start([
      { service: "a", urls: [`${server.url.replace("://", "://me:secret@")}/p?token=secret&b=secret#secret`] },
    ]);
    await look();
    expect(lines[0]?.keys.url).toBe(`${server.url}/p?token=…&b=…`);
    expect(JSON.stringify(lines)).not.toContain("secret");
  });
});

describe("settings", () => {
  const problems = (input: unknown) =>
    v.safeParse(settingsSchema, input).issues?.map((issue) => `${v.getDotPath(issue)} ${issue.message}`);

  test("may be left out, and default to status 200 everywhere", () => {
    expect(v.parse(settingsSchema, {})).toEqual({ targets: [] });
    expect(v.parse(settingsSchema, { targets: [{ service: "a", urls: ["https://a.example"] }] })).toEqual({
      targets: [{ service: "a", urls: ["https://a.example"], status: [200], environments: [] }],
    });
  });

  test.each([
    [{ service: "", urls: ["http://a"] }, ["targets.0.service must not be empty"]],
    [{ service: "a", urls: [] }, ["targets.0.urls must have at least one URL"]],
    [{ service: "a", urls: ["ftp://a"] }, ["targets.0.urls.0 must be an http or https URL"]],
    [{ service: "a", urls: ["a.example"] }, ["targets.0.urls.0 must be an http or https URL"]],
    [{ service: "a", urls: [`http://a/${"x".repeat(2048)}`] }, ["targets.0.urls.0 must have at most 2048 characters"]],
    [{ service: "a", urls: ["http://a", "http://a"] }, ["targets.0.urls.1 must not be given twice"]],
    [{ service: "a", urls: ["http://a"], status: [] }, ["targets.0.status must have at least one status"]],
    [{ service: "a", urls: ["http://a"], status: [99] }, ["targets.0.status.0 must be a whole number from 200 to 599"]],
    [
      { service: "a", urls: ["http://a"], environments: ["moon"] },
      ["targets.0.environments.0 must be development, testing, staging or production"],
    ],
    [{ service: "a", urls: ["http://a"], stauts: [200] }, ["targets.0.stauts must be a map"]],
  ])("%j are refused", (target, expected) => {
    expect(problems({ targets: [target] })).toEqual(expected);
  });

  test("say why the handler is inactive", () => {
    const world = { environment: "testing", variables: {} };
    const target = { service: "a", urls: ["http://a"], status: [200], environments: ["production" as const] };
    expect(endpoint.inactive?.({ targets: [] }, world)).toBe("it has no targets");
    expect(endpoint.inactive?.({ targets: [target] }, world)).toBe("it has no targets in testing");
    expect(endpoint.inactive?.({ targets: [{ ...target, environments: [] }] }, world)).toBeUndefined();
  });

  test("give an execution time for as many probes as cannot be made side by side", () => {
    const world = { environment: "testing", variables: {} };
    const urls = (amount: number) => Array.from({ length: amount }, (_, index) => `http://a/${index}`);
    const deadline = (amount: number) =>
      endpoint.deadlineMs?.(v.parse(settingsSchema, { targets: [{ service: "a", urls: urls(amount) }] }), world, 5000);
    expect([1, 32, 33, 64, 65].map(deadline)).toEqual([6000, 6000, 11_000, 11_000, 16_000]);
  });
});

describe("certificates", () => {
  const folder = mkdtempSync(join(tmpdir(), "specta-endpoint-"));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  const second = 1000;
  const day = 86_400 * second;
  const now = Math.floor(Date.now() / second) * second;

  const expiries = (samples: readonly Sample[]) =>
    Object.fromEntries(
      samples.filter(({ metric }) => metric === expiry).map(({ labels, number }) => [labels?.service, number]),
    );

  testWith(["openssl"], "of a trusted host: it is healthy, and its expiry known", async () => {
    const tls = selfSigned(now - day, now + 9 * day);
    const trusted = join(folder, "trusted.pem");
    writeFileSync(trusted, tls.cert);
    using server = await rawServer(status(200), tls);
    const { run } = start([{ service: "a", urls: [server.url] }], {}, { NODE_EXTRA_CA_CERTS: trusted });
    const samples = await run();
    expect(samples[0]).toEqual({ metric: health, labels: { service: "a" }, number: 1 });
    expect(expiries(samples)).toEqual({ a: (now + 9 * day) / second });
  });

  testWith(
    ["openssl"],
    "of an untrusted one, and of an expired one: it is unhealthy, and its expiry known",
    async () => {
      using untrusted = await rawServer(status(200), selfSigned(now - day, now + 3 * day));
      const old = selfSigned(now - 9 * day, now - day);
      const trusted = join(folder, "old.pem");
      writeFileSync(trusted, old.cert);
      using expired = await rawServer(status(200), old);
      const { run, lines } = start(
        [
          { service: "a", urls: [untrusted.url] },
          { service: "b", urls: [expired.url] },
        ],
        {},
        { NODE_EXTRA_CA_CERTS: trusted },
      );
      const samples = await run();
      expect(samples.filter(({ metric }) => metric === health).map(({ number }) => number)).toEqual([0, 0]);
      expect(expiries(samples)).toEqual({ a: (now + 3 * day) / second, b: (now - day) / second });
      expect(lines.map(({ keys }) => keys.reason)).toEqual(["self signed certificate", "certificate has expired"]);
    },
  );

  testWith(["openssl"], "of another host: it is unhealthy for that, and its expiry known", async () => {
    const tls = selfSigned(now - day, now + 3 * day, "DNS:other.example.com");
    const trusted = join(folder, "other.pem");
    writeFileSync(trusted, tls.cert);
    using other = await rawServer(status(200), tls);
    const { run, lines } = start([{ service: "a", urls: [other.url] }], {}, { NODE_EXTRA_CA_CERTS: trusted });
    const samples = await run();
    expect(samples.filter(({ metric }) => metric === health).map(({ number }) => number)).toEqual([0]);
    expect(expiries(samples)).toEqual({ a: (now + 3 * day) / second });
    expect(lines.map(({ keys }) => keys.reason)).toEqual(["the certificate is for another host"]);
  });

  testWith(["openssl"], "of several: the earliest counts, and plain HTTP has none", async () => {
    using first = await rawServer(status(200), selfSigned(now - day, now + 5 * day));
    using later = await rawServer(status(200), selfSigned(now - day, now + 6 * day));
    using plain = await rawServer(status(200));
    const { run } = start([
      { service: "a", urls: [later.url, first.url] },
      { service: "b", urls: [plain.url] },
    ]);
    expect(expiries(await run())).toEqual({ a: (now + 5 * day) / second });
  });

  test("are read once in ten minutes while all is well, once a minute while it is not, and kept while they cannot be read", async () => {
    using server = await rawServer(status(200));
    let time = 0;
    let answer: number | undefined = 8 * day;
    let reads = 0;
    const read = async () => {
      reads += 1;
      return answer;
    };
    // Nobody answers there by TLS, so the URL fails.
    const url = server.url.replace("http:", "https:");
    const { run } = start([{ service: "a", urls: [url] }], { now: () => time, readExpiry: read }, {}, 50);
    const after = async (ms: number) => {
      time += ms;
      return [expiries(await run()), reads];
    };
    expect(await after(0)).toEqual([{ a: 8 * 86_400 }, 1]);
    expect(await after(59_999)).toEqual([{ a: 8 * 86_400 }, 1]);
    answer = undefined;
    expect(await after(1)).toEqual([{ a: 8 * 86_400 }, 2]);
    answer = 9 * day;
    expect(await after(60_000)).toEqual([{ a: 9 * 86_400 }, 3]);
  });

  testWith(["openssl"], "are read once in ten minutes while all is well", async () => {
    const tls = selfSigned(now - day, now + day);
    const trusted = join(folder, "well.pem");
    writeFileSync(trusted, tls.cert);
    using server = await rawServer(status(200), tls);
    let time = 0;
    let reads = 0;
    const read = async () => {
      reads += 1;
      return time + day;
    };
    const { run } = start(
      [{ service: "a", urls: [server.url] }],
      { now: () => time, readExpiry: read },
      { NODE_EXTRA_CA_CERTS: trusted },
    );
    for (const [ms, expected] of [
      [0, 1],
      [60_000, 1],
      [539_999, 1],
      [1, 2],
    ] as const) {
      time += ms;
      await run();
      expect(reads).toBe(expected);
    }
  });
});
