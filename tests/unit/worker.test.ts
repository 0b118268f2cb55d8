import { describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { ManualClock } from "../harness/clock.ts";
import { folder, scripted, scriptedBench, settled, value } from "../harness/scripted.ts";
import { Bench, fixture, planned, startBench } from "../harness/worker.ts";

describe("the cycle", () => {
  test("begins at once and again a cooler after the end", async () => {
    const { bench, clock } = await scriptedBench("return [];", { coolerMs: 5000 });
    await using _ = bench;
    await settled();
    expect(bench.engine.state()[0]?.nextMs).toBe(clock.unixMs() + 5000);
    clock.advance(4999);
    await settled();
    expect(bench.engine.state()[0]?.isRunning).toBe(false);
    clock.advance(1);
    await settled();
    expect(bench.engine.state()[0]?.isRunning).toBe(true);
    await bench.count("script", 2);
  });

  test("takes the cooler of the handler where the configuration gives none", async () => {
    await using bench = await startBench([planned("well", fixture("well.ts"), { coolerMs: undefined })], {
      clock: new ManualClock(),
    });
    const [first] = await bench.count("well", 1);
    await settled();
    expect(bench.engine.state()[0]?.nextMs).toBe(first!.startedMs + 200);
  });

  test("logs and counts each execution", async () => {
    const { bench, clock, says, next } = await scriptedBench("return [];");
    await using _ = bench;
    says('throw new Error("no luck");');
    await next();
    expect(bench.value("worker_handler_execution_total", { handler: "script", success: "true" })).toBe(1);
    expect(bench.value("worker_handler_execution_total", { handler: "script", success: "false" })).toBe(1);
    expect(bench.value("worker_handler_last_success_timestamp_seconds", { handler: "script" })).toBe(
      (clock.unixMs() - 1000) / 1000,
    );
    expect(bench.log.of("instrumented worker handler").map(({ keys }) => keys)).toEqual([
      { handler: "script", latency: "0ms", success: "true" },
      { handler: "script", latency: "0ms", success: "false" },
    ]);
    const [error] = bench.log.of("worker execution failed");
    expect(error?.keys).toEqual({ handler: "script" });
    expect(error?.trouble?.description).toBe("no luck");
    expect(error?.trouble?.trace.length).toBeGreaterThan(0);
  });

  test("shows both outcomes of every active handler at 0 before the first execution has ended", async () => {
    const { plan, says } = scripted();
    says("return new Promise(() => {});");
    await using bench = await startBench([plan, planned("off", "/none", { inactive: "it is off" })], {
      clock: new ManualClock(),
    });
    for (const success of ["true", "false"]) {
      expect(bench.value("worker_handler_execution_total", { handler: "script", success })).toBe(0);
      expect(bench.value("worker_handler_execution_duration_seconds_count", { handler: "script", success })).toBe(0);
    }
    expect(bench.exposition().series("worker_handler_execution_total", { handler: "off" })).toEqual([]);
    expect(bench.log.of("handler is inactive").map(({ keys }) => keys)).toEqual([
      { handler: "off", reason: "it is off" },
    ]);
    expect(bench.log.of("worker is executing tasks").map(({ keys }) => keys)).toEqual([{ pipelines: "1" }]);
  });

  test("gives a handler its settings, environment, timeout, signal and log, and only its own variables", async () => {
    const { bench } = await scriptedBench(
      `context.log("warning", "seen", { env: JSON.stringify(process.env), name: context.environment, ms: String(context.timeoutMs), aborted: String(context.signal.aborted), with: Object.keys(context.with).join() });
       return [];`,
      { variables: { QUEUE_TOKEN: "t" }, timeoutMs: 4000 },
    );
    await using _ = bench;
    expect(bench.log.of("seen")).toEqual([
      {
        level: "warning",
        message: "seen",
        keys: { env: '{"QUEUE_TOKEN":"t"}', name: "testing", ms: "4000", aborted: "false", with: "script" },
        trouble: undefined,
      },
    ]);
  });
});

describe("a user's active()", () => {
  const file = (name: string, active: string) => {
    const path = join(folder, name);
    writeFileSync(
      path,
      `export const metrics = { a_total: { kind: "counter", help: "x" } }; export const ensure = () => []; export const active = ${active};`,
    );
    return path;
  };

  test("that returns false keeps the handler from running", async () => {
    const path = file("inactive.ts", '({ environment }) => environment === "production"');
    await using bench = await startBench([planned("own", path)]);
    expect(bench.log.of("handler is inactive").map(({ keys }) => keys)).toEqual([
      { handler: "own", reason: "its active() returned false" },
    ]);
    expect(bench.log.of("worker is executing tasks")[0]?.keys).toEqual({ pipelines: "0" });
    expect(bench.executions).toEqual([]);
    expect(bench.exposition().series("worker_handler_execution_total")).toEqual([]);
    expect(bench.value("a_total")).toBeUndefined();
    expect(bench.engine.state()[0]?.inactive).toBe("its active() returned false");
  });

  test("that returns true lets it run: the control", async () => {
    const path = file("active.ts", '({ environment }) => environment === "testing"');
    await using bench = await startBench([planned("own", path)]);
    expect(bench.log.of("worker is executing tasks")[0]?.keys).toEqual({ pipelines: "1" });
    await bench.count("own", 1);
    expect(bench.value("a_total")).toBe(0);
  });
});

describe("samples", () => {
  test("of counters add up, of gauges the last wins, of histograms all are observed", async () => {
    const sample = (metric: string, number: number) =>
      `{ metric: "${metric}", labels: { place: "a" }, number: ${number} }`;
    const metrics = ["script_value", "script_total", "script_seconds"];
    const { bench, next } = await scriptedBench(
      `return [${metrics.flatMap((metric) => [sample(metric, 0.5), sample(metric, 1.5)])}];`,
    );
    await using _ = bench;
    await next();
    expect(bench.value("script_value", { place: "a" })).toBe(1.5);
    expect(bench.value("script_total", { place: "a" })).toBe(4);
    expect(bench.value("script_seconds_sum", { place: "a" })).toBe(4);
    expect(bench.value("script_seconds_bucket", { place: "a", le: "1" })).toBe(2);
    expect(bench.value("script_seconds_bucket", { place: "a", le: "2" })).toBe(4);
    expect(bench.value("script_seconds_count", { place: "a" })).toBe(4);
  });

  test("of an execution that reports failures are recorded, and its error names the targets", async () => {
    const failures = '[{ target: "b", reason: "it hangs" }, { target: "c", reason: "it is gone" }]';
    const { bench, clock } = await scriptedBench(`return { samples: [${value("a", 1)}], failures: ${failures} };`);
    await using _ = bench;
    expect(clock.nextMs).toBeDefined();
    expect(bench.of("script")[0]).toMatchObject({
      success: false,
      error: "2 targets failed: b: it hangs; c: it is gone",
    });
    expect(bench.value("script_value", { place: "a" })).toBe(1);
  });

  test("are given to listeners as the gauges that were reported", async () => {
    const { bench } = await scriptedBench(`return [${value("a", 1)}, { metric: "script_total", number: 1 }];`);
    await using _ = bench;
    expect(bench.of("script")[0]?.gauges).toEqual([{ metric: "script_value", labels: { place: "a" }, number: 1 }]);
  });

  test("beyond max_series are dropped, counted and logged once", async () => {
    const many = (from: number) =>
      `return Array.from({ length: 4 }, (_, i) => ({ metric: "script_total", labels: { place: String(${from} + i) }, number: 1 }));`;
    const { bench, says, next } = await scriptedBench(many(0), { maxSeries: 3 });
    await using _ = bench;
    expect(bench.exposition().series("script_total")).toHaveLength(3);
    expect(bench.value("specta_series_dropped_total", { metric: "script_total" })).toBe(1);
    says(many(2));
    await next();
    expect(
      bench
        .exposition()
        .series("script_total")
        .map(({ labels }) => labels.place),
    ).toEqual(["0", "1", "2"]);
    expect(bench.value("script_total", { place: "2" })).toBe(2);
    expect(bench.value("specta_series_dropped_total", { metric: "script_total" })).toBe(4);
    expect(bench.log.of("samples were dropped").map(({ keys }) => keys)).toEqual([
      { handler: "script", metric: "script_total", reason: "it has max_series=3 series already" },
    ]);
    expect(bench.value("specta_series_dropped_total", { metric: "script_value" })).toBe(0);
  });

  test("of 100,000 cost the main thread one short message", async () => {
    const settings = { samples: 300_000, series: 100_000 };
    await using bench = new Bench([
      planned("flood", fixture("flood.ts"), { settings, timeoutMs: 20_000 }),
      planned("well", fixture("well.ts")),
    ]);
    await bench.engine.start();
    let longestMs = 0;
    let last = performance.now();
    const ticks = setInterval(() => {
      longestMs = Math.max(longestMs, performance.now() - last);
      last = performance.now();
    }, 1);
    const [first] = await bench.count("flood", 1);
    clearInterval(ticks);
    expect(first?.error).toBe("");
    for (const metric of ["flood_value", "flood_total", "flood_seconds_count"]) {
      expect(bench.exposition().series(metric)).toHaveLength(100);
    }
    expect(bench.value("specta_series_dropped_total", { metric: "flood_total" })).toBe(99_900);
    expect(bench.value("flood_total", { place: "0" })).toBe(2);
    expect(bench.of("well").filter(({ success }) => !success)).toEqual([]);
    expect(longestMs).toBeLessThan(first!.latencyMs);
    expect(longestMs).toBeLessThan(250);
  });

  test("of 100,000 in few series add up exactly", async () => {
    const settings = { samples: 300_000, series: 2 };
    await using bench = await startBench([
      planned("flood", fixture("flood.ts"), { settings, timeoutMs: 20_000, coolerMs: 60_000 }),
    ]);
    await bench.count("flood", 1);
    expect(bench.value("flood_total", { place: "1" })).toBe(100_000);
    expect(bench.value("flood_seconds_count", { place: "1" })).toBe(50_000);
    expect(bench.value("flood_seconds_bucket", { place: "1", le: "1" })).toBe(0);
    expect(bench.value("specta_series_dropped_total", { metric: "flood_total" })).toBe(0);
  });

  test("of 100,000 undeclared metrics give one short error", async () => {
    const settings = { samples: 100_000, series: 2, wrong: true };
    await using bench = await startBench([
      planned("flood", fixture("flood.ts"), { settings, timeoutMs: 20_000, coolerMs: 60_000 }),
    ]);
    const [first] = await bench.count("flood", 1);
    expect(first?.success).toBe(false);
    expect(first?.error).toEndWith("; and 99995 more");
    expect(first?.error.length).toBeLessThan(2000);
  });
});

test("recorded() is called in the thread once a report stands, and not after one that was refused", async () => {
  const { bench, says, next } = await scriptedBench(
    'context.log("info", "told", { times: String(told.length) }); return [];',
  );
  await using _ = bench;
  await next();
  says('context.log("info", "told", { times: String(told.length) }); return 7;');
  await next();
  says('context.log("info", "told", { times: String(told.length) }); return [];');
  await next();
  expect(bench.log.of("told").map(({ keys }) => keys.times)).toEqual(["0", "1", "2", "2"]);
});

describe("stopping", () => {
  test("lets an execution in flight end, and begins no other", async () => {
    const { plan, says } = scripted({ coolerMs: 10 });
    const gate = join(folder, "gate");
    const wait = `while (!(await Bun.file(${JSON.stringify(gate)}).exists())) await Bun.sleep(1);`;
    says(`return (async () => { context.log("info", "runs"); ${wait} return [${value("a", 1)}]; })();`);
    await using bench = await startBench([plan]);
    await bench.log.line("runs");
    const stopped = bench.engine.stop(5000);
    writeFileSync(gate, "");
    await stopped;
    expect(bench.executions).toHaveLength(1);
    expect(bench.executions[0]).toMatchObject({ success: true });
  });

  test("ends one that does not end, first by its signal", async () => {
    const { plan, says } = scripted();
    says(
      'context.log("info", "runs"); return new Promise((_, reject) => context.signal.addEventListener("abort", () => reject(context.signal.reason)));',
    );
    await using bench = await startBench([plan]);
    await bench.log.line("runs");
    await bench.engine.stop(300);
    expect(bench.executions).toMatchObject([{ success: false, error: "specta is stopping" }]);
    expect(bench.log.of("worker execution failed")[0]?.trouble?.trace).not.toEqual([]);
  });

  test("ends one that spins", async () => {
    const { plan, says } = scripted();
    says('context.log("info", "runs"); for (;;);');
    await using bench = await startBench([plan]);
    await bench.log.line("runs");
    await bench.engine.stop(20);
    expect(bench.executions).toMatchObject([{ success: false, error: "specta is stopping" }]);
  });
});
