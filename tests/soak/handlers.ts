/**
 * The memory of the compiled daemon with all six handlers, as examples/splits.yaml has them, at rest between quiet
 * executions: nothing fails, a scrape comes every 15 s. Prints the curve; exits with 1 when the highest is above the bar,
 * or an execution failed.
 *
 *   bun tests/soak/handlers.ts [--minutes 10] [--most-mb 120] [--cooler 100ms] [--binary FILE]
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { FakeAws } from "../harness/aws.ts";
import { compiled, root } from "../harness/build.ts";
import { dayMs, minuteMs } from "../harness/builds.ts";
import { selfSigned } from "../harness/certificate.ts";
import { scrape, startDaemon } from "../harness/daemon.ts";
import { FakeGitHub } from "../harness/github.ts";
import { random } from "../harness/organisation.ts";
import { curve, halves, type Measure, measure } from "./measure.ts";

const { values } = parseArgs({
  options: {
    minutes: { type: "string", default: "10" },
    "most-mb": { type: "string", default: "120" },
    /** Of every handler; left out: its own, 5 s or 1 min. */
    cooler: { type: "string" },
    binary: { type: "string" },
  },
});
const minutes = Number(values.minutes);
const mostMb = Number(values["most-mb"]);
const measureMs = 2000;
const scrapeMs = 15_000;
const warmSeconds = Math.min(120, minutes * 20);
const environment = "testing";
const handlers = ["build", "container", "deployment", "endpoint", "keypair", "stack"] as const;

const next = random(1);
const from = (least: number, most: number) => least + next() * (most - least);

/** A day of it is there already, and it goes on: a run a repository every few minutes, an execution a pipeline an hour. */
async function fakeGitHub(): Promise<FakeGitHub> {
  const github = await new FakeGitHub({ owner: "0xSplits" }).start();
  let id = 0;
  for (const repository of ["kayron", "specta", "splits", "splits-lite"]) {
    const beginMs = Date.now() - dayMs;
    for (let createdMs = beginMs; createdMs < beginMs + 2 * dayMs; createdMs += from(1, 15) * minuteMs) {
      const [name, file] = next() < 0.5 ? ["Go Build", "go-build"] : ["Docker Push", "docker-push"];
      const attempts = [{ startedMs: createdMs, endedMs: createdMs + from(0.5, 5) * minuteMs, conclusion: "success" }];
      id += 1;
      github.add(repository, { id, name, path: `.github/workflows/${file}.yaml`, createdMs, attempts });
    }
  }
  return github;
}

async function fakeAws(): Promise<FakeAws> {
  const aws = await new FakeAws().start();
  const names = [
    "alloy",
    "graphql",
    "indexing",
    "kayron",
    "otel-collector",
    "server",
    "specta",
    "splits-lite",
    "worker",
  ];
  aws.services = names.map((name) => ({ cluster: "main", name, label: name, environment, running: 2, desired: 2 }));
  const stacks = ["Cache", "Deployment", "Discovery", "Fargate", "Kayron", "Lite", "Rds", "Server", "Specta", "Vpc"];
  aws.stacks = stacks.map((name) => ({ name: `${name}Stack-1X2Y3Z4W5V6U`, status: "UPDATE_COMPLETE", environment }));
  aws.keyPairs = ["a", "b", "c"];
  aws.pipelines = names.map((name) => {
    const beginMs = Date.now() - dayMs;
    const executions = Array.from({ length: 48 }, (_, index) => {
      const startMs = beginMs + (index + next()) * 60 * minuteMs;
      return { id: `${name}-${index}`, startMs, endMs: startMs + from(1, 10) * minuteMs, status: "Succeeded" };
    });
    return { name, environment, executions };
  });
  return aws;
}

function configuration(endpoint: string): string {
  const text = readFileSync(join(root, "examples/splits.yaml"), "utf8");
  const moved = text.replace(/https:\/\/([^"/]*splits\.org)/g, `${endpoint}/$1`);
  if (values.cooler === undefined) return moved;
  const cooler = `cooler: ${values.cooler}`;
  return moved.replace(/^ {2}(\w+):(?: \{\})?$/gm, (line, name: string) =>
    handlers.some((handler) => handler === name) ? `  ${name}:\n    ${cooler}` : line,
  );
}

/** The variables of the daemon whose targets are the fakes. */
function variables(github: FakeGitHub, aws: FakeAws, certificate: string): Record<string, string> {
  return {
    ...aws.variables,
    SPECTA_ENVIRONMENT: environment,
    SPECTA_GITHUB_TOKEN: github.token,
    SPECTA_GITHUB_URL: github.url,
    NODE_EXTRA_CA_CERTS: certificate,
  };
}

const folder = mkdtempSync(join(tmpdir(), "specta-soak-"));
const nowMs = Math.floor(Date.now() / 1000) * 1000;
const certificate = selfSigned(nowMs - dayMs, nowMs + 30 * dayMs);
writeFileSync(join(folder, "ca.crt"), certificate.cert);
await using endpoint = Bun.serve({
  hostname: "127.0.0.1",
  port: 0,
  tls: certificate,
  fetch: () => new Response("# ".repeat(4096)),
});
await using github = await fakeGitHub();
await using aws = await fakeAws();
await using daemon = await startDaemon({
  binary: values.binary ?? compiled(),
  config: configuration(`https://127.0.0.1:${endpoint.port}`),
  env: variables(github, aws, join(folder, "ca.crt")),
});
const startMs = performance.now();
const measures: Measure[] = [];
let scrapedMs = startMs;
while (performance.now() - startMs < minutes * minuteMs) {
  await Bun.sleep(measureMs);
  measures.push(measure(daemon.pid, startMs));
  if (performance.now() - scrapedMs >= scrapeMs) {
    scrapedMs = performance.now();
    await scrape(daemon.url);
  }
  github.requests.length = 0;
  aws.requests.length = 0;
}

const metrics = await scrape(daemon.url);
console.log(`${minutes} min, ${measures.length} measures of RSS, MB, from 0 to the highest`);
console.log(curve(measures, "residentMb"));
for (const { seconds, residentMb } of measures.filter((_, index) => index % Math.ceil(measures.length / 20) === 0)) {
  console.log(`  ${seconds.toFixed(0).padStart(5)} s  ${residentMb.toFixed(1).padStart(6)} MB`);
}
const highest = Math.max(...measures.map(({ residentMb }) => residentMb));
const { first, second } = halves(measures, "residentMb", warmSeconds);
const { cpuSeconds, seconds, threads } = measures.at(-1)!;
console.log(
  `highest ${highest.toFixed(1)} MB, medians of both halves after ${warmSeconds} s: ${first.toFixed(1)}, ${second.toFixed(1)} MB`,
);
console.log(`${threads} threads, ${((100 * cpuSeconds) / seconds).toFixed(1)} % of a core`);

let isGood = highest <= mostMb;
if (!isGood) console.log(`above ${mostMb} MB`);
for (const handler of handlers) {
  const count = (success: string) =>
    metrics.value("worker_handler_execution_total", { env: environment, handler, success });
  const [good, failed] = [count("true") ?? 0, count("false") ?? 0];
  console.log(`${handler}: ${good} executions, ${failed} failed`);
  isGood &&= good > 0 && failed === 0;
}
rmSync(folder, { recursive: true, force: true });
await daemon.stop();
process.exitCode = isGood ? 0 : 1;
