/**
 * Everything side by side in one run: the server on one core, its load on another, rounds in turn, medians. Prints
 * Markdown; what it is doing it says on stderr.
 *
 *   bun run bench                      about 25 minutes
 *   bun run bench --quick              about 5, and rougher
 *   bun run bench throughput start     parts: throughput, threads, actions, scrapes, start
 *
 * wrk, taskset and the Pushgateway must be installed. `SPECTA_BENCH_REFERENCE` names the binary of the service that
 * specta replaces, to be measured beside it.
 */
import { cpus } from "node:os";
import { compiled } from "../harness/build.ts";
import { type Peer, startConnect, startEcho, startPushgateway, startReference, startSpecta } from "./peers.ts";
import { scrapes } from "./scrape.ts";
import { start } from "./start.ts";
import { type Bar, print } from "./table.ts";
import { byActions, latencies, measureThroughput, printThroughput, type Rounds, threads } from "./throughput.ts";

const parts = ["throughput", "threads", "actions", "scrapes", "start"] as const;
type Part = (typeof parts)[number];

const isQuick = process.argv.includes("--quick");
const options: Rounds = isQuick ? { rounds: 3, seconds: 1 } : { rounds: 9, seconds: 2 };
const scrapeCount = isQuick ? 20 : 100;
/** At full speed: more requests than a busy site pushes in an hour. */
const loadSeconds = isQuick ? 10 : 60;

function chosen(): readonly Part[] {
  const given = process.argv.slice(2).filter((argument) => argument !== "--quick");
  const unknown = given.find((name) => !parts.some((part) => part === name));
  if (unknown !== undefined) throw new Error(`there is no part ${unknown}: known are ${parts.join(", ")}`);
  return given.length === 0 ? parts : parts.filter((part) => given.includes(part));
}

async function throughput(binary: string): Promise<Bar[]> {
  await using resources = new AsyncDisposableStack();
  const reference = process.env.SPECTA_BENCH_REFERENCE;
  const peers: Peer[] = [
    resources.use(await startEcho()),
    resources.use(await startSpecta(binary)),
    resources.use(await startConnect()),
    resources.use(await startPushgateway()),
    ...(reference === undefined ? [] : [resources.use(await startReference(reference))]),
  ];
  const rates = await measureThroughput(peers, options);
  const bars = printThroughput(rates);
  await latencies(peers, rates, options);
  return bars;
}

async function run(part: Part, binary: string): Promise<Bar[]> {
  if (part === "throughput") return throughput(binary);
  if (part === "threads") return threads(binary, options);
  if (part === "scrapes") return scrapes(binary, scrapeCount);
  if (part === "start") return start(binary, loadSeconds);
  await byActions(binary, options);
  return [];
}

const wanted = chosen();
const binary = compiled();
const machine = `${cpus().length} cores of ${cpus()[0]?.model}, ${process.platform}, Bun ${Bun.version}`;
process.stdout.write(`${machine}; ${options.rounds} rounds of ${options.seconds} s each, in turn; medians.\n`);
const bars: Bar[] = [];
for (const part of wanted) bars.push(...(await run(part, binary)));
const rows = bars.map(({ what, bar, is, isMet }) => [what, bar, is, isMet ? "met" : "not met"]);
if (rows.length > 0) print("What it must be, and is:", ["", "bar", "is", ""], rows);
process.exit();
