import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as v from "valibot";
import { Problems } from "../../src/base/errors.ts";
import { maxConfigBytes, maxConfigProblems } from "../../src/base/limits.ts";
import type { Config } from "../../src/config/config.ts";
import { loadFile } from "../../src/config/load-file.ts";
import { countSeries } from "../../src/config/pushed.ts";
import { ownAddress, type Variables } from "../../src/config/variables.ts";
import { builtIns } from "../fixtures/config/built-ins.ts";

const examples = join(import.meta.dir, "../../examples");

interface Target {
  readonly service: string;
  readonly urls: readonly string[];
  readonly environments: readonly string[];
}

function endpointTargets(config: Config): readonly Target[] {
  const settings = config.handlers.find(({ name }) => name === "endpoint")?.settings;
  return (settings as { readonly targets: readonly Target[] }).targets;
}

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "specta-config-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

function load(text: string | Uint8Array, variables: Variables = {}, handlers = builtIns): Config {
  const file = join(folder, "specta.yaml");
  writeFileSync(file, text);
  return loadFile({ file, variables, builtIns: handlers });
}

/** The problems of a text, without the file's path. */
function problems(text: string | Uint8Array, variables: Variables = {}, handlers = builtIns): readonly string[] {
  try {
    load(text, variables, handlers);
  } catch (error) {
    if (error instanceof Problems)
      return error.problems.map((line) => line.replace(join(folder, "specta.yaml"), "FILE"));
    throw error;
  }
  return [];
}

describe("the embedded default", () => {
  const urls = (variables: Variables, httpPort?: number) =>
    endpointTargets(loadFile({ file: undefined, variables, builtIns, httpPort })).flatMap((target) => target.urls);

  test("is the metric of pages and the endpoint handler watching specta itself, in every environment", () => {
    const config = loadFile({ file: undefined, variables: {}, builtIns });
    expect(config).toMatchObject({ source: "the embedded default", folder: process.cwd() });
    expect(config.metrics).toEqual({
      page_ready_duration_seconds: {
        kind: "histogram",
        help: "the time it takes for the app to show a page",
        labels: { page: ["root"] },
        buckets: [0.1, 0.2, 0.3, 0.4, 0.5, 1, 2, 3, 4, 5],
      },
    });
    expect(config.handlers.map(({ name, environments }) => ({ name, environments }))).toEqual([
      { name: "endpoint", environments: [] },
    ]);
    expect(endpointTargets(config)).toEqual([
      { service: "specta", urls: ["http://127.0.0.1:7777/version"], status: [200], environments: [] } as Target,
    ]);
  });

  test.each<[Variables, string]>([
    [{ SPECTA_HTTP_PORT: "8080" }, "http://127.0.0.1:8080/version"],
    [{ SPECTA_HTTP_PORT: "" }, "http://127.0.0.1:7777/version"],
    [{ SPECTA_HTTP_HOST: "0.0.0.0" }, "http://127.0.0.1:7777/version"],
    [{ SPECTA_HTTP_HOST: "::" }, "http://[::1]:7777/version"],
    [{ SPECTA_HTTP_HOST: "192.0.2.7" }, "http://192.0.2.7:7777/version"],
    [{ SPECTA_HTTP_HOST: "fd00::7" }, "http://[fd00::7]:7777/version"],
    [{ SPECTA_HTTP_HOST: "localhost" }, "http://localhost:7777/version"],
  ])("watches the address that is listened on: %p", (variables, url) => expect(urls(variables)).toEqual([url]));

  test("takes the port that port 0 turned out to be", () => {
    expect(urls({ SPECTA_HTTP_PORT: "0" }, 40_123)).toEqual(["http://127.0.0.1:40123/version"]);
    expect(urls({ SPECTA_HTTP_PORT: "0" })).toEqual(["http://127.0.0.1:0/version"]);
  });
});

describe("a file", () => {
  test("replaces the default whole", () => {
    const { metrics, handlers, server } = load("server: {}\n");
    expect({ metrics, handlers }).toEqual({ metrics: {}, handlers: [] });
    expect(server).toEqual({
      maxBodyBytes: 65_536,
      corsOrigins: ["*"],
      pushTokens: [],
      scrapeTokens: [],
      rateLimit: undefined,
      trustedProxies: [],
      tls: undefined,
    });
  });

  test("that is missing is a problem", () => {
    const missing = join(folder, "missing.yaml");
    expect(() => loadFile({ file: missing, variables: {}, builtIns })).toThrow(
      `${missing} must be a configuration file that can be read: no such file`,
    );
  });

  test("may have a byte order mark and Windows line ends", () => {
    expect(load("\uFEFFserver:\r\n  max_body: 1KiB\r\n").server.maxBodyBytes).toBe(1024);
    expect(problems("\uFEFFserver:\r\n  max_body: 1KB\r\n")).toEqual([
      expect.stringContaining("FILE:2:13: server.max_body must be a size"),
    ]);
  });

  test("must be UTF-8", () => {
    expect(problems(new Uint8Array([0x61, 0x3a, 0xff]))).toEqual([
      "FILE must be a configuration file that can be read: it is not UTF-8",
    ]);
  });

  test("has a limit, exactly", () => {
    expect(load(`#${"x".repeat(maxConfigBytes - 1)}`).handlers).toEqual([]);
    expect(problems(`#${"x".repeat(maxConfigBytes)}`)).toEqual([
      `FILE must be a configuration file that can be read: it has more than ${maxConfigBytes} bytes`,
    ]);
  });

  test("with many problems has the first of them and their number", () => {
    const lines = problems(Array.from({ length: maxConfigProblems + 5 }, (_, index) => `key${index}: 1`).join("\n"));
    expect(lines).toHaveLength(maxConfigProblems + 1);
    expect(lines[0]).toBe("FILE:1:1: key0 is an unknown key: known ones are handlers, metrics, server");
    expect(lines.at(-1)).toBe("FILE: 5 further problems");
  });

  test("takes the secrets' values", () => {
    writeFileSync(join(folder, "token"), "from-a-file\r\n\n");
    const { server } = load('server: { push: { tokens: ["${TOKEN}", { file: token }] } }', {
      TOKEN: "from-a-variable",
    });
    expect(server.pushTokens.map((token) => token.reveal())).toEqual(["from-a-variable", "from-a-file"]);
    expect(server.scrapeTokens).toEqual([]);
  });

  test("with a handler's file that is missing loads: that handler's executions fail instead", () => {
    expect(load("handlers: { queue: { file: missing/queue.ts } }").handlers).toMatchObject([
      { name: "queue", file: join(folder, "missing/queue.ts"), settings: {}, env: [] },
    ]);
  });
});

describe("a limit of requests", () => {
  test.each([
    ["{ requests_per_second: 0, burst: 0 }", undefined],
    ["{ burst: 5 }", undefined],
    ["{ requests_per_second: 10 }", { requestsPerSecond: 10, burst: 10 }],
    ["{ requests_per_second: 10, burst: 0 }", { requestsPerSecond: 10, burst: 10 }],
    ["{ requests_per_second: 0.2 }", { requestsPerSecond: 0.2, burst: 1 }],
    ["{ requests_per_second: 10, burst: 25 }", { requestsPerSecond: 10, burst: 25 }],
  ])("%s", (text, limit) => expect(load(`server: { rate_limit: ${text} }`).server.rateLimit).toEqual(limit));
});

describe("variables", () => {
  const settings = (text: string, variables: Variables) =>
    load(`handlers: { own: { file: a.ts, with: ${text} } }`, variables).handlers[0]?.settings;

  test("stand in any part of any value, and what they hold is text and nothing more", () => {
    const variables = { A: "x: [1]\n# y", B: "${A}", N: "5" };
    expect(settings('{ a: "<${A}>", b: "${B}", n: "${N}", "${N}": 1, c: "$${N} $N $" }', variables)).toEqual({
      a: "<x: [1]\n# y>",
      b: "${A}",
      n: "5",
      "${N}": 1,
      c: "${N} $N $",
    });
  });

  test("that are empty stand for nothing, and unset ones are a problem that is told once", () => {
    expect(settings('"<${EMPTY}>"', { EMPTY: "" })).toBe("<>");
    expect(problems('handlers: { own: { file: a.ts, with: ["${NO}", "${NO}", "${constructor}"] } }')).toEqual([
      "FILE:1:39: handlers.own.with[0] must use variables that are set: NO is not",
      "FILE:1:57: handlers.own.with[2] must use variables that are set: constructor is not",
    ]);
  });

  test("of specta's own have their defaults when they are unset or empty", () => {
    const text = '"${SPECTA_HTTP_HOST} ${SPECTA_HTTP_PORT} ${SPECTA_HTTP_THREADS} ${SPECTA_LOG_LEVEL} ${AWS_REGION}"';
    expect(settings(text, { SPECTA_LOG_LEVEL: "" })).toBe("127.0.0.1 7777 1 debug us-west-2");
    expect(settings(text, { SPECTA_LOG_LEVEL: "info", AWS_REGION: "eu-west-1" })).toBe(
      "127.0.0.1 7777 1 info eu-west-1",
    );
  });

  test("become numbers and booleans where these are wanted", () => {
    const own = [{ name: "own", schema: v.strictObject({ n: v.number(), b: v.boolean(), l: v.array(v.number()) }) }];
    const text = 'handlers: { own: { n: "${N}", b: "${B}", l: ["${N}", "${M}"], max_series: "${M}" } }';
    const { handlers } = load(text, { N: "-1.5", B: "false", M: "7" }, own);
    expect(handlers[0]).toMatchObject({ maxSeries: 7, settings: { n: -1.5, b: false, l: [-1.5, 7] } });
    expect(problems(text, { N: "x", B: "no", M: "" }, own)).toEqual([
      'FILE:1:23: handlers.own.n must be a number: current value is "${N}"',
      'FILE:1:34: handlers.own.b must be true or false: current value is "${B}"',
      'FILE:1:46: handlers.own.l[0] must be a number: current value is "${N}"',
      'FILE:1:54: handlers.own.l[1] must be a number: current value is "${M}"',
      'FILE:1:75: handlers.own.max_series must be a whole number from 1 to 100000: current value is "${M}"',
    ]);
  });

  test("do not turn written text into a number", () => {
    expect(problems('handlers: { own: { file: a.ts, max_series: "7" } }')).toHaveLength(1);
  });

  test("own addresses are reachable ones", () => {
    expect(ownAddress("0.0.0.0", "1")).toBe("127.0.0.1:1");
    expect(ownAddress("::", "1")).toBe("[::1]:1");
    expect(ownAddress("example.com", "1")).toBe("example.com:1");
  });
});

test("a built-in handler's own messages keep their words, and those it leaves to valibot get plain ones", () => {
  const schema = v.strictObject({
    name: v.pipe(v.string(), v.minLength(3)),
    size: v.pipe(v.number(), v.integer(), v.maxValue(10)),
    kind: v.picklist(["a", "b"]),
    url: v.pipe(v.string(), v.url()),
    list: v.pipe(v.array(v.string()), v.minLength(1)),
    whole: v.pipe(
      v.strictObject({ a: v.number() }),
      v.check(({ a }) => a > 1, "must have a larger a"),
    ),
    map: v.record(v.pipe(v.string(), v.regex(/^k/, "must begin with k")), v.number()),
  });
  const text = "handlers: { own: { name: a, size: 11, kind: c, url: u, list: [], whole: { a: 1 }, map: { l: x } } }";
  expect(problems(text, {}, [{ name: "own", schema }])).toEqual([
    'FILE:1:26: handlers.own.name must have a length of at least 3: current value is "a"',
    "FILE:1:35: handlers.own.size must be at most 10: current value is 11",
    'FILE:1:45: handlers.own.kind must be ("a" | "b"): current value is "c"',
    'FILE:1:53: handlers.own.url must be a URL: current value is "u"',
    "FILE:1:62: handlers.own.list must not be empty: current value is an empty list",
    "FILE:1:73: handlers.own.whole must have a larger a: current value is a map",
    'FILE:1:90: handlers.own.map.l must begin with k: current value is "l"',
    'FILE:1:93: handlers.own.map.l must be a number: current value is "x"',
  ]);
});

test("series are the product of each label's values and its absence", () => {
  expect(countSeries({ kind: "counter", help: "x" })).toBe(1);
  expect(countSeries({ kind: "counter", help: "x", labels: { a: ["1"], b: ["1", "2"] } })).toBe(6);
});

describe("examples/specta.yaml", () => {
  test("is accepted without any variable", () => {
    const config = loadFile({ file: join(examples, "specta.yaml"), variables: {}, builtIns });
    expect(config.handlers.map(({ name }) => name)).toEqual([
      "endpoint",
      "build",
      "deployment",
      "container",
      "keypair",
      "stack",
    ]);
  });

  test("is accepted with what its comments show", async () => {
    const text = await Bun.file(join(examples, "specta.yaml")).text();
    writeFileSync(join(folder, "pem"), "pem\n");
    const shown = text
      .replace(/^ {2}# (tls:| {2}\w+_file:)/gm, "  $1")
      .replaceAll(/\/etc\/specta\/\S+/g, join(folder, "pem"))
      .replace(/^ {2}# (queue:| {2}file:| {2}cooler:| {2}env:| {2}with:)/gm, "  $1");
    const { server, handlers } = load(shown);
    expect(server.tls?.clientCaFile).toBe(join(folder, "pem"));
    expect(handlers.at(-1)).toMatchObject({ name: "queue", coolerMs: 10_000, env: ["QUEUE_TOKEN"] });
  });
});

describe("examples/splits.yaml", () => {
  const splits = (environment: string) =>
    loadFile({ file: join(examples, "splits.yaml"), variables: { SPECTA_ENVIRONMENT: environment }, builtIns });
  const urls = (environment: string) =>
    endpointTargets(splits(environment))
      .filter(({ environments }) => environments.length === 0 || environments.includes(environment))
      .flatMap((target) => target.urls.map((url) => `${target.service} ${url}`))
      .toSorted();

  test("names six handlers", () => {
    const names = splits("staging").handlers.map(({ name }) => name);
    expect(names).toEqual(["build", "deployment", "container", "endpoint", "keypair", "stack"]);
  });

  test("looks at nothing in development", () => expect(urls("development")).toEqual([]));

  test.each(["testing", "staging"])("looks at six URLs in %s", (environment) => {
    expect(urls(environment)).toEqual([
      `explorer https://explorer.${environment}.splits.org`,
      `server https://server.${environment}.splits.org/metrics`,
      `specta https://specta.${environment}.splits.org/metrics`,
      `splits-lite https://lite.${environment}.splits.org`,
      `teams https://app.${environment}.splits.org`,
      `teams https://teams.${environment}.splits.org`,
    ]);
  });

  test("looks at ten URLs in production", () => {
    expect(urls("production")).toEqual([
      "explorer https://explorer.production.splits.org",
      "explorer https://explorer.splits.org",
      "server https://api.splits.org/metrics",
      "server https://server.production.splits.org/metrics",
      "specta https://specta.production.splits.org/metrics",
      "splits-lite https://lite.production.splits.org",
      "splits-lite https://lite.splits.org",
      "teams https://app.splits.org",
      "teams https://teams.production.splits.org",
      "teams https://teams.splits.org",
    ]);
  });

  test("has the repositories and the stacks", () => {
    const settings = Object.fromEntries(splits("staging").handlers.map((handler) => [handler.name, handler.settings]));
    expect(settings.build).toMatchObject({
      organization: "0xSplits",
      repositories: [
        { name: "kayron", label: "kayron", check: "go-build", image: "docker-push" },
        { name: "specta", label: "specta", check: "go-build", image: "docker-push" },
        { name: "splits", label: "server", check: "typescript-server", image: "docker-push" },
        { name: "splits-lite", label: "splits-lite", check: "typescript", image: "docker-push" },
      ],
    });
    expect(settings.stack).toEqual({
      names: {
        CacheStack: "cache",
        DeploymentStack: "deployment",
        DiscoveryStack: "discovery",
        FargateStack: "fargate",
        KayronStack: "kayron",
        LiteStack: "splits-lite",
        RdsStack: "database",
        ServerStack: "server",
        SpectaStack: "specta",
        TelemetryStack: "alloy",
        VpcStack: "network",
      },
    });
  });
});
