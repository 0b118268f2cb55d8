/** Whatever a handler does, it costs one failed execution a cycle of its own, and nothing of others. */
import { afterAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Bench, fixture, planned, startBench } from "../harness/worker.ts";

const folder = mkdtempSync(join(tmpdir(), "specta-faults-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

let flags = 0;
function flag(): string {
  flags += 1;
  const path = join(folder, `flag-${flags}`);
  writeFileSync(path, "");
  return path;
}

/** For what must be ended; a thread needs a part of it to begin on a busy machine. */
const shortMs = 300;
/** How much later than its cooler a handler may begin on a busy machine. */
const onTimeMs = 1000;
const cycles = 3;
/** The cooler of `planned`. */
const coolerMs = 10;

/** The error of each fault, and whether its thread must die of it. */
const faults: readonly (readonly [fault: string, error: RegExp])[] = [
  ["throws at once", /^thrown at once$/],
  ["throws text", /^only text$/],
  ["rejects", /^rejected$/],
  // Under `bun test` a thread hears of neither itself; in the daemon, see worker-daemon.test.ts, the words are these alone.
  ["throws late while it runs", /^(the thread ended by itself with code \d: error: )?thrown late$/],
  ["rejects unheard while it runs", /^(the thread ended by itself with code 0: error: )?rejected unheard$/],
  ["never resolves", /^the execution did not end within 300ms$/],
  [
    "never resolves, yet heeds its signal",
    /^the execution did not end within 300ms: the execution did not end within 300ms$/,
  ],
  ["loops for ever", /^the execution did not end within 300ms$/],
  ["exits with 3", /^the thread ended by itself with code 3$/],
  ["exits with 0 in a timer", /^the thread ended by itself with code 0$/],
  ["returns a function", /^what ensure returns must be a list of samples or a report: current value is a function$/],
  ["returns nothing", /^what ensure returns must be a list of samples or a report: current value is undefined$/],
  ["returns a sample with a function", /^samples\[0\] must have no "extra": known are metric, labels, number$/],
  ["returns a getter that throws", /^a getter threw$/],
  ["returns a bigint", /^samples\[0\]\.number must be a finite number: current value is a bigint$/],
  ["returns a ring", /^samples must be a list: current value is an object$/],
  [
    "returns an undeclared metric",
    /^samples\[1\]\.metric must be a metric that the handler declares: current value is "process_start_time_seconds", declared are faulty_value, faulty_total$/,
  ],
  [
    "returns a metric of the prototype",
    /^samples\[0\]\.metric must be a metric that the handler declares: current value is "constructor"/,
  ],
  ["returns a wrong label key", /^samples\[0\]\.labels must have no label "colour": allowed are place$/],
  [
    "returns a wrong label value",
    /^samples\[1\]\.labels\.place must be one of here, there: current value is "nowhere"$/,
  ],
  [
    "returns a label that is no text",
    /^samples\[0\]\.labels\.place must be text that is not empty: current value is 7$/,
  ],
  ["returns NaN", /^samples\[0\]\.number must be a finite number: current value is NaN$/],
  ["returns Infinity", /^samples\[0\]\.number must be a finite number: current value is Infinity$/],
  ["returns text for a number", /^samples\[0\]\.number must be a finite number: current value is "1"$/],
  ["returns a negative counter", /^samples\[0\]\.number must not be negative for a counter: current value is -1$/],
  ["returns a misspelt key", /^samples\[0\] must have no "label": known are metric, labels, number$/],
  ["changes the folder", /^process\.chdir is refused in a handler/],
  ["aborts the process", /^process\.abort is refused in a handler/],
  ["kills the process", /^to kill specta is refused in a handler/],
];

describe("a handler that", () => {
  test.each(faults)("%s fails once a cycle, alone, and is well again when it is mended", async (fault, error) => {
    const path = flag();
    const settings = { fault, while: path };
    const folderBefore = process.cwd();
    await using bench = await startBench([
      planned("faulty", fixture("faulty.ts"), {
        settings,
        ...(String(error).includes("within") && { timeoutMs: shortMs }),
      }),
      planned("well", fixture("well.ts")),
    ]);
    const failed = await bench.count("faulty", cycles);
    expect(failed.map(({ success }) => success)).toEqual(Array(cycles).fill(false));
    for (const execution of failed) expect(execution.error).toMatch(error);
    expectOneACycle(bench, "faulty");
    expectCounted(bench, "faulty");
    expect(bench.exposition().series("faulty_value")).toEqual([]);
    expect(bench.exposition().series("faulty_total")).toEqual([]);
    expect(process.cwd()).toBe(folderBefore);
    rmSync(path);
    const failures = await bench.until(() => {
      const index = bench.of("faulty").findIndex(({ success }) => success);
      return index < 0 ? undefined : index;
    });
    const later = await bench.count("faulty", failures + 3);
    expect(later.slice(failures).map(({ success }) => success)).toEqual([true, true, true]);
    expect(bench.value("faulty_value", { place: "here" })).toBe(1);
    expectOnTime(bench, "well");
  });

  test("is well: the control", async () => {
    await using bench = await startBench([
      planned("faulty", fixture("faulty.ts"), { settings: { fault: "", while: join(folder, "none") } }),
      planned("well", fixture("well.ts")),
    ]);
    const executions = await bench.count("faulty", cycles);
    expect(executions.map(({ success }) => success)).toEqual(Array(cycles).fill(true));
    expect(bench.value("faulty_value", { place: "here" })).toBe(1);
    expectOnTime(bench, "well");
  });
});

/** Each execution began at least a cooler after the end of the one before: none was counted twice. */
function expectOneACycle(bench: Bench, handler: string): void {
  const executions = bench.of(handler);
  for (const [index, { startedMs }] of executions.entries()) {
    const before = executions[index - 1];
    if (before !== undefined) expect(startedMs - (before.startedMs + before.latencyMs)).toBeGreaterThan(coolerMs - 2);
  }
}

/** The counters and the log have every failed execution once, and no other. */
function expectCounted(bench: Bench, handler: string): void {
  const failed = bench.of(handler).filter(({ success }) => !success).length;
  const labels = { handler, success: "false" };
  expect(bench.value("worker_handler_execution_total", labels)).toBe(failed);
  expect(bench.value("worker_handler_execution_duration_seconds_count", labels)).toBe(failed);
  expect(bench.log.of("worker execution failed").filter(({ keys }) => keys.handler === handler)).toHaveLength(failed);
}

/** No execution of the handler failed, and none began much later than its cooler after the end of the one before. */
function expectOnTime(bench: Bench, handler: string): void {
  const executions = bench.of(handler);
  expect(executions.length).toBeGreaterThan(0);
  expect(executions.filter(({ success }) => !success)).toEqual([]);
  for (const [index, execution] of executions.entries()) {
    const before = executions[index - 1];
    if (before === undefined) continue;
    expect(execution.startedMs - (before.startedMs + before.latencyMs)).toBeLessThan(onTimeMs);
  }
}

describe("a thread that dies while idle", () => {
  test.each([
    ["throws", /thrown while idle$/],
    ["rejects", /rejected while idle$/],
    ["exits", /^the thread ended by itself with code 4$/],
  ])("because it %s costs one failed execution and is started again", async (death, error) => {
    const settings = { death };
    await using bench = await startBench([
      planned("restless", fixture("restless.ts"), { settings, coolerMs: 30 }),
      planned("well", fixture("well.ts")),
    ]);
    const executions = (await bench.count("restless", 6)).slice(0, 6);
    expect(executions.map(({ success }) => success)).toEqual([true, false, true, false, true, false]);
    const errors = executions.filter(({ success }) => !success).map((execution) => execution.error);
    expect(errors).toEqual([expect.stringMatching(error), expect.stringMatching(error), expect.stringMatching(error)]);
    expectCounted(bench, "restless");
    expectOnTime(bench, "well");
  });

  test("does not when it lives: the control", async () => {
    await using bench = await startBench([
      planned("restless", fixture("restless.ts"), { settings: { death: "lives" }, coolerMs: 30 }),
    ]);
    const executions = await bench.count("restless", 4);
    expect(executions.map(({ success }) => success)).toEqual([true, true, true, true]);
  });
});

test("a thread that is deep in native code and cannot be ended is waited for: there is never a second one", async () => {
  const gate = join(folder, "gate");
  expect(Bun.spawnSync(["mkfifo", gate]).exitCode).toBe(0);
  const file = join(folder, "deep.ts");
  writeFileSync(
    file,
    `import { readFileSync } from "node:fs";
    export const metrics = {};
    export const ensure = (context) => { context.log("info", "began"); readFileSync(${JSON.stringify(gate)}); return []; };`,
  );
  await using bench = await startBench([
    planned("deep", file, { timeoutMs: shortMs }),
    planned("well", fixture("well.ts")),
  ]);
  const failed = await bench.count("deep", 3);
  expect(failed.map(({ error }) => error)).toEqual([
    "the execution did not end within 300ms",
    "the thread of an earlier execution did not end within 300ms",
    "the thread of an earlier execution did not end within 300ms",
  ]);
  expect(bench.log.of("began")).toHaveLength(1);
  expectOnTime(bench, "well");
  // Whoever opens the other end lets the reader go; from now on it reads an empty file.
  const opened = Bun.spawn(["sh", "-c", 'exec 3>"$0"; rm "$0"; : >"$0"', gate]);
  await bench.until(() => bench.of("deep").find(({ success }) => success));
  expect(await opened.exited).toBe(0);
});

describe("a handler that cannot be loaded", () => {
  const unloadable: readonly (readonly [why: string, text: string | undefined, error: RegExp])[] = [
    ["its file is missing", undefined, /^there is no file .+: create it/],
    ["its syntax is wrong", "export const a = 1;\nlet b = ;", /^\/.+\/handler\.ts:2:9: Unexpected ;$/],
    [
      "its syntax is wrong in more than one place",
      "export const = ;\nlet x: = 3;",
      /handler\.ts:1:14: Expected identifier.+; \/.+handler\.ts:2:8: Unexpected =$/,
    ],
    ["it throws at import", 'throw new Error("thrown at import");', /^thrown at import$/],
    ["it imports what is not there", 'import "./nowhere.ts";', /nowhere/],
    ["it exits at import", "process.exit(5);", /code 5$/],
    ["it never ends its import", "await new Promise(() => {});", /did not end within 300ms$/],
    ["it loops at import", "for (;;);", /did not end within 300ms$/],
    ["it has no ensure", "export const metrics = {};", /must export ensure, a function: current value is undefined$/],
    ["its default export is no handler", "export default 7;", /must be a handler: current value is 7$/],
    [
      "its ensure is no function",
      "export default { metrics: {}, ensure: 1 };",
      /must export ensure, a function: current value is 1$/,
    ],
    [
      "it has no metrics",
      "export const ensure = () => [];",
      /^metrics must be a map of metric names: current value is undefined$/,
    ],
    [
      "a metric has no help",
      'export const metrics = { a: { kind: "gauge" } }; export const ensure = () => [];',
      /^metrics\.a\.help must be given$/,
    ],
    [
      "a metric is specta's own",
      'export const metrics = { specta_build_info: { kind: "gauge", help: "x" } }; export const ensure = () => [];',
      /^the metric specta_build_info is reported by specta itself already$/,
    ],
    [
      "a metric has more series than allowed",
      `export const metrics = { a: { kind: "gauge", help: "x", labels: { b: ${JSON.stringify(Array.from({ length: 101 }, (_, i) => `v${i}`))} } } }; export const ensure = () => [];`,
      /^max_series must be at least 101, the series of a: current value is 100$/,
    ],
    [
      "active is no function",
      "export const metrics = {}; export const ensure = () => []; export const active = 1;",
      /active as a function or not at all: current value is 1$/,
    ],
    [
      "active says neither",
      "export const metrics = {}; export const ensure = () => []; export const active = () => 1;",
      /must return true or false: current value is 1$/,
    ],
  ];

  test.each(unloadable)("because %s fails once a cycle, alone, until its file is mended", async (_, text, error) => {
    const own = mkdtempSync(join(folder, "handler-"));
    const file = join(own, "handler.ts");
    if (text !== undefined) writeFileSync(file, text);
    await using bench = await startBench([
      planned("well", fixture("well.ts")),
      planned("broken", file, String(error).includes("within") ? { timeoutMs: shortMs } : {}),
    ]);
    const failed = await bench.count("broken", 3);
    expect(failed.map(({ success }) => success)).toEqual([false, false, false]);
    for (const execution of failed) expect(execution.error).toMatch(error);
    expectOneACycle(bench, "broken");
    expectCounted(bench, "broken");
    writeFileSync(
      file,
      'export const metrics = { mended: { kind: "gauge", help: "x" } }; export const ensure = () => [{ metric: "mended", number: 1 }];',
    );
    await bench.until(() => bench.of("broken").find(({ success }) => success));
    expect(bench.value("mended")).toBe(1);
    expectOnTime(bench, "well");
  });

  test("because neither it nor the configuration has a cooler says so", async () => {
    const file = join(folder, "no-cooler.ts");
    writeFileSync(file, "export const metrics = {}; export const ensure = () => [];");
    await using bench = await startBench([planned("broken", file, { coolerMs: undefined })]);
    const [first] = await bench.count("broken", 1);
    expect(first?.error).toBe(
      `${file} must export cooler, a function, as the configuration gives no cooler: current value is undefined`,
    );
  });

  test.each(["50", '"10 s"', "NaN", "() => 1"])("because its cooler returns %s says so", async (cooler) => {
    const file = join(folder, `cooler-${Bun.hash(cooler)}.ts`);
    writeFileSync(
      file,
      `export const metrics = {}; export const cooler = () => (${cooler}); export const ensure = () => [];`,
    );
    await using bench = await startBench([planned("broken", file, { coolerMs: undefined })]);
    const [first] = await bench.count("broken", 1);
    expect(first?.error).toMatch(
      /^cooler\(\) must return milliseconds or a duration such as "10s", from 100ms to 7d: current value is /,
    );
  });
});
