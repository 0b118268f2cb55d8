/** What becomes of gauges whose targets vanish or fail, and of threads that die. */
import { describe, expect, test } from "bun:test";
import { ManualClock } from "../harness/clock.ts";
import { scripted, scriptedBench, settled, value } from "../harness/scripted.ts";
import { startBench } from "../harness/worker.ts";

describe("gauges", () => {
  test("that a successful execution does not report any more are gone at once; counters stay", async () => {
    const total = '{ metric: "script_total", labels: { place: "a" }, number: 1 }';
    const { bench, says, next } = await scriptedBench(`return [${value("a", 1)}, ${value("b", 1)}, ${total}];`);
    await using _ = bench;
    expect(bench.exposition().series("script_value")).toHaveLength(2);
    says(`return [${value("b", 2)}];`);
    await next();
    expect(bench.value("script_value", { place: "a" })).toBeUndefined();
    expect(bench.value("script_value", { place: "b" })).toBe(2);
    expect(bench.value("script_total", { place: "a" })).toBe(1);
  });

  test("stay for stale_after once executions fail, and are then gone without one", async () => {
    const { bench, clock, says, next } = await scriptedBench(`return [${value("a", 1)}];`, {
      staleAfterMs: 5000,
      coolerMs: 1_000_000,
    });
    await using _ = bench;
    says('throw new Error("away");');
    await next(1_000_000);
    clock.advance(4999);
    expect(bench.value("script_value", { place: "a" })).toBe(1);
    clock.advance(1);
    expect(bench.value("script_value", { place: "a" })).toBeUndefined();
  });

  test("stay for ever while none fails: the control", async () => {
    const { bench, clock } = await scriptedBench(`return [${value("a", 1)}];`, {
      staleAfterMs: 5000,
      coolerMs: 1_000_000,
    });
    await using _ = bench;
    await settled();
    clock.advance(999_999);
    expect(bench.value("script_value", { place: "a" })).toBe(1);
  });

  test("are fresh again with the next report", async () => {
    const { bench, clock, says, next } = await scriptedBench(`return [${value("a", 1)}];`, { staleAfterMs: 5000 });
    await using _ = bench;
    says('throw new Error("away");');
    await next();
    says(`return [${value("a", 2)}];`);
    await next();
    says('throw new Error("away");');
    await next();
    clock.advance(4999);
    expect(bench.value("script_value", { place: "a" })).toBe(2);
    clock.advance(1);
    expect(bench.value("script_value", { place: "a" })).toBeUndefined();
  });

  test("of failing targets age while those of others are refreshed", async () => {
    const { bench, says, next } = await scriptedBench(`return [${value("a", 1)}, ${value("b", 1)}];`, {
      staleAfterMs: 2500,
    });
    await using _ = bench;
    says(`return { samples: [${value("b", 2)}], failures: [{ target: "a", reason: "away" }] };`);
    for (let cycle = 0; cycle < 3; cycle += 1) {
      await next();
      expect(bench.value("script_value", { place: "a" })).toBe(1);
    }
    await next();
    expect(bench.value("script_value", { place: "a" })).toBeUndefined();
    expect(bench.value("script_value", { place: "b" })).toBe(2);
  });

  test("age also while the thread hangs", async () => {
    const { bench, clock, says } = await scriptedBench(`return [${value("a", 1)}];`, {
      staleAfterMs: 5000,
      timeoutMs: 2000,
    });
    await using _ = bench;
    says("for (;;);");
    await settled();
    clock.advance(1000);
    await settled();
    clock.advance(2000);
    clock.advance(250);
    await bench.count("script", 2);
    await settled();
    clock.advance(4999);
    expect(bench.value("script_value", { place: "a" })).toBe(1);
    clock.advance(1);
    expect(bench.value("script_value", { place: "a" })).toBeUndefined();
  });
});

describe("a dead thread", () => {
  test("is started again after 1 s, doubled up to 1 min, reset by a success", async () => {
    const { bench, clock, says, next } = await scriptedBench("process.exit(1);", { coolerMs: 100 });
    await using _ = bench;
    const pauses: number[] = [];
    for (let death = 0; death < 8; death += 1) {
      await settled();
      pauses.push(bench.engine.state()[0]!.nextMs! - clock.unixMs());
      await next(pauses.at(-1));
    }
    expect(pauses).toEqual([1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000]);
    says("return [];");
    expect(await next(60_000)).toMatchObject({ success: true });
    says("process.exit(1);");
    expect(await next(100)).toMatchObject({ success: false });
    await settled();
    expect(bench.engine.state()[0]!.nextMs! - clock.unixMs()).toBe(1000);
  });

  test("is not waited for when it only threw: the control", async () => {
    const { bench, clock } = await scriptedBench('throw new Error("no");', { coolerMs: 100 });
    await using _ = bench;
    await settled();
    expect(bench.engine.state()[0]!.nextMs! - clock.unixMs()).toBe(100);
  });
});

describe("a rest that a report asks for", () => {
  test("outlives the thread: nothing is run, every cycle fails and says until when", async () => {
    const clock = new ManualClock();
    const until = clock.unixMs() + 3500;
    const { plan, says } = scripted();
    says(
      `setTimeout(() => process.exit(1), 1); return { restUntilMs: ${until}, failures: [{ target: "a", reason: "quota" }] };`,
    );
    await using bench = await startBench([plan], { clock, respawn: { minMs: 1000, maxMs: 1000 } });
    await bench.count("script", 2);
    expect(bench.of("script").map(({ error }) => error)).toEqual([
      "1 target failed: a: quota",
      "the thread ended by itself with code 1",
    ]);
    says(`return [${value("a", 1)}];`);
    for (let cycle = 3; cycle <= 5; cycle += 1) {
      await settled();
      clock.advance(1000);
      await bench.count("script", cycle);
    }
    const error = `nothing was asked: a rest is asked for until ${new Date(until).toISOString()}`;
    expect(
      bench
        .of("script")
        .slice(2)
        .map((execution) => execution.error),
    ).toEqual([error, error, error]);
    await settled();
    clock.advance(1000);
    expect((await bench.count("script", 6)).at(-1)).toMatchObject({ success: true });
  });
});
