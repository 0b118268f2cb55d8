/** Limits of time that the worker keeps, by a clock of the test's own. */
import { describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { deadlineGraceMs, maxActiveWaitMs, maxStopMs, maxThreadEndMs } from "../../../src/base/limits.ts";
import { ManualClock } from "../../harness/clock.ts";
import { folder, scripted, settled } from "../../harness/scripted.ts";
import { Bench, planned, startBench } from "../../harness/worker.ts";

/** A user's file that is loaded when the other file appears. */
function late(name: string): { readonly file: string; appear(): void } {
  const [file, gate] = [join(folder, `${name}.ts`), join(folder, `${name}.gate`)];
  writeFileSync(
    file,
    `while (!(await Bun.file(${JSON.stringify(gate)}).exists())) await Bun.sleep(1);
     export const metrics = {}; export const ensure = () => [];`,
  );
  return { file, appear: () => writeFileSync(gate, "") };
}

test("the start waits so long for a handler that does not load, and no longer", async () => {
  const clock = new ManualClock();
  const { file, appear } = late("never");
  await using bench = new Bench([planned("slow", file, { timeoutMs: 60_000 })], { clock });
  let isStarted = false;
  const started = bench.engine.start().then(() => {
    isStarted = true;
  });
  clock.advance(maxActiveWaitMs - 1);
  await Bun.sleep(10);
  expect(isStarted).toBe(false);
  clock.advance(1);
  await started;
  expect(bench.log.of("worker is executing tasks").map(({ keys }) => keys.pipelines)).toEqual(["1"]);
  appear();
  expect((await bench.count("slow", 1))[0]?.success).toBe(true);
});

describe("an execution that does not end", () => {
  const spins = 'context.log("info", "runs"); for (;;);';
  const listens =
    'context.log("info", "runs"); return new Promise((_, reject) => context.signal.addEventListener("abort", () => reject(new Error("heard"))));';

  async function running(body: string) {
    const clock = new ManualClock();
    const { plan, says } = scripted({ timeoutMs: 5000, deadlineMs: 5000 });
    says(body);
    const bench = await startBench([plan], { clock });
    await bench.log.line("runs");
    return { bench, clock };
  }

  test("has so long after its deadline to end by its signal, and is then ended", async () => {
    const { bench, clock } = await running(spins);
    await using _ = bench;
    clock.advance(5000 + deadlineGraceMs - 1);
    await Bun.sleep(10);
    expect(bench.executions).toEqual([]);
    clock.advance(1);
    expect((await bench.count("script", 1))[0]?.error).toBe("the execution did not end within 5s");
  });

  test("control: one that hears its signal ends by it", async () => {
    const { bench, clock } = await running(listens);
    await using _ = bench;
    clock.advance(5000);
    expect((await bench.count("script", 1))[0]?.error).toBe("the execution did not end within 5s: heard");
  });

  test("is ended so long after a stop, and not before", async () => {
    const { bench, clock } = await running(spins);
    await using _ = bench;
    // Its own deadline comes after that of the stop.
    const [more, plan] = [new ManualClock(), scripted({ timeoutMs: 60_000, deadlineMs: 60_000 })];
    plan.says(spins);
    await using long = await startBench([plan.plan], { clock: more });
    await long.log.line("runs");
    const stopped = long.engine.stop();
    more.advance(maxStopMs - 1);
    await Bun.sleep(10);
    expect(long.executions).toEqual([]);
    more.advance(1);
    expect((await long.count("script", 1))[0]?.error).toBe("specta is stopping");
    more.advance(deadlineGraceMs);
    await settled();
    more.advance(deadlineGraceMs);
    await stopped;
    clock.advance(5000 + deadlineGraceMs);
  });
});

test("a thread that cannot be ended is waited for so long; then its handler has another", async () => {
  const clock = new ManualClock();
  const gate = join(folder, "native");
  expect(Bun.spawnSync(["mkfifo", gate]).exitCode).toBe(0);
  const file = join(folder, "native.ts");
  // The first of them is deep in native code; the others find the file of the second line.
  const marker = join(folder, "native.seen");
  writeFileSync(
    file,
    `import { existsSync, readFileSync, writeFileSync } from "node:fs";
    export const metrics = {};
    export const ensure = (context) => {
      if (existsSync(${JSON.stringify(marker)})) return [];
      writeFileSync(${JSON.stringify(marker)}, "");
      context.log("info", "began");
      readFileSync(${JSON.stringify(gate)});
      return [];
    };`,
  );
  const deadlineMs = 60_000;
  const plan = planned("native", file, { timeoutMs: deadlineMs, deadlineMs, coolerMs: 100 });
  await using bench = await startBench([plan], { clock, respawn: { minMs: 1, maxMs: 1 } });
  await bench.log.line("began");
  clock.advance(deadlineMs + deadlineGraceMs);
  await bench.count("native", 1);
  const due = async (ms: number) => {
    while (clock.nextMs !== ms) await Bun.sleep(1);
  };
  await due(100);
  clock.advance(100);
  await due(maxThreadEndMs);
  clock.advance(maxThreadEndMs - 1);
  await Bun.sleep(10);
  expect(bench.executions).toHaveLength(1);
  clock.advance(1);
  expect((await bench.count("native", 2))[1]).toMatchObject({ success: true });
  // Whoever opens the other end lets the first thread go, should it still be there.
  const opened = Bun.spawn(["sh", "-c", 'exec 3<>"$0"', gate]);
  expect(await opened.exited).toBe(0);
});
