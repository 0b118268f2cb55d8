/** Builds are counted once whatever is killed: the compiled binary on SQLite, and two replicas on a real PostgreSQL. */
import { expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BuildStream, shown, total } from "../harness/builds-stream.ts";
import { killOnPostgres, killOnSqlite, killWithoutDatabase, told } from "../harness/kill-rounds.ts";
import { finalDifferences, increases } from "../harness/kills.ts";
import { postgresPlace } from "../harness/ledgers.ts";
import { startPostgres } from "../harness/postgres.ts";
import { Prometheus } from "../harness/prometheus.ts";
import { Replica, Watch } from "../harness/replicas.ts";
import { testWith } from "../harness/tools.ts";

const kills = 30;
const pollMs = 20;
const hourMs = 3_600_000;

test("a daemon that is killed 30 times counts every build once in its SQLite file, and no scrape shows less than one before", async () => {
  const report = await killOnSqlite({ kills, seed: 1 });
  console.log(told("SQLite", report));
  expect(report.differences).toEqual([]);
  expect(report.watch.falls).toEqual([]);
  expect(report.watch.excesses).toEqual([]);
  expect(report.watch.withBuilds).toBeGreaterThan(kills);
  expect(report.builds).toBeGreaterThan(kills);
}, 120_000);

test("the control: without a database the same kills lose builds, and scrapes show less than before", async () => {
  const report = await killWithoutDatabase({ kills: 6, seed: 1 });
  console.log(told("memory", report));
  expect(report.counted).toBeLessThan(report.builds);
  expect(report.differences).not.toEqual([]);
  expect(report.watch.falls).not.toEqual([]);
}, 60_000);

testWith(
  ["prometheus", "postgres"],
  "two replicas that are killed 30 times, and PostgreSQL with them, count every build once, and Prometheus sees it so",
  async () => {
    const report = await killOnPostgres({ kills, seed: 4 });
    console.log(told("PostgreSQL", report));
    expect(report.differences).toEqual([]);
    expect(report.watch.falls).toEqual([]);
    expect(report.watch.excesses).toEqual([]);
    expect(report.watch.doubles).toEqual([]);
    expect(report.kills.holding).toBeGreaterThan(kills / 3);
    const { increases, builds } = report;
    expect(increases).toMatchObject({ falls: 0, first: 0, last: builds });
    for (const increase of [increases.ofSum, increases.ofMax]) {
      expect(increase).toBeWithin(builds * 0.999, builds * increases.maxFactor);
    }
  },
  180_000,
);

testWith(
  ["prometheus", "postgres"],
  "the control: what each replica's own series grew by, added up, counts a hand-over and back twice",
  async () => {
    const postgres = await startPostgres();
    await using stream = await BuildStream.start(7);
    try {
      const database = { SPECTA_DATABASE_URL: await postgres.create() };
      await using one = await Replica.create(stream, database);
      await using two = await Replica.create(stream, database);
      await one.start();
      while ((await shown(one.url)) === undefined) await Bun.sleep(pollMs);
      await two.start();
      await using prometheus = await Prometheus.start({ targets: [one.port, two.port] });
      const sinceMs = Date.now();
      const counts = async (replica: Replica) => {
        for (let build = 0; build < 100; build += 1) stream.end();
        await stream.dam();
        const series = `sum(build_execution_total{instance="127.0.0.1:${replica.port}"})`;
        const truth = stream.executions();
        await prometheus.until(async () => (await prometheus.query(series))[0]?.values[0] === truth, "all builds");
      };
      const handOver = async (from: Replica, to: Replica) => {
        await from.daemon.stop();
        while ((await shown(to.url)) === undefined) await Bun.sleep(pollMs);
        const series = `build_execution_total{instance="127.0.0.1:${to.port}"}`;
        await prometheus.until(async () => (await prometheus.query(series)).length > 0, "the other one's builds");
      };
      await counts(one);
      await handOver(one, two);
      await counts(two);
      await one.start();
      await handOver(two, one);
      await counts(one);
      const { ofMax, ofEach, maxFactor } = await increases(prometheus, sinceMs);
      const builds = stream.executions();
      console.log(`${builds} builds ended: increase of the highest ${ofMax.toFixed(1)}, of each ${ofEach.toFixed(1)}`);
      expect(ofMax).toBeWithin(builds * 0.999, builds * maxFactor);
      expect(ofEach).toBeGreaterThan(builds * maxFactor);
    } finally {
      await postgres.remove();
    }
  },
  60_000,
);

testWith(
  ["postgres"],
  "the control: a lease that is ended under a living holder lets two show builds at once, and still none counts twice",
  async () => {
    const postgres = await startPostgres();
    await using stream = await BuildStream.start(8);
    try {
      const place = await postgresPlace(postgres);
      const database = { SPECTA_DATABASE_URL: place.url };
      await using one = await Replica.create(stream, database);
      await using two = await Replica.create(stream, database);
      await one.start();
      while ((await shown(one.url)) === undefined) await Bun.sleep(pollMs);
      await two.start();
      const watch = new Watch([one, two], stream);
      stream.flow();
      while (watch.doubles.length === 0) {
        await place.run("UPDATE specta_leases SET expires_at = now() - interval '1 second'");
        await Bun.sleep(pollMs);
      }
      await stream.dam();
      expect(await finalDifferences([one, two], stream)).toEqual([]);
      // What the two show may differ for as long as both believe that they hold it; too much is in neither.
      expect((await watch.end()).excesses).toEqual([]);
    } finally {
      await postgres.remove();
    }
  },
  60_000,
);

test("the control: two replicas without a shared ledger count every build twice", async () => {
  await using stream = await BuildStream.start(3);
  await using one = await Replica.create(stream);
  await using two = await Replica.create(stream);
  const replicas = [one, two];
  await Promise.all(replicas.map((replica) => replica.start()));
  const watch = new Watch(replicas, stream);
  for (let build = 0; build < 20; build += 1) stream.end();
  const sum = async () =>
    (await Promise.all(replicas.map(({ url }) => shown(url)))).reduce((all, x) => all + total(x), 0);
  await stream.dam();
  while ((await sum()) < 2 * stream.executions() || watch.doubles.length === 0) await Bun.sleep(pollMs);
  await watch.end();
  expect(stream.executions()).toBeGreaterThan(0);
}, 60_000);

test("what ended while specta was down is counted, as far back as lookback; what ended before the birth is not", async () => {
  const folder = mkdtempSync(join(tmpdir(), "specta-down-"));
  await using stream = await BuildStream.start(5);
  const uncounted = (id: number, startedMs: number, endedMs: number) => {
    const attempts = [{ startedMs, endedMs, conclusion: "success" }];
    stream.github.add("shop", { id, name: "ci", path: "ci.yaml", createdMs: startedMs, visibleMs: 0, attempts });
  };
  try {
    await using replica = await Replica.create(stream, { SPECTA_DATABASE_URL: `sqlite://${folder}/ledger.db` });
    uncounted(9001, Date.now() - 2 * hourMs, Date.now() - 2000);
    await replica.start();
    while ((await shown(replica.url)) === undefined) await Bun.sleep(pollMs);
    await replica.kill();

    for (let build = 0; build < 50; build += 1) stream.end();
    stream.end({ takesMs: 23 * hourMs });
    uncounted(9002, Date.now() - 26 * hourMs, Date.now());
    await stream.dam();
    await replica.start();
    expect(await finalDifferences([replica], stream)).toEqual([]);
    // The control: a ledger of a later birth counts none of them.
    const late = await Replica.create(stream, { SPECTA_DATABASE_URL: `sqlite://${folder}/late.db` });
    await using _ = late;
    while (Date.now() < stream.lastMs + 1000) await Bun.sleep(pollMs);
    await late.start();
    while ((await shown(late.url)) === undefined) await Bun.sleep(pollMs);
    stream.end({ attempts: 1 });
    while (total(await shown(late.url)) === 0) await Bun.sleep(pollMs);
    expect(total(await shown(late.url))).toBe(1);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}, 60_000);
