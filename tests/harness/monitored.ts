/** What three daemons would report: with the embedded default, with splits.yaml, and with all kinds of metric there are. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { monitor } from "../../src/commands/monitored.ts";
import { readEnvironment } from "../../src/config/environment.ts";
import { loadFile } from "../../src/config/load-file.ts";
import type { Monitored } from "../../src/dashboard/monitored.ts";
import { builtIns } from "../../src/handlers/index.ts";
import type { Metrics } from "../../src/metrics/definition.ts";
import { planHandlers } from "../../src/worker/plan.ts";
import { root } from "./build.ts";

/** Of a daemon in production that has a token for GitHub. */
function monitoredBy(file: string | undefined): Promise<Monitored> {
  const variables = { SPECTA_ENVIRONMENT: "production", SPECTA_GITHUB_TOKEN: "token" };
  const environment = readEnvironment(variables);
  const config = loadFile({ file, variables, builtIns });
  return monitor({ environment, config, planned: planHandlers(config, environment, builtIns) });
}

/** Of one that looks at so many services. */
async function withEndpoints(count: number): Promise<Monitored> {
  const folder = mkdtempSync(join(tmpdir(), "specta-endpoints-"));
  const file = join(folder, "specta.yaml");
  const targets = Array.from({ length: count }, (_, at) => ({
    service: `s${at}`,
    urls: [`https://s${at}.example.com`],
  }));
  writeFileSync(file, JSON.stringify({ handlers: { endpoint: { targets } } }));
  try {
    return await monitoredBy(file);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

export const byDefault: Monitored = await monitoredBy(undefined);

export const likeSplits: Monitored = await monitoredBy(join(root, "examples/splits.yaml"));

export const withEverything: Monitored = {
  environment: "staging",
  pushed: {
    ...byDefault.pushed,
    cart_value: { kind: "histogram", help: "what carts are worth", buckets: [1, 10, 100, 1_000_000] },
    checkout_duration_seconds: { kind: "histogram", help: "the time it takes to pay", buckets: [1, 2, 5] },
    clicks_total: {
      kind: "counter",
      help: "the total amount of clicks",
      labels: { button: ["buy", "sell"], page: ["root"] },
    },
    visits_total: { kind: "counter", help: "the total amount of visits" },
    open_tabs: { kind: "gauge", help: "the tabs that are open", labels: { page: ["root"] } },
    storage_used_bytes: { kind: "gauge", help: "the storage that the app uses" },
  },
  handlers: [
    ...likeSplits.handlers,
    {
      name: "queue",
      builtIn: false,
      metrics: {
        queue_depth: { kind: "gauge", help: "the messages that wait", labels: { queue: "*" } },
        queue_health: { kind: "gauge", help: "the health of a queue", labels: { queue: ["mail", "sms"] } },
        queue_messages_total: { kind: "counter", help: "the total amount of messages", labels: { queue: "*" } },
        queue_oldest_timestamp_seconds: { kind: "gauge", help: "the time of the oldest message" },
        queue_wait_seconds: { kind: "histogram", help: "how long messages wait", buckets: [0.5, 1, 60] },
      },
      coolerMs: undefined,
      deadlineMs: 30_000,
    },
  ],
};

const own = (name: string, metrics: Metrics) => ({
  name,
  builtIn: false,
  metrics,
  coolerMs: undefined,
  deadlineMs: 30_000,
});

/** Words of PromQL, names that it allows and few people use, and labels that it cannot list. */
const oddNames: Metrics = {
  ...Object.fromEntries(
    ["inf", "NaN", "on", "bool", "offset", "sum", "a:b:c", ":", "_", "x".repeat(240)].map((name) => [
      name,
      { kind: "counter" as const, help: "a count", labels: { by: ["1"], without: ["2"], inf: ["3"] } },
    ]),
  ),
  "shop:checkout_seconds": {
    kind: "histogram",
    help: 'the "time" it\\takes',
    buckets: [0.25, 1e-9, 1e21, 7].sort((a, b) => a - b),
  },
  ignoring: { kind: "histogram", help: "b", buckets: [1] },
};

/** What few daemons report. */
export const odd: Readonly<Record<string, Monitored>> = {
  "nothing at all": { environment: "development", pushed: {}, handlers: [] },
  "no handlers": { ...byDefault, handlers: [] },
  "only counters": {
    environment: "testing",
    pushed: { clicks_total: { kind: "counter", help: "clicks" } },
    handlers: [own("queue", { jobs_total: { kind: "counter", help: "jobs", labels: { queue: "*" } } })],
  },
  "50 endpoints": await withEndpoints(50),
  "an own handler without a metric": { ...byDefault, handlers: [own("idle", {})] },
  "odd names": {
    environment: "development",
    pushed: oddNames,
    handlers: [own("a-b_c9", { depth_health: { kind: "gauge", help: "d", labels: { on: "*", nan: "*" } } })],
  },
};
