import { afterAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openLedger } from "../../src/ledger/open.ts";
import { ManualClock } from "../harness/clock.ts";
import { FakeLedger } from "../harness/fake-ledger.ts";
import { Bench, type BenchOptions, fixture, planned, startBench } from "../harness/worker.ts";

const folder = mkdtempSync(join(tmpdir(), "specta-worker-ledger-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const metrics = `export const metrics = {
  builds_total: { kind: "counter", help: "builds", labels: { place: ["a", "b"] } },
  depth: { kind: "gauge", help: "depth" },
};`;

/** A handler whose `ensure` reads what it reports from a file. */
function reporter() {
  const report = join(folder, "report.json");
  const file = join(folder, "reporter.ts");
  writeFileSync(
    file,
    `import { readFileSync } from "node:fs";
    ${metrics}
    let remembered = 0;
    export const recorded = () => { remembered += 1; };
    export const ensure = (context) => { context.log("info", "runs", { remembered: String(remembered) }); return JSON.parse(readFileSync(${JSON.stringify(report)}, "utf8")); };`,
  );
  const says = (...keys: string[]) => saysSince(Date.now(), ...keys);
  const saysSince = (ms: number, ...keys: string[]) => {
    const samples = [{ metric: "builds_total", labels: { place: "a" }, number: 1 }];
    const ended = keys.map((key) => {
      return { key, createdMs: ms, endedMs: ms, samples, line: { message: "counted", keys: { key } } };
    });
    writeFileSync(report, JSON.stringify({ samples: [{ metric: "depth", number: 1 }], ended }));
  };
  says();
  return { says, saysSince, plan: planned("builds", file, { coolerMs: 1000 }) };
}

async function settled(): Promise<void> {
  for (let turn = 0; turn < 50; turn += 1) await Promise.resolve();
}

async function benchOf(options: BenchOptions) {
  const clock = new ManualClock();
  const { says, saysSince, plan } = reporter();
  const bench = new Bench([plan], { clock, ...options });
  void bench.engine.start();
  const next = async (ms = 1000) => {
    const amount = bench.of("builds").length + 1;
    await settled();
    clock.advance(ms);
    return (await bench.count("builds", amount)).at(-1)!;
  };
  return { bench, clock, says, saysSince, next };
}

describe("without a database", () => {
  test("ended work is counted once, however often it is reported, and the thread is told", async () => {
    const ledger = openLedger(undefined);
    const { bench, says, next } = await benchOf({ memory: async () => ledger });
    await using _ = bench;
    await bench.count("builds", 1);
    expect(bench.value("builds_total", { place: "a" })).toBe(0);
    says("1", "2");
    await next();
    await next();
    says("2", "3");
    await next();
    expect(bench.value("builds_total", { place: "a" })).toBe(3);
    expect(bench.value("builds_total", { place: "b" })).toBe(0);
    expect(bench.log.of("runs").map(({ keys }) => keys.remembered)).toEqual(["0", "1", "2", "3"]);
    expect(bench.engine.state()[0]?.holder).toBe("free");
    await ledger.close();
  });

  test("the log has one line for what is counted, none for what was, or ended before the ledger's birth", async () => {
    const ledger = openLedger(undefined);
    const { bench, says, saysSince, next } = await benchOf({ memory: async () => ledger });
    await using _ = bench;
    await bench.count("builds", 1);
    says("1", "2", "2");
    await next();
    saysSince(Date.now() - 3_600_000, "old");
    await next();
    says("2", "old", "3");
    await next();
    expect(bench.log.of("counted").map(({ level, keys }) => [level, keys.key])).toEqual([
      ["debug", "1"],
      ["debug", "2"],
      ["debug", "3"],
    ]);
    await ledger.close();
  });

  test("the ledger is not opened for a handler that reports no ended work", async () => {
    let opened = 0;
    await using bench = await startBench([planned("well", fixture("well.ts"))], {
      memory: async () => {
        opened += 1;
        return openLedger(undefined);
      },
    });
    await bench.count("well", 2);
    expect(opened).toBe(0);
  });

  test("it is opened for one that does: the control", async () => {
    let opened = 0;
    const { bench, says, next } = await benchOf({
      memory: async () => {
        opened += 1;
        return openLedger(undefined);
      },
    });
    await using _ = bench;
    await bench.count("builds", 1);
    says("1");
    await next();
    expect(opened).toBe(1);
  });
});

describe("with a database", () => {
  test("stored totals are shown before anything else of the handler, and zeros with them", async () => {
    const ledger = new FakeLedger();
    ledger.stored.set("a", { metric: "builds_total", labels: { place: "a" }, sum: 41 });
    let open = () => {};
    const gate = new Promise<void>((resolve) => {
      open = resolve;
    });
    const { bench, says, next } = await benchOf({
      ledger: async () => {
        await gate;
        return ledger;
      },
    });
    await using _ = bench;
    await settled();
    expect(bench.exposition().series("builds_total")).toEqual([]);
    open();
    await bench.count("builds", 1);
    expect(bench.value("builds_total", { place: "a" })).toBe(41);
    expect(bench.value("builds_total", { place: "b" })).toBe(0);
    ledger.stored.clear();
    ledger.stored.set('["builds_total",{"place":"a"}]', { metric: "builds_total", labels: { place: "a" }, sum: 41 });
    says("1");
    await next();
    expect(bench.value("builds_total", { place: "a" })).toBe(42);
    expect(bench.engine.state()[0]?.holder).toBe("here");
  });

  test("a handler that another replica holds is not run, shows nothing, says so once, and is asked for again", async () => {
    const ledger = new FakeLedger();
    ledger.take(true);
    const { bench, clock } = await benchOf({ ledger: async () => ledger });
    await using _ = bench;
    for (let poll = 0; poll < 3; poll += 1) {
      await settled();
      clock.advance(2000);
    }
    await settled();
    expect(bench.executions).toEqual([]);
    expect(bench.log.of("handler is leased by another replica").map(({ keys }) => keys)).toEqual([
      { handler: "builds" },
    ]);
    expect(bench.exposition().series("builds_total")).toEqual([]);
    expect(bench.value("worker_handler_execution_total", { handler: "builds", success: "true" })).toBe(0);
    expect(bench.engine.state()[0]?.holder).toBe("elsewhere");
    ledger.take(false);
    clock.advance(2000);
    await bench.count("builds", 1);
    expect(bench.value("depth")).toBe(1);
  });

  test("a lease that is lost while the handler sleeps takes its series away at once", async () => {
    const ledger = new FakeLedger();
    const { bench, clock } = await benchOf({ ledger: async () => ledger });
    await using _ = bench;
    await bench.count("builds", 1);
    await settled();
    expect(bench.value("depth")).toBe(1);
    ledger.take(true);
    clock.advance(500);
    expect(bench.exposition().series("depth")).toEqual([]);
    expect(bench.exposition().series("builds_total")).toEqual([]);
    expect(bench.log.of("handler has lost its lease").map(({ keys }) => keys)).toEqual([{ handler: "builds" }]);
  });

  test("a scrape that comes before that is noticed shows nothing either", async () => {
    const ledger = new FakeLedger();
    const { bench } = await benchOf({ ledger: async () => ledger });
    await using _ = bench;
    await bench.count("builds", 1);
    await settled();
    expect(bench.value("depth")).toBe(1);
    expect(bench.value("builds_total", { place: "a" })).toBe(0);
    ledger.take(true);
    expect(bench.exposition().series("depth")).toEqual([]);
    expect(bench.exposition().series("builds_total")).toEqual([]);
    expect(bench.registry.find("depth")?.read()).toEqual([]);
  });

  test("a lease that stands keeps them: the control", async () => {
    const { bench, clock } = await benchOf({ ledger: async () => new FakeLedger() });
    await using _ = bench;
    await bench.count("builds", 1);
    await settled();
    clock.advance(900);
    expect(bench.value("depth")).toBe(1);
  });

  test("a lease that is lost while the handler runs: nothing is recorded, the execution fails, the thread hears nothing", async () => {
    const ledger = new FakeLedger();
    const { bench, clock, says } = await benchOf({ ledger: async () => ledger });
    await using _ = bench;
    await bench.count("builds", 1);
    await settled();
    says("1");
    clock.advance(1000);
    // The lease is held now, and the thread was told to run.
    await settled();
    expect(bench.engine.state()[0]?.isRunning).toBe(true);
    ledger.take(true);
    const [, second] = await bench.count("builds", 2);
    expect(second).toMatchObject({ success: false });
    expect(second?.error).toMatch(/nothing was recorded$/);
    expect(ledger.counted).toEqual([]);
    expect(bench.exposition().series("depth")).toEqual([]);
  });

  test("a database that is away fails the executions, which say so, and nothing is lost", async () => {
    const ledger = new FakeLedger();
    const { bench, says, next } = await benchOf({ ledger: async () => ledger });
    await using _ = bench;
    await bench.count("builds", 1);
    says("1", "2");
    ledger.isAway = true;
    const failed = await next();
    expect(failed).toMatchObject({ success: false, error: "the database at db:5432 cannot be reached" });
    ledger.isAway = false;
    expect(await next()).toMatchObject({ success: true });
    expect(bench.value("builds_total", { place: "a" })).toBe(2);
    expect(ledger.counted).toEqual(["1", "2"]);
  });

  test("a database that cannot be opened fails them too, until it can", async () => {
    let attempts = 0;
    const { bench, next } = await benchOf({
      ledger: async () => {
        attempts += 1;
        if (attempts === 1) throw new Error("no database yet");
        return new FakeLedger();
      },
    });
    await using _ = bench;
    const [first] = await bench.count("builds", 1);
    expect(first).toMatchObject({ success: false, error: "no database yet" });
    expect(await next(2000)).toMatchObject({ success: true });
  });

  test("the leases are given back at the end", async () => {
    const ledger = new FakeLedger();
    const { bench } = await benchOf({ ledger: async () => ledger });
    {
      await using _ = bench;
      await bench.count("builds", 1);
      expect(ledger.released).toEqual([]);
    }
    expect(ledger.released).toEqual(["builds"]);
  });
});

test("ended work with a gauge, without a key or with a wrong date is refused", async () => {
  const file = join(folder, "wrong.ts");
  const sample = '{ metric: "depth", number: 1 }';
  const bodies = [
    `{ ended: [{ key: "a", createdMs: 1, endedMs: 1, samples: [${sample}] }] }`,
    '{ ended: [{ key: "", createdMs: 1, endedMs: 1, samples: [] }] }',
    '{ ended: [{ key: "a", createdMs: "1", endedMs: 1, samples: [] }] }',
    '{ ended: [{ key: "a", createdMs: 1, endedMs: NaN, samples: [] }] }',
    '{ ended: [{ key: "a", createdMs: 1, endedMs: 1, samples: [], line: { message: "x", keys: { a: 1 } } }] }',
    "{ ended: 1 }",
    "{ failures: [{ target: 1 }] }",
    '{ restUntilMs: "soon" }',
    "{ sample: [] }",
    "{ ended: Array.from({ length: 10001 }, () => ({})) }",
  ];
  writeFileSync(
    file,
    `${metrics} const bodies = [${bodies.map((body) => `() => (${body})`)}]; let turn = 0; export const ensure = () => bodies[turn++]();`,
  );
  await using bench = await startBench([planned("builds", file)]);
  const executions = await bench.count("builds", bodies.length);
  expect(executions.map(({ error }) => error)).toEqual([
    'ended[0].samples[0].metric must be no gauge: current value is "depth"',
    'ended[0].key must be text of 1 to 512 characters: current value is ""',
    'ended[0].createdMs must be Unix milliseconds: current value is "1"',
    "ended[0].endedMs must be Unix milliseconds: current value is NaN",
    "ended[0].line must be { message, keys }, all of it text: current value is an object",
    "ended must be a list: current value is 1",
    "failures[0] must be { target, reason }, both text: current value is an object",
    'restUntilMs must be Unix milliseconds: current value is "soon"',
    'a report must have no "sample": known are samples, ended, failures, restUntilMs',
    "ended must have at most 10000 entries: it has 10001",
  ]);
});
