/** Limits of the configuration and of the environment: what is at the limit is taken, one more is refused. */
import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Problems } from "../../../src/base/errors.ts";
import * as names from "../../../src/base/limits.ts";
import { readEnvironment } from "../../../src/config/environment.ts";
import { loadFile } from "../../../src/config/load-file.ts";
import { builtIns } from "../../../src/handlers/index.ts";

const limits = { ...names };
type Limit = keyof typeof limits;

const folder = mkdtempSync(join(tmpdir(), "specta-limits-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const file = join(folder, "specta.yaml");

/** Tokens are no text of the configuration, so each has a variable. */
const variables = Object.fromEntries(Array.from({ length: 101 }, (_, at) => [`TOKEN_${at}`, `hush-4711-${at}`]));

function problemsOf(run: () => unknown): readonly string[] {
  try {
    run();
  } catch (error) {
    if (error instanceof Problems) return error.problems;
    throw error;
  }
  return [];
}

const load = (config: object) => {
  writeFileSync(file, JSON.stringify(config));
  return problemsOf(() => loadFile({ file, variables, builtIns }));
};

const many = <T>(amount: number, make: (at: number) => T): T[] => Array.from({ length: amount }, (_, at) => make(at));
const handler = (name: string, settings: object) => ({ handlers: { [name]: settings } });
const own = (settings: object) => handler("queue", { file: "queue.ts", ...settings });
const metric = (more: object) => ({ metrics: { clicks_total: { kind: "counter", help: "clicks", ...more } } });
const build = (settings: object) =>
  handler("build", { organization: "acme", repositories: [{ name: "shop", check: "ci" }], ...settings });
const endpoint = (targets: readonly object[]) => handler("endpoint", { targets });
const target = (urls: readonly string[]) => ({ service: "web", urls });

/** A configuration of that size. */
const sized: Readonly<Partial<Record<Limit, readonly [make: (size: number) => object, says: string]>>> = {
  maxTokens: [
    (size) => ({ server: { push: { tokens: many(size, (at) => `\${TOKEN_${at}}`) } } }),
    "server.push.tokens must have at most 100 entries",
  ],
  maxServerList: [
    (size) => ({ server: { cors: { origins: many(size, (at) => `https://a${at}.example`) } } }),
    "server.cors.origins must have at most 1000 entries",
  ],
  maxRequestsPerSecond: [
    (size) => ({ server: { rate_limit: { requests_per_second: size } } }),
    "must be a number from 0 to 1000000",
  ],
  maxMaxBodyBytes: [(size) => ({ server: { max_body: `${size}B` } }), "from 512B to 16MiB"],
  maxHelpChars: [(size) => metric({ help: "x".repeat(size) }), "must have at most 1024 characters"],
  maxHandlerNameChars: [
    (size) => handler("q".repeat(size), { file: "queue.ts" }),
    "must be a handler's name, of at most 63",
  ],
  maxCoolerMs: [(size) => own({ cooler: `${size}ms` }), "from 100ms to 7d"],
  maxTimeoutMs: [(size) => own({ timeout: `${size}ms` }), "from 10ms to 1h"],
  maxMaxSeries: [(size) => own({ max_series: size }), "must be a whole number from 1 to 100000"],
  maxBuckets: [
    (size) => ({
      metrics: { page_seconds: { kind: "histogram", help: "pages", buckets: many(size, (at) => at) } },
    }),
    "must have at most 100 bounds",
  ],
  maxLabelValueBytes: [(size) => metric({ labels: { page: ["x".repeat(size)] } }), "must have at most 1024 bytes"],
  maxMetricNameBytes: [
    (size) => ({ metrics: { ["x".repeat(size)]: { kind: "gauge", help: "x" } } }),
    "must have at most 255 characters",
  ],
  maxRepositories: [
    (size) => build({ repositories: many(size, (at) => ({ name: `r${at}`, check: "ci" })) }),
    "must name at most 100 repositories",
  ],
  maxLookbackMs: [(size) => build({ lookback: `${size}ms` }), "from 1m to 30d"],
  maxStackNames: [
    (size) => handler("stack", { names: Object.fromEntries(many(size, (at) => [`Stack${at}`, "x"])) }),
    "must have at most 1000 entries",
  ],
  maxEndpointTargets: [
    (size) => endpoint(many(size, (at) => target([`http://a${at}.example`]))),
    "must have at most 1000 targets",
  ],
  maxEndpointUrls: [
    (size) => endpoint([target(many(size, (at) => `http://a.example/${at}`))]),
    "must have at most 100 URLs",
  ],
  maxEndpointUrlChars: [
    (size) => endpoint([target([`http://a.example/${"x".repeat(size - 17)}`])]),
    "must have at most 2048 characters",
  ],
};

test.each(Object.keys(sized) as Limit[])("%s is taken, one more is refused", (name) => {
  const [make, says] = sized[name]!;
  const size = limits[name];
  expect(load(make(size))).toEqual([]);
  expect(load(make(size + 1))).toEqual([expect.stringContaining(says)]);
});

const least: Readonly<Partial<Record<Limit, readonly [make: (size: number) => object, says: string]>>> = {
  minMaxBodyBytes: [(size) => ({ server: { max_body: `${size}B` } }), "from 512B to 16MiB"],
  minCoolerMs: [(size) => own({ cooler: `${size}ms` }), "from 100ms to 7d"],
  minTimeoutMs: [(size) => own({ timeout: `${size}ms` }), "from 10ms to 1h"],
  minLookbackMs: [(size) => build({ lookback: `${size}ms` }), "from 1m to 30d"],
};

test.each(Object.keys(least) as Limit[])("%s is taken, one less is refused", (name) => {
  const [make, says] = least[name]!;
  const size = limits[name];
  expect(load(make(size))).toEqual([]);
  expect(load(make(size - 1))).toEqual([expect.stringContaining(says)]);
});

test.each([
  ["maxHttpThreads", "SPECTA_HTTP_THREADS", "a number from 1 to 256 or auto"],
  ["maxDrainSeconds", "SPECTA_DRAIN_SECONDS", "a number of seconds from 0 to 3600"],
] as const)("%s is taken, one more is refused", (name, variable, says) => {
  const read = (size: number) =>
    problemsOf(() => readEnvironment({ SPECTA_ENVIRONMENT: "testing", [variable]: String(size) }));
  expect(read(limits[name])).toEqual([]);
  expect(read(limits[name] + 1)).toEqual([
    `${variable} must be ${says}: current value is ${JSON.stringify(String(limits[name] + 1))}`,
  ]);
});
