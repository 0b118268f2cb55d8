import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import type { Ledger, Total } from "../../src/ledger/ledger.ts";
import { LeaseLost, LedgerFault } from "../../src/ledger/ledger.ts";
import type { LedgerOptions } from "../../src/ledger/open.ts";
import type { Metrics } from "../../src/metrics/definition.ts";
import {
  batch,
  build,
  dayMs,
  held,
  memoryPlace,
  metrics,
  type Place,
  postgresPlace,
  sqlitePlace,
  startMs,
} from "../harness/ledgers.ts";
import { type Postgres, startPostgres } from "../harness/postgres.ts";

let postgres: Postgres;
beforeAll(async () => {
  postgres = await startPostgres();
});
afterAll(() => postgres.remove());

const places: readonly (readonly [Ledger["kind"], () => Place | Promise<Place>])[] = [
  ["memory", memoryPlace],
  ["sqlite", sqlitePlace],
  ["postgres", () => postgresPlace(postgres)],
];

const labels = { repository: "shop", success: "true" };

function counter(totals: readonly Total[]): number {
  return totals.filter(({ metric }) => metric === "build_execution_total").reduce((all, { sum }) => all + sum, 0);
}

describe.each(places)("a %s ledger", (kind, makePlace) => {
  let place: Place;
  const opened: Ledger[] = [];
  const open = (options: LedgerOptions = {}): Ledger => {
    const ledger = place.open({ now: () => startMs, ...options });
    opened.push(ledger);
    return ledger;
  };
  beforeEach(async () => {
    place = await makePlace();
  });
  afterEach(async () => {
    await Promise.all(opened.splice(0).map((ledger) => ledger.close()));
    await place.remove();
  });

  test("counts what ended once, however often it is reported", async () => {
    const ledger = open();
    const lease = await held(ledger);
    const first = await ledger.record(
      lease,
      batch([build("a", startMs + 1), build("b", startMs + 2, { seconds: 75.5 })]),
    );
    expect(first).toEqual({
      totals: [
        { metric: "build_execution_duration_seconds", labels, sum: 120.5, buckets: [0, 1, 1, 0] },
        { metric: "build_execution_total", labels, sum: 2 },
      ],
      counted: ["a", "b"],
      dropped: {},
    });
    const again = await ledger.record(
      lease,
      batch([build("a", startMs + 1), build("b", startMs + 2), build("c", startMs + 3, { seconds: 9000 })]),
    );
    expect(again.counted).toEqual(["c"]);
    expect(again.totals).toEqual([
      { metric: "build_execution_duration_seconds", labels, sum: 9120.5, buckets: [0, 1, 1, 1] },
      { metric: "build_execution_total", labels, sum: 3 },
    ]);
    expect(await ledger.totals(lease, metrics)).toEqual(again.totals);
  });

  test("counts a key that stands twice in one batch once", async () => {
    const ledger = open();
    const { counted, totals } = await ledger.record(
      await held(ledger),
      batch([build("a", startMs + 1), build("a", startMs + 2)]),
    );
    expect(counted).toEqual(["a"]);
    expect(counter(totals)).toBe(1);
  });

  test("keeps equal keys of two handlers apart", async () => {
    const ledger = open();
    await ledger.record(await held(ledger, "build"), batch([build("a", startMs + 1)]));
    const { totals } = await ledger.record(await held(ledger, "deployment"), batch([build("a", startMs + 1)]));
    expect(counter(totals)).toBe(1);
  });

  test("leaves uncounted what ended before its birth, though the end moves later", async () => {
    const ledger = open();
    const lease = await held(ledger);
    const before = await ledger.record(lease, batch([build("old", startMs - 1), build("edge", startMs)]));
    expect(before.counted).toEqual(["edge"]);
    const moved = await ledger.record(lease, batch([build("old", startMs + 5000)]));
    expect(moved.counted).toEqual([]);
    expect(counter(moved.totals)).toBe(1);
    // The control: one that was not there at the first look counts with the same end.
    expect((await ledger.record(lease, batch([build("new", startMs + 5000)]))).counted).toEqual(["new"]);
  });

  test("counts dates ahead of our clock", async () => {
    const ledger = open();
    const { counted } = await ledger.record(await held(ledger), batch([build("a", startMs + 3 * 365 * dayMs)]));
    expect(counted).toEqual(["a"]);
  });

  test("records nothing of a batch that has a bad sample", async () => {
    const ledger = open();
    const lease = await held(ledger);
    const good = build("good", startMs + 1);
    const bad: readonly (readonly [string, number])[] = [
      ["build_execution_total", Number.NaN],
      ["build_execution_total", -1],
      ["build_execution_duration_seconds", Number.POSITIVE_INFINITY],
      ["nobody_declared_this", 1],
      ["a_gauge", 1],
    ];
    const withGauge: Metrics = { ...metrics, a_gauge: { kind: "gauge", help: "a gauge" } };
    for (const [metric, number] of bad) {
      const ended = build("bad", startMs + 2, { samples: [{ metric, number }] });
      await expect(ledger.record(lease, batch([good, ended], { metrics: withGauge }))).rejects.toThrow(TypeError);
    }
    for (const ended of [
      build("", startMs),
      build("k".repeat(513), startMs),
      build("a\0b", startMs),
      build("k", Number.NaN),
      build("k", startMs, { createdMs: 0.5 }),
    ]) {
      await expect(ledger.record(lease, batch([good, ended]))).rejects.toThrow(TypeError);
    }
    expect(await ledger.totals(lease, metrics)).toEqual([]);
    expect((await ledger.record(lease, batch([good]))).counted).toEqual(["good"]);
  });

  test("takes every text as a key, label or state", async () => {
    const ledger = open();
    const lease = await held(ledger);
    const odd = `'";-- \\u0000 ${"\u{1f680}"} ü \n {"a":1} $1 ?`;
    const samples = [{ metric: "build_execution_total", labels: { repository: odd, success: "true" }, number: 0.1 }];
    const ended = [build(odd, startMs, { samples }), build("__proto__", startMs, { samples })];
    const { counted, totals } = await ledger.record(lease, batch(ended));
    expect(counted.toSorted()).toEqual([odd, "__proto__"].toSorted());
    expect(totals).toEqual([
      { metric: "build_execution_total", labels: { repository: odd, success: "true" }, sum: 0.2 },
    ]);
    expect((await ledger.record(lease, batch(ended))).counted).toEqual([]);
    await ledger.saveState(odd, odd);
    expect(await ledger.loadState(odd)).toBe(odd);
  });

  test("keeps sums to the last bit", async () => {
    const ledger = open();
    const lease = await held(ledger);
    let sum = 0;
    for (const number of [0.1, 0.2, 1 / 3, 1e-300, 3_000_000_000, 2 ** 53, 1e22, 1.7e300]) {
      sum += number;
      const samples = [{ metric: "build_execution_total", labels, number }];
      const { totals } = await ledger.record(lease, batch([build(`n${number}`, startMs, { samples })]));
      expect(totals[0]?.sum).toBe(sum);
      expect((await ledger.totals(lease, metrics))[0]?.sum).toBe(sum);
    }
  });

  test("shows observations of other bucket bounds in the smallest bucket that is sure to hold them", async () => {
    const ledger = open();
    const lease = await held(ledger);
    const observe = (key: string, seconds: number, buckets: readonly number[]) =>
      ledger.record(
        lease,
        batch([build(key, startMs, { seconds })], {
          metrics: {
            ...metrics,
            build_execution_duration_seconds: {
              kind: "histogram",
              help: "",
              labels: { repository: "*", success: "*" },
              buckets,
            },
          },
        }),
      );
    const histogram = async (recorded: ReturnType<typeof observe>) =>
      (await recorded).totals.find(({ metric }) => metric === "build_execution_duration_seconds");
    await observe("a", 20, [30, 60, 90]);
    await observe("b", 50, [30, 60, 90]);
    await observe("c", 500, [30, 60, 90]);
    // 20 was stored under 30, so it is known to be at most 45; 50 under 60, so 60 is the first that surely holds it.
    expect(await histogram(observe("d", 10, [15, 45, 60]))).toEqual({
      metric: "build_execution_duration_seconds",
      labels,
      sum: 580,
      buckets: [1, 1, 1, 1],
    });
    // Nothing was forgotten on the way back.
    expect((await histogram(observe("e", 70, [30, 60, 90])))?.buckets).toEqual([2, 1, 1, 1]);
  });

  test("shows only totals that the metrics declare, and forgets none", async () => {
    const ledger = open();
    const lease = await held(ledger);
    const { totals } = await ledger.record(lease, batch([build("a", startMs)]));
    expect(totals).toHaveLength(2);
    const { build_execution_total: total, build_execution_duration_seconds: duration } = metrics;
    const without: readonly Metrics[] = [
      {},
      { build_execution_total: { ...total!, labels: { repository: ["other"], success: ["true"] } } },
      { build_execution_total: { ...total!, labels: { repository: "*" } } },
      { build_execution_total: { ...duration!, buckets: [1] } },
    ];
    for (const declared of without) expect(await ledger.totals(lease, declared)).toEqual([]);
    expect(await ledger.totals(lease, metrics)).toEqual(totals);
  });

  test("drops samples of series beyond the bound, and says how many of which metric", async () => {
    const ledger = open();
    const lease = await held(ledger);
    const of = (repository: string) => [{ metric: "build_execution_total", labels: { repository }, number: 1 }];
    const ended = ["a", "b", "c", "d", "c"].map((name, index) => build(`${index}`, startMs, { samples: of(name) }));
    const { totals, dropped } = await ledger.record(lease, batch(ended, { maxSeries: 2 }));
    expect(totals.map((total) => total.labels)).toEqual([{ repository: "a" }, { repository: "b" }]);
    expect(dropped).toEqual({ build_execution_total: 3 });
    const known = await ledger.record(lease, batch([build("5", startMs, { samples: of("a") })], { maxSeries: 2 }));
    expect(known.dropped).toEqual({});
    expect(counter(known.totals)).toBe(3);
  });

  test("prunes what no listing returns, and neither loses nor repeats a count by it", async () => {
    let nowMs = startMs;
    const ledger = open({ now: () => nowMs });
    const lease = await held(ledger);
    const all = Array.from({ length: 40 }, (_, day) => build(`day ${day}`, startMs + day * dayMs));
    for (const [day, ended] of all.entries()) {
      nowMs = startMs + day * dayMs;
      await ledger.record(lease, batch([ended]));
    }
    if (kind !== "memory") {
      const rows = await place.run("SELECT key FROM specta_ended ORDER BY created_ms");
      // Two lookbacks and a day before the newest, which was the last to be recorded.
      expect(rows.map(({ key }) => key)).toEqual(["day 37", "day 38", "day 39"]);
    }
    // The lookback has grown: all are listed again.
    const { totals, counted } = await ledger.record(lease, batch(all, { lookbackMs: 60 * dayMs }));
    expect(counted).toEqual([]);
    expect(counter(totals)).toBe(40);
  });

  test("counts what was running while our clock was a year ahead", async () => {
    let nowMs = startMs;
    const ledger = open({ now: () => nowMs });
    const lease = await held(ledger);
    const short = build("short", startMs + 120_000, { createdMs: startMs + 100_000 });
    const long = build("long", startMs + 200_000, { createdMs: startMs + 50_000 });
    nowMs = startMs + 365 * dayMs;
    await ledger.record(lease, batch([short]));
    await ledger.record(lease, batch([]));
    nowMs = startMs + 210_000;
    const { totals } = await ledger.record(lease, batch([short, long]));
    expect(counter(totals)).toBe(2);
  });

  test("keeps states by name, the last write, up to a bound", async () => {
    const ledger = open();
    expect(await ledger.loadState("history")).toBeUndefined();
    await ledger.saveState("history", "one");
    await ledger.saveState("history", "two");
    await ledger.saveState("other", "");
    expect(await ledger.loadState("history")).toBe("two");
    expect(await ledger.loadState("other")).toBe("");
    await expect(ledger.saveState("history", "x".repeat(4 * 1024 * 1024 + 1))).rejects.toThrow(
      /length of state history/,
    );
    expect(await ledger.loadState("history")).toBe("two");
  });

  test("records concurrently without mixing transactions up", async () => {
    const ledger = open();
    const names = ["a", "b", "c", "d", "e", "f"];
    const rounds = names.flatMap((handler) => Array.from({ length: 5 }, (_, round) => ({ handler, round })));
    const refused = build("k", startMs, { samples: [{ metric: "nobody_declared_this", number: 1 }] });
    await Promise.all(
      rounds.map(async ({ handler, round }) => {
        const lease = await held(ledger, handler);
        await ledger.record(lease, batch([build(`${round}`, startMs)]));
        await expect(ledger.record(lease, batch([build(`lost ${round}`, startMs), refused]))).rejects.toThrow(
          TypeError,
        );
      }),
    );
    for (const handler of names) expect(counter(await ledger.totals(await held(ledger, handler), metrics))).toBe(5);
  });

  if (kind === "memory") {
    test("forgets everything at its end", async () => {
      const first = open();
      await first.record(await held(first), batch([build("a", startMs)]));
      await first.close();
      const second = open();
      expect(second.lasting).toBe(false);
      expect(await second.totals(await held(second), metrics)).toEqual([]);
    });
    return;
  }

  test("survives a restart, with its birth, and counts what ended meanwhile", async () => {
    const first = open();
    expect(first.lasting).toBe(true);
    await first.record(await held(first), batch([build("a", startMs), build("early", startMs - 5)]));
    await first.saveState("history", "kept");
    await first.close();
    const second = open({ now: () => startMs + dayMs });
    const { totals, counted } = await second.record(
      await held(second),
      batch([build("a", startMs), build("early", startMs - 5), build("while down", startMs + 7)]),
    );
    expect(counted).toEqual(["while down"]);
    expect(counter(totals)).toBe(2);
    expect(await second.loadState("history")).toBe("kept");
  });

  test("is born when it is opened, not when its database is first reached", async () => {
    let nowMs = startMs;
    const ledger = open({ now: () => nowMs });
    nowMs = startMs + 60_000;
    const { counted } = await ledger.record(await held(ledger), batch([build("a", startMs + 30_000)]));
    expect(counted).toEqual(["a"]);
  });

  test("counts pruned ones again without the floor: the control", async () => {
    const all = [build("first", startMs), build("last", startMs + 10 * dayMs)];
    const pruning = open({ bornMs: startMs, now: () => startMs + 10 * dayMs });
    expect(counter((await pruning.record(await held(pruning), batch(all))).totals)).toBe(2);
    expect((await pruning.record(await held(pruning), batch(all))).counted).toEqual([]);
    await place.run("DELETE FROM specta_floors");
    expect((await pruning.record(await held(pruning), batch(all))).counted).toEqual(["first"]);
  });

  test("is made once by ten that start at the same time", async () => {
    const ten = Array.from({ length: 10 }, (_, index) => open({ bornMs: startMs + index }));
    await Promise.all(ten.map((ledger) => ledger.loadState("history")));
    expect(await place.run("SELECT version, born_ms FROM specta_ledger")).toHaveLength(1);
  });

  test("is refused when a newer specta made its schema", async () => {
    const first = open();
    await first.loadState("history");
    await place.run("UPDATE specta_ledger SET version = 7");
    const second = open();
    const refused = second.hold("build");
    await expect(refused).rejects.toThrow(LedgerFault);
    await expect(refused).rejects.toThrow(/must have schema 1 or older for this specta: current value is 7/);
    await place.run("UPDATE specta_ledger SET version = 1");
    expect(await second.loadState("history")).toBeUndefined();
  });

  test("goes on after its tables were dropped, from nothing", async () => {
    const ledger = open();
    const lease = await held(ledger);
    await ledger.record(lease, batch([build("a", startMs)]));
    for (const table of ["ledger", "ended", "floors", "totals", "states", ...(kind === "postgres" ? ["leases"] : [])]) {
      await place.run(`DROP TABLE specta_${table}`);
    }
    await expect(ledger.record(lease, batch([build("a", startMs)]))).rejects.toThrow(LedgerFault);
    // A lease of the ledger that is gone is none in the new one.
    if (kind === "postgres") await expect(ledger.record(lease, batch([]))).rejects.toThrow(LeaseLost);
    const { totals } = await ledger.record(await held(ledger), batch([build("a", startMs), build("b", startMs)]));
    expect(counter(totals)).toBe(2);
  });
});
