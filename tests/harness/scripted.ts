/** A handler that does what a test says anew before each of its executions, on a clock of the test's own. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { PlannedHandler } from "../../src/worker/plan.ts";
import { ManualClock } from "./clock.ts";
import { fixture, planned, startBench } from "./worker.ts";

/** For the tests' own files; gone with the process. */
export const folder = mkdtempSync(join(tmpdir(), "specta-worker-"));
process.on("exit", () => rmSync(folder, { recursive: true, force: true }));

let scripts = 0;

/** A handler whose next executions do what `says` said last. */
export function scripted(more: Partial<PlannedHandler> = {}) {
  scripts += 1;
  const script = join(folder, `script-${scripts}.js`);
  const says = (body: string) => writeFileSync(script, body);
  return { says, plan: planned("script", fixture("script.ts"), { settings: { script }, coolerMs: 1000, ...more }) };
}

/** An engine on a clock of the test's own, with one scripted handler that has run once. */
export async function scriptedBench(body: string, more: Partial<PlannedHandler> = {}) {
  const clock = new ManualClock();
  const { says, plan } = scripted(more);
  says(body);
  const bench = await startBench([plan], { clock, respawn: { minMs: 1000, maxMs: 60_000 } });
  await bench.count("script", 1);
  /** Lets the next execution begin, and waits for its end. */
  const next = async (ms = 1000) => {
    const amount = bench.of("script").length + 1;
    await settled();
    clock.advance(ms);
    return (await bench.count("script", amount)).at(-1)!;
  };
  return { bench, clock, says, next };
}

/** Lets what has been promised happen. */
export async function settled(): Promise<void> {
  for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
}

/** A gauge's sample, in the language of the script. */
export const value = (place: string, number: number) =>
  `{ metric: "script_value", labels: { place: "${place}" }, number: ${number} }`;
