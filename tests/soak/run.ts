/**
 * A soak of the compiled daemon: steady pushes, scrapes, and all handlers, whose targets fail at random. Prints what it
 * took, what it counted and what it logged; exits with 1 when its memory, threads or files grow, a count is not
 * exact, or the log has what it should not.
 *
 *   bun tests/soak/run.ts [--minutes 10] [--per-second 500] [--threads 2] [--faults 0.05] [--seed 1]
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { compiled } from "../harness/build.ts";
import { type Daemon, startDaemon } from "../harness/daemon.ts";
import type { Exposition } from "../harness/exposition.ts";
import { fixture } from "../harness/worker.ts";
import { Client, pushed } from "./client.ts";
import { curve, halves, type Measure, measure, type Quantity } from "./measure.ts";
import { repositories, World } from "./world.ts";

const { values } = parseArgs({
  options: {
    minutes: { type: "string", default: "10" },
    "per-second": { type: "string", default: "500" },
    threads: { type: "string", default: "2" },
    faults: { type: "string", default: "0.05" },
    seed: { type: "string", default: "1" },
  },
});
const minutes = Number(values.minutes);
const faultShare = Number(values.faults);
const seed = Number(values.seed);

const measureMs = 2000;
/** Without faults every handler is well long before this. */
const maxSettleMs = 120_000;
/** Until caches are full, code is compiled, and `lookback` is filled. */
const warmSeconds = Math.min(180, minutes * 60 * 0.3);
/** Threads that Bun keeps for itself come and go by two or so; one that a death leaves behind would add up. */
const maxGrowth: Readonly<Record<Quantity, number>> = { residentMb: 0.1, threads: 0.1, files: 0.1 };
/** What a quiet daemon may have more of at the end than when it was warm. */
const maxMore = 4;

const handlers = ["build", "container", "deployment", "endpoint", "keypair", "moody", "stack"] as const;
const common = { cooler: "1s", timeout: "4s" };

function config(world: World): string {
  return JSON.stringify({
    metrics: pushed,
    handlers: {
      build: {
        ...common,
        ...{ organization: "acme", lookback: "2m" },
        repositories: repositories.map((name) => ({ name, check: "check", image: "image" })),
      },
      deployment: { ...common, lookback: "2m" },
      container: common,
      endpoint: { cooler: "1s", timeout: "1s", targets: [{ service: "site", urls: [world.endpointUrl] }] },
      keypair: common,
      stack: { ...common, names: { CacheStack: "cache", VpcStack: "network" } },
      moody: { cooler: "500ms", timeout: "1s", file: fixture("moody.ts"), with: { share: faultShare } },
    },
  });
}

const table: (readonly [what: string, value: string, isGood: boolean])[] = [];
function row(what: string, value: string, isGood = true): void {
  table.push([what, value, isGood]);
}

/**
 * Resolves when the last so many executions of each handler were good.
 *
 * @throws Error with the handlers that are still not well after a while, and why
 */
async function settled(daemon: Daemon, executions: number): Promise<void> {
  const from = daemon.logs.length;
  const startMs = performance.now();
  const isSettled = (handler: string) => {
    const own = daemon.logs
      .slice(from)
      .filter((line) => line.message === "instrumented worker handler" && line.handler === handler);
    const last = own.slice(-executions);
    return last.length === executions && (handler === "moody" || last.every(({ success }) => success === "true"));
  };
  for (let unwell: readonly string[] = handlers; unwell.length > 0; ) {
    if (performance.now() - startMs > maxSettleMs) {
      const last = unwell.map((handler) => daemon.logs.findLast((line) => line.handler === handler));
      throw new Error(`not well after ${maxSettleMs / 1000} s: ${unwell.join(", ")}: ${JSON.stringify(last)}`);
    }
    await Bun.sleep(50);
    unwell = unwell.filter((handler) => !isSettled(handler));
  }
}

function checkBuildsAndDeployments(exposition: Exposition, world: World): void {
  for (const what of ["build", "deployment"]) {
    let wrong = 0;
    let total = 0;
    for (const suffix of ["total", "duration_seconds_count", "duration_seconds_sum"]) {
      const name = `${what}_execution_${suffix}`;
      const counted = new Map<string, number>();
      for (const { labels, value } of exposition.series(name)) {
        const pairs = Object.entries(labels).sort();
        counted.set(`${name} ${pairs.map(([key, label]) => `${key}=${label}`).join(" ")}`, value);
      }
      const true_ = [...world.truth.sums].filter(([series]) => series.startsWith(`${name} `));
      for (const [series, count] of true_) if (counted.get(series) !== count) wrong += 1;
      for (const [series, count] of counted) if (count !== (world.truth.sums.get(series) ?? 0)) wrong += 1;
      if (suffix === "total") total = true_.reduce((sum, [, count]) => sum + count, 0);
    }
    row(`${what}_execution_*`, `${total} true, ${wrong} series differ`, wrong === 0 && total > 0);
  }
}

function checkHandlers(daemon: Daemon, exposition: Exposition): void {
  const count = (handler: string, success: string) =>
    exposition.value("worker_handler_execution_total", { env: "testing", handler, success }) ?? 0;
  for (const handler of handlers) {
    const [good, bad] = [count(handler, "true"), count(handler, "false")];
    const failed = daemon.logs.filter((line) => line.message === "worker execution failed" && line.handler === handler);
    row(
      `executions of ${handler}`,
      `${good} good, ${bad} failed, ${failed.length} logged`,
      bad === failed.length && good > bad,
    );
  }
  const moody = exposition.value("moody_good_total", { env: "testing" }) ?? 0;
  row("moody_good_total", `${moody} of ${count("moody", "true")} good executions`, moody === count("moody", "true"));
  const gauges = ["http_endpoint_health", "aws_ecs_container_health", "aws_cloudformation_stack_health"];
  const health = gauges.flatMap((name) => exposition.series(name));
  row(
    "health gauges at the end",
    `${health.length} series`,
    health.length === 15 && health.every(({ value }) => value === 1),
  );
  const keyPairs = exposition.value("aws_ec2_keypair_total", { env: "testing" });
  row("aws_ec2_keypair_total", `${keyPairs}`, keyPairs === 3);
}

function checkLog(daemon: Daemon): void {
  const { malformed } = daemon.log;
  row("log lines", `${daemon.logs.length}, ${malformed.length} of them no JSON`, malformed.length === 0);
  const expected = ["worker execution failed"];
  const loud = daemon.logs.filter(
    ({ level, message }) => level !== "debug" && level !== "info" && !expected.includes(String(message)),
  );
  row("unexpected errors and warnings", `${loud.length} ${JSON.stringify(loud.slice(0, 3))}`, loud.length === 0);
  const reasons = new Map<string, number>();
  for (const { handler, message, stack } of daemon.logs) {
    if (message !== "worker execution failed") continue;
    const description = String((stack as { readonly description?: string } | undefined)?.description);
    const short = description.replace(/\d{2,}/g, "N").slice(0, 150);
    reasons.set(`${handler}: ${short}`, (reasons.get(`${handler}: ${short}`) ?? 0) + 1);
  }
  console.log("\nerrors of executions");
  for (const [reason, times] of [...reasons].sort(([, a], [, b]) => b - a).slice(0, 40)) {
    console.log(`${String(times).padStart(6)}  ${reason}`);
  }
}

function checkMeasures(measures: readonly Measure[], early: Measure, late: Measure): void {
  for (const quantity of ["residentMb", "threads", "files"] as const) {
    const { first, second, growth } = halves(measures, quantity, warmSeconds);
    const all = measures.map((one) => one[quantity]);
    const range = `${Math.min(...all).toFixed(0)} to ${Math.max(...all).toFixed(0)}`;
    const text = `${first.toFixed(1)}, then ${second.toFixed(1)} (${(growth * 100).toFixed(1)} %), in all ${range}`;
    row(`${quantity}: median of both halves`, text, growth <= maxGrowth[quantity]);
    console.log(`${quantity.padEnd(12)}${curve(measures, quantity)}`);
  }
  for (const quantity of ["threads", "files"] as const) {
    const text = `${early[quantity]} when warm, ${late[quantity]} at the end`;
    row(`${quantity}: all quiet`, text, late[quantity] <= early[quantity] + maxMore);
  }
  const cpu = (late.cpuSeconds / late.seconds) * 100;
  row("processor", `${cpu.toFixed(0)} % of a core`);
}

const folder = mkdtempSync(join(tmpdir(), "specta-soak-"));
await using world = await World.start(seed);
const daemon = await startDaemon({
  binary: compiled(),
  config: config(world),
  env: {
    ...world.aws.variables,
    SPECTA_GITHUB_TOKEN: world.github.token,
    SPECTA_GITHUB_URL: world.github.url,
    SPECTA_HTTP_THREADS: values.threads,
    SPECTA_DATABASE_URL: `sqlite://${join(folder, "ledger.db")}`,
  },
});
const startMs = performance.now();
console.log(`specta ${daemon.pid} at ${daemon.url} for ${minutes} min, seed ${seed}`);
const client = new Client(daemon, Number(values["per-second"]));
await settled(daemon, 5);
const early = measure(daemon.pid, startMs);
world.disturb(faultShare);

const measures: Measure[] = [];
let nextMinute = 1;
while (performance.now() - startMs < minutes * 60_000) {
  const now = measure(daemon.pid, startMs);
  measures.push(now);
  if (now.seconds >= nextMinute * 60) {
    nextMinute += 1;
    const took = `${now.residentMb.toFixed(0)} MB, ${now.threads} threads, ${now.files} files`;
    const done = `${client.load.answered} pushes, ${client.scrapes} scrapes, ${client.wrongs.length} wrong`;
    console.log(`${(now.seconds / 60).toFixed(0)} min: ${took}, ${done}`);
  }
  await Bun.sleep(measureMs);
}

await world.calm();
await settled(daemon, 5);
const late = measure(daemon.pid, startMs);
await client.stop();
const exposition = await client.check();
const exit = await daemon.stop();
const stderr = await daemon.stderr();
rmSync(folder, { recursive: true, force: true });

const { load } = client;
row("pushes", `${load.sent} sent, ${load.answered} acknowledged`, load.sent === load.answered);
row("slowest push", `${load.slowestMs.toFixed(0)} ms; ${load.maxBehind} behind at the most`);
row("scrapes", String(client.scrapes));
row("requests of handlers", `${world.asked}, ${world.faulted} of them went wrong`, world.faulted > 0);
for (const [series, acknowledged, counted] of client.counts(exposition)) {
  row(series, `${acknowledged} acknowledged, ${counted} counted`, acknowledged === counted);
}
row(
  "wrong during the soak",
  `${client.wrongs.length} ${client.wrongs.slice(0, 3).join("; ")}`,
  client.wrongs.length === 0,
);
checkBuildsAndDeployments(exposition, world);
checkHandlers(daemon, exposition);
checkMeasures(measures, early, late);
checkLog(daemon);
row("end", `exit ${exit.code ?? exit.signal}, ${stderr.length} characters on stderr`, exit.code === 0 && stderr === "");

console.log("");
for (const [what, value, isGood] of table) console.log(`${isGood ? "good" : "BAD "}  ${what.padEnd(34)}  ${value}`);
process.exit(table.every(([, , isGood]) => isGood) ? 0 : 1);
