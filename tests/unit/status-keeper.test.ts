/** The history survives restarts in a lasting ledger, and follows a handler from replica to replica. */
import { afterAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { maxStateChars, statusKeepMs, statusRemoteMs, statusSlotMs, statusSlots } from "../../src/base/limits.ts";
import { Secret } from "../../src/base/secret.ts";
import type { Ledger } from "../../src/ledger/ledger.ts";
import { openLedger } from "../../src/ledger/open.ts";
import type { Metrics } from "../../src/metrics/definition.ts";
import { History } from "../../src/status/history.ts";
import { decodeState, encodeState } from "../../src/status/state.ts";
import { ManualClock } from "../harness/clock.ts";
import { build as endedBuild } from "../harness/ledgers.ts";
import { StatusWorld } from "../harness/status.ts";

const folder = mkdtempSync(join(tmpdir(), "specta-status-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const health: Metrics = {
  http_endpoint_health: { kind: "gauge", help: "health", labels: { service: "*" } },
};
const builds: Metrics = {
  build_execution_total: { kind: "counter", help: "builds", labels: { repository: "*", success: ["true", "false"] } },
  build_execution_duration_seconds: {
    ...{ kind: "histogram", help: "durations", labels: { repository: "*", success: ["true", "false"] } },
    buckets: [30, 60, 90],
  },
};
const handlers = [
  { name: "endpoint", metrics: health },
  { name: "build", metrics: builds },
];

let files = 0;
function newFile(): string {
  files += 1;
  return join(folder, `${files}.db`);
}

/** A process on the ledger in that file. */
function begin(file: string, clock: ManualClock) {
  const ledger = openLedger(new Secret(`sqlite://${file}`), { bornMs: 0, now: () => clock.unixMs() });
  const world = new StatusWorld({ handlers, clock, ledger: { isConfigured: true, open: async () => ledger } });
  return { world, ledger };
}

/** Waits until what the status has begun with the ledger is done: it goes through the same queue. */
async function settled(ledger: Ledger): Promise<void> {
  for (let turns = 0; turns < 20; turns += 1) await ledger.loadState("nothing");
}

function see(world: StatusWorld, services: Readonly<Record<string, number>>): void {
  world.run("endpoint", { http_endpoint_health: services });
}

async function row(world: StatusWorld, name = "shop") {
  const { groups } = await world.json();
  return groups.flatMap(({ rows }) => rows).find((one) => one.name === name);
}

describe("a restart", () => {
  test("keeps the history, since when, and the last results", async () => {
    const file = newFile();
    const clock = new ManualClock();
    const first = begin(file, clock);
    first.world.holder("endpoint", "here");
    first.world.holder("build", "here");
    see(first.world, { shop: 0, lite: 1 });
    clock.advance(statusSlotMs);
    see(first.world, { shop: 1 });
    const sinceSeconds = clock.unixMs() / 1000;
    clock.advance(statusSlotMs);
    see(first.world, { shop: 1 });
    const endedMs = clock.unixMs() - 5000;
    await first.world.ended("build", [endedBuild("acme/shop/1", endedMs)]);
    first.world.run("build", {});
    const knownSince = (await first.world.json()).known_since_unix_seconds;
    await first.world.status.stop();
    await first.ledger.close();

    clock.advance(statusSlotMs);
    const second = begin(file, clock);
    await settled(second.ledger);
    const before = await second.world.json();
    expect(before).toMatchObject({ known_since_unix_seconds: knownSince, history_kept_in: "ledger" });
    expect(await row(second.world)).toMatchObject({
      state: "unknown",
      value: null,
      last_value: 1,
      healthy_ratio: 1 / 3,
    });
    expect(await row(second.world, "lite")).toMatchObject({ state: "gone" });
    expect(before.executions[0]?.rows[0]).toMatchObject({
      last_result: { success: true, ended_unix_seconds: endedMs / 1000 },
      succeeded: null,
    });

    second.world.holder("endpoint", "here");
    see(second.world, { shop: 1 });
    const after = await row(second.world);
    expect(after).toMatchObject({ state: "healthy", since_unix_seconds: sinceSeconds, since_is_at_least: false });
    expect(after?.history.slice(-3)).toEqual([0, 1, 1]);
    await second.world.status.stop();
    await second.ledger.close();
  });

  test("is lost without it: the control", async () => {
    const clock = new ManualClock();
    const first = new StatusWorld({ handlers, clock });
    see(first, { shop: 0 });
    await first.status.stop();
    clock.advance(statusSlotMs);
    const second = new StatusWorld({ handlers, clock });
    see(second, { shop: 0 });
    expect((await row(second))?.history.filter((value) => value !== null)).toEqual([0]);
    expect(await second.json()).toMatchObject({ history_kept_in: "memory" });
  });

  test("after a crash costs a minute at most", async () => {
    const file = newFile();
    const clock = new ManualClock();
    const first = begin(file, clock);
    first.world.holder("endpoint", "here");
    see(first.world, { shop: 0 });
    clock.advance(statusKeepMs);
    await settled(first.ledger);
    const second = begin(file, clock);
    await settled(second.ledger);
    expect((await row(second.world))?.history.at(-1)).toBe(0);
    await Promise.all([first.world.status.stop(), second.world.status.stop()]);
  });
});

describe("two replicas", () => {
  test("show the whole, whoever holds the handler, and the history goes where it goes", async () => {
    const file = newFile();
    const clock = new ManualClock();
    const [one, two] = [begin(file, clock), begin(file, clock)];
    one.world.holder("endpoint", "here");
    two.world.holder("endpoint", "elsewhere");
    see(one.world, { shop: 0 });
    clock.advance(statusKeepMs);
    await settled(one.ledger);
    clock.advance(statusKeepMs);
    await settled(two.ledger);
    expect(await row(one.world)).toMatchObject({ state: "unhealthy", value: 0, seen_by: "this replica" });
    expect(await row(two.world)).toMatchObject({
      ...{ state: "unhealthy", value: null, last_value: 0, seen_by: "another replica" },
    });
    expect((await two.world.json()).summary).toMatchObject({ text: "1 service unhealthy: shop" });
    expect(await two.world.page()).toContain("seen by another replica");

    one.world.drop("endpoint");
    one.world.holder("endpoint", "elsewhere");
    two.world.holder("endpoint", "here");
    see(two.world, { shop: 1 });
    await settled(two.ledger);
    expect(await row(two.world)).toMatchObject({ state: "healthy", value: 1, seen_by: "this replica" });
    clock.advance(statusKeepMs);
    await settled(two.ledger);
    clock.advance(statusKeepMs);
    await settled(one.ledger);
    expect(await row(one.world)).toMatchObject({ state: "healthy", value: null, seen_by: "another replica" });
    await Promise.all([one.world.status.stop(), two.world.status.stop()]);
  });

  test("what the other has kept is the present for a few minutes, and then unknown", async () => {
    const file = newFile();
    const clock = new ManualClock();
    const [one, two] = [begin(file, clock), begin(file, clock)];
    one.world.holder("endpoint", "here");
    two.world.holder("endpoint", "elsewhere");
    see(one.world, { shop: 1 });
    await one.world.status.stop();
    clock.advance(statusKeepMs);
    await settled(two.ledger);
    expect(await row(two.world)).toMatchObject({ state: "healthy" });
    clock.advance(statusRemoteMs);
    await settled(two.ledger);
    expect(await row(two.world)).toMatchObject({ state: "unknown", seen_by: "another replica" });
    await two.world.status.stop();
  });
});

describe("trouble with the ledger", () => {
  test.each([
    ["no JSON", "not json", "it must be JSON"],
    ["another version", '{"version":2}', "version"],
    ["half of it", '{"version":1,"saved_ms":1,"known_since_ms":1,"last_slot":1,"results":[]}', "tracks"],
  ])("garbage is said once and written over: %s", async (_, text, says) => {
    const file = newFile();
    const clock = new ManualClock();
    const writer = openLedger(new Secret(`sqlite://${file}`));
    await writer.saveState("status/endpoint", text);
    const { world, ledger } = begin(file, clock);
    await settled(ledger);
    clock.advance(statusKeepMs);
    await settled(ledger);
    const lines = world.log.of("kept status history is of no use");
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatchObject({ level: "warning", keys: { handler: "endpoint" } });
    expect(lines[0]!.keys.reason).toContain(says);
    world.holder("endpoint", "here");
    see(world, { shop: 1 });
    await world.status.stop();
    const kept = decodeState("endpoint", (await writer.loadState("status/endpoint"))!);
    expect(kept.tracks).toHaveLength(1);
    await writer.close();
  });

  test("a database that is away is said once, and once it is back the history is kept", async () => {
    const file = newFile();
    const clock = new ManualClock();
    const ledger = openLedger(new Secret(`sqlite://${file}`));
    let isAway = true;
    let asked = 0;
    const open = async () => {
      asked += 1;
      if (isAway) throw new Error("the database must answer");
      return ledger;
    };
    const world = new StatusWorld({ handlers, clock, ledger: { isConfigured: true, open } });
    world.holder("endpoint", "here");
    see(world, { shop: 1 });
    clock.advance(statusKeepMs);
    await settled(ledger);
    expect(asked).toBeGreaterThan(1);
    expect(world.log.of("status history could not be kept")).toHaveLength(1);
    expect(await row(world)).toMatchObject({ state: "healthy" });
    isAway = false;
    clock.advance(statusKeepMs);
    await settled(ledger);
    expect(await ledger.loadState("status/endpoint")).toContain("shop");
    await world.status.stop();
  });

  test("a database that hangs does not hold the end up", async () => {
    const clock = new ManualClock();
    const open = () => new Promise<Ledger>(() => undefined);
    const world = new StatusWorld({ handlers, clock, ledger: { isConfigured: true, open } });
    let hasStopped = false;
    const stopped = world.status.stop().then(() => {
      hasStopped = true;
    });
    await Bun.sleep(1);
    expect(hasStopped).toBe(false);
    clock.advance(2000);
    await stopped;
  });

  test("without a ledger that lasts none is opened", async () => {
    let asked = 0;
    const open = () => {
      asked += 1;
      return Promise.reject(new Error("nobody should ask"));
    };
    const clock = new ManualClock();
    const world = new StatusWorld({ handlers, clock, ledger: { isConfigured: false, open } });
    see(world, { shop: 1 });
    clock.advance(10 * statusKeepMs);
    await world.page();
    await world.status.stop();
    expect(asked).toBe(0);
  });
});

describe("the kept text", () => {
  function full(service: (index: number) => string, amount: number, slots = statusSlots) {
    const clock = new ManualClock();
    const history = new History(clock);
    for (let slot = 0; slot < slots; slot += 1) {
      for (let index = 0; index < amount; index += 1) {
        history.see("queue", "queue_depth", { queue: service(index) }, slot * 1.2345678 + index);
      }
      clock.advance(statusSlotMs);
    }
    return { clock, history };
  }

  test("comes back as it went, slots, numbers and labels", () => {
    const { clock, history } = full((index) => `q"${index}\n`, 3);
    const { tracks, lastSlot } = decodeState("queue", encodeState("queue", history, [], clock.unixMs()));
    const before = [...history.tracks()];
    expect(lastSlot).toBe(history.newestSlot);
    expect(tracks.map(({ slots: _, ...rest }) => rest)).toEqual(before.map(({ slots: _, ...rest }) => rest));
    for (const [index, { slots }] of tracks.entries()) {
      for (const [slot, value] of history.ordered(before[index]!).entries()) {
        if (Number.isNaN(value)) expect(slots[slot]).toBeNaN();
        else expect(Math.abs(slots[slot]! / value - 1)).toBeLessThan(1e-6);
      }
    }
  });

  test("holds what is the handler's own and nothing else", () => {
    const { clock, history } = full(String, 2);
    const results = [
      { handler: "queue", metric: "a_total", labels: {}, success: true, endedMs: 1 },
      { handler: "build", metric: "b_total", labels: {}, success: true, endedMs: 1 },
    ];
    const kept = decodeState("queue", encodeState("queue", history, results, clock.unixMs()));
    expect(kept.results.map(({ metric }) => metric)).toEqual(["a_total"]);
    expect(decodeState("other", encodeState("other", history, [], clock.unixMs())).tracks).toEqual([]);
  });

  test("is never longer than the ledger takes", () => {
    const { clock, history } = full((index) => `${index}-`.padEnd(4096, "long"), 1000, 2);
    const text = encodeState("queue", history, [], clock.unixMs());
    expect(text.length).toBeGreaterThan(maxStateChars * 0.9);
    expect(text.length).toBeLessThanOrEqual(maxStateChars);
    expect(decodeState("queue", text).tracks.length).toBeLessThan(1000);
  });

  test.each([
    ["too few slots", "287x1"],
    ["too many slots", "289x1"],
    ["a run without end", "288x1 1x1"],
    ["no number", "288xgreen"],
    ["infinity", "288xInfinity"],
    ["nothing", ""],
  ])("is refused with %s", (_, slots) => {
    const { clock, history } = full(String, 1);
    const text = encodeState("queue", history, [], clock.unixMs());
    const wrong = { ...JSON.parse(text) };
    wrong.tracks[0].slots = slots;
    expect(() => decodeState("queue", JSON.stringify(wrong))).toThrow("slots");
  });
});
