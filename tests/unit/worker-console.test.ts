import { expect, test } from "bun:test";
import { LineGate } from "../../src/worker/thread/console.ts";
import { fixture, planned, startBench } from "../harness/worker.ts";

test("what a handler writes to its console and to stdout becomes log lines", async () => {
  await using bench = await startBench([
    planned("loud", fixture("loud.ts"), { settings: { lines: 0 }, coolerMs: 60_000 }),
  ]);
  const [first] = await bench.count("loud", 1);
  expect(first?.error).toBe("");
  const lines = bench.log.lines.filter(({ keys }) => keys.handler === "loud" && keys.latency === undefined);
  expect(lines.map(({ level, message }) => [level, message.length > 100 ? message.length : message])).toEqual([
    ["info", "log { depth: 1 } %s text"],
    ["info", "info"],
    ["debug", "debug"],
    ["warning", "warn"],
    ["error", "error"],
    ["info", "[ { a: 1 } ]"],
    ["info", "{ a: 1 }"],
    ["error", "assert"],
    ["info", "default: 1"],
    ["info", "stdout in pieces"],
    ["info", "and more"],
    ["warning", "stderr"],
    ["info", "Bun.write"],
    ["info", "Bun.write by path"],
    ["info", "writer"],
    ["info", "writeSync"],
    ["info", "writeFileSync"],
    ["info", "console.write"],
    ["info", 8193],
  ]);
  // What it logs on purpose has the keys that it gave and no other.
  expect(bench.log.of("a line of its own").map(({ level, keys }) => [level, keys])).toEqual([
    ["warning", { place: "here" }],
  ]);
});

test("what it posts to its parent by itself is ignored", async () => {
  await using bench = await startBench([planned("loud", fixture("loud.ts"), { settings: { lines: 0 } })]);
  const executions = await bench.count("loud", 3);
  expect(executions.map(({ success }) => success)).toEqual([true, true, true]);
  expect(bench.value("loud_value")).toBe(0);
});

test("a flood gives 100 lines a second, the rest is one line with their number", async () => {
  const lines = 100_000;
  await using bench = await startBench([
    planned("loud", fixture("loud.ts"), { settings: { lines }, timeoutMs: 20_000, coolerMs: 60_000 }),
    planned("well", fixture("well.ts")),
  ]);
  const [first] = await bench.count("loud", 1);
  expect(first?.error).toBe("");
  const dropped = await bench.until(() => {
    const told = bench.log.of("console lines were dropped");
    const passed = bench.log.lines.filter(({ message }) => message.startsWith("line ")).length;
    const missing = told.reduce((sum, { keys }) => sum + Number(keys.lines), 0);
    return passed + missing === lines ? { passed, told } : undefined;
  });
  const seconds = 2 + Math.ceil(first!.latencyMs / 1000);
  expect(dropped.passed).toBeLessThanOrEqual(100 * seconds);
  expect(dropped.told.length).toBeLessThanOrEqual(seconds);
  expect(dropped.told[0]).toMatchObject({ level: "warning", keys: { handler: "loud" } });
  expect(bench.of("well").filter(({ success }) => !success)).toEqual([]);
});

test("the gate opens anew each second, and its own line counts", () => {
  let now = 0;
  const lines: string[] = [];
  const gate = new LineGate(
    (_, __, keys) => lines.push(String(keys.lines)),
    "loud",
    () => now,
  );
  const passed = (amount: number) => Array.from({ length: amount }, () => gate.open()).filter(Boolean).length;
  expect(passed(100)).toBe(100);
  expect(passed(50)).toBe(0);
  now = 999;
  expect(passed(1)).toBe(0);
  now = 1000;
  expect(passed(150)).toBe(99);
  expect(lines).toEqual(["51"]);
  gate.close();
  expect(lines).toEqual(["51", "51"]);
  now = 5000;
  expect(passed(100)).toBe(100);
  gate.close();
  expect(lines).toEqual(["51", "51"]);
});
