/**
 * The memory of the compiled daemon with all six handlers, as examples/splits.yaml has them, at rest between quiet
 * executions: nothing fails, a scrape comes every 15 s. Prints the curve; exits with 1 when the highest is above the bar
 * once all threads have started, or an execution failed.
 *
 *   bun tests/soak/handlers.ts [--minutes 10] [--most-mb 120] [--cooler 100ms] [--binary FILE]
 */
import { parseArgs } from "node:util";
import { compiled } from "../harness/build.ts";
import { minuteMs } from "../harness/builds.ts";
import { scrape, startDaemon } from "../harness/daemon.ts";
import { Splits, sixHandlers } from "../harness/splits.ts";
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
/** The start loads all at once. */
const warmSeconds = Math.min(60, minutes * 20);

await using splits = await Splits.start();
await using daemon = await startDaemon({
  binary: values.binary ?? compiled(),
  config: splits.configuration(values.cooler),
  env: splits.variables,
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
  // The fakes keep them, and grow slow.
  splits.github.requests.length = 0;
  splits.aws.requests.length = 0;
}

const metrics = await scrape(daemon.url);
console.log(`${minutes} min, ${measures.length} measures of RSS, MB, from 0 to the highest`);
console.log(curve(measures, "residentMb"));
for (const { seconds, residentMb } of measures.filter((_, index) => index % Math.ceil(measures.length / 20) === 0)) {
  console.log(`  ${seconds.toFixed(0).padStart(5)} s  ${residentMb.toFixed(1).padStart(6)} MB`);
}
const highestFrom = (least: number) =>
  Math.max(...measures.filter(({ seconds }) => seconds >= least).map(({ residentMb }) => residentMb));
const highest = highestFrom(warmSeconds);
const { first, second } = halves(measures, "residentMb", warmSeconds);
const { cpuSeconds, seconds, threads } = measures.at(-1)!;
console.log(
  `highest ${highest.toFixed(1)} MB after ${warmSeconds} s, ${highestFrom(0).toFixed(1)} MB at all; both halves' medians ${first.toFixed(1)}, ${second.toFixed(1)} MB`,
);
console.log(`${threads} threads, ${((100 * cpuSeconds) / seconds).toFixed(1)} % of a core`);

let isGood = highest <= mostMb;
if (!isGood) console.log(`above ${mostMb} MB`);
for (const handler of sixHandlers) {
  const count = (success: string) =>
    metrics.value("worker_handler_execution_total", { env: "testing", handler, success });
  const [good, failed] = [count("true") ?? 0, count("false") ?? 0];
  console.log(`${handler}: ${good} executions, ${failed} failed`);
  isGood &&= good > 0 && failed === 0;
}
await daemon.stop();
process.exitCode = isGood ? 0 : 1;
