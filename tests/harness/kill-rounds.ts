/** Whole histories of kills: a daemon on SQLite or without a database, two replicas on PostgreSQL with Prometheus. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BuildStream, shown, total } from "./builds-stream.ts";
import {
  endLeasesOfDead,
  finalDifferences,
  type Increases,
  increases,
  type Kills,
  kill,
  moment,
  noKills,
  noteTakers,
} from "./kills.ts";
import { postgresPlace } from "./ledgers.ts";
import { startPostgres, superuserPassword } from "./postgres.ts";
import { Prometheus } from "./prometheus.ts";
import { Replica, Watch } from "./replicas.ts";

const pollMs = 20;
/** Of the replicas, in PostgreSQL. */
const roles = ["one", "two"] as const;

export interface RoundsOptions {
  readonly kills: number;
  readonly seed: number;
  /** Builds that end in a second; 25 when left out. */
  readonly perSecond?: number;
}

export interface Report {
  readonly kills: Kills;
  /** Executions that ended, and those that were counted. */
  readonly builds: number;
  readonly counted: number;
  /** Between what was counted and the truth, series by series. */
  readonly differences: readonly string[];
  readonly watch: Watch;
  readonly seconds: number;
}

export interface PostgresReport extends Report {
  readonly increases: Increases;
  /** Stops of PostgreSQL by `immediate`. */
  readonly stops: number;
}

/** Kills one daemon again and again that counts in one file. */
export async function killOnSqlite(options: RoundsOptions): Promise<Report> {
  const folder = mkdtempSync(join(tmpdir(), "specta-kill-"));
  try {
    return await killOne(options, { SPECTA_DATABASE_URL: `sqlite://${join(folder, "ledger.db")}` });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The same for one that counts in memory. What was counted is the total of its last life. */
export function killWithoutDatabase(options: RoundsOptions): Promise<Report> {
  return killOne(options, undefined);
}

async function killOne(
  { kills: amount, seed, perSecond }: RoundsOptions,
  database: Readonly<Record<string, string>> | undefined,
): Promise<Report> {
  await using stream = await BuildStream.start(seed);
  await using replica = await Replica.create(stream, database);
  const beganMs = performance.now();
  const kills = noKills();
  await born([replica]);
  const watch = new Watch([replica], stream);
  stream.flow(perSecond);
  // So that there is something to lose.
  while (total(await shown(replica.url)) === 0) await Bun.sleep(pollMs);
  for (let round = 0; round < amount; round += 1) {
    await moment(stream);
    if (round === amount - 1) await stream.dam();
    await kill(replica, watch, kills);
    // The last life is born in a later second than the last build.
    while (round === amount - 1 && Date.now() < stream.lastMs + 1000) await Bun.sleep(pollMs);
    void replica.start();
  }
  return await reportOf(stream, [replica], watch, kills, beganMs, database !== undefined);
}

/** Kills two replicas, now and then both at once, and stops PostgreSQL under them every fifteenth time. */
export async function killOnPostgres({ kills: amount, seed, perSecond }: RoundsOptions): Promise<PostgresReport> {
  const postgres = await startPostgres();
  try {
    const place = await postgresPlace(postgres);
    await using stream = await BuildStream.start(seed);
    const create = async (role: string) => {
      await place.run(`CREATE ROLE ${role} LOGIN SUPERUSER PASSWORD '${superuserPassword}'`);
      return Replica.create(stream, { SPECTA_DATABASE_URL: place.url?.replace("//specta:", `//${role}:`) });
    };
    await using one = await create(roles[0]);
    await using two = await create(roles[1]);
    const replicas = [one, two];
    const beganMs = performance.now();
    const kills = noKills();
    await born([one]);
    await noteTakers(place, roles[0]);
    await two.start();
    await using prometheus = await Prometheus.start({ targets: replicas.map(({ port }) => port) });
    const sinceMs = Date.now();
    const watch = new Watch(replicas, stream);
    stream.flow(perSecond);
    let done = 0;
    let stops = 0;
    while (done < amount) {
      await moment(stream);
      const isStop = Math.floor(done / 15) > stops - 1 && done % 15 >= 7;
      if (isStop) {
        await postgres.stop("immediate");
        await moment(stream);
      }
      const chance = stream.next();
      const holder = watch.holder ?? replicas[stream.next() < 0.5 ? 0 : 1]!;
      const victims = chance < 0.1 ? replicas : chance < 0.8 ? [holder] : replicas.filter((each) => each !== holder);
      for (const victim of victims) await kill(victim, watch, kills);
      done += victims.length;
      if (isStop) {
        await moment(stream);
        await postgres.start();
        stops += 1;
      }
      const dead = victims.map((replica) => ({ replica, role: roles[replicas.indexOf(replica)]! }));
      await endLeasesOfDead(place, dead, prometheus);
      // Half of the time the other one comes first.
      if (stream.next() < 0.5) await moment(stream);
      for (const victim of victims) void victim.start();
    }
    await stream.dam();
    const report = await reportOf(stream, replicas, watch, kills, beganMs, true);
    await prometheus.until(
      async () => (await prometheus.query("sum(build_execution_total)"))[0]?.values[0] === report.counted,
      "the last of the builds",
    );
    return { ...report, stops, increases: await increases(prometheus, sinceMs) };
  } finally {
    await postgres.remove();
  }
}

/** Starts them and waits until the ledger is there, born before the first build ends. */
async function born(replicas: readonly Replica[]): Promise<void> {
  await Promise.all(replicas.map((replica) => replica.start()));
  for (;;) {
    const all = await Promise.all(replicas.map(({ url }) => shown(url)));
    if (all.some((values) => values !== undefined)) return;
    await Bun.sleep(pollMs);
  }
}

async function reportOf(
  stream: BuildStream,
  replicas: readonly Replica[],
  watch: Watch,
  kills: Kills,
  beganMs: number,
  isWhole: boolean,
): Promise<Report> {
  // Without a database the truth never comes: it is enough that the last life has looked.
  const differences = await finalDifferences(replicas, stream, isWhole);
  const all = await Promise.all(replicas.map(({ url }) => shown(url)));
  await watch.end();
  return {
    kills,
    builds: stream.executions(),
    counted: all.reduce((sum, values) => sum + total(values), 0),
    differences,
    watch,
    seconds: (performance.now() - beganMs) / 1000,
  };
}

/** A report in one line for people. */
export function told(where: string, report: Report | PostgresReport): string {
  const { kills, builds, counted, watch, seconds } = report;
  const amount = kills.starting + kills.holding + kills.waiting;
  const parts = [
    `${where}: ${amount} kills in ${seconds.toFixed(0)} s (${kills.starting} starting, ${kills.holding} holding, ${kills.waiting} waiting)`,
    `${builds} builds ended, ${counted} counted`,
    `${watch.withBuilds} scrapes with builds, ${watch.falls.length} values lower than before, ${watch.doubles.length} shown by two`,
  ];
  if ("increases" in report) {
    const { samples, falls, last, ofSum, ofMax, ofEach } = report.increases;
    parts.push(
      `${report.stops} stops of PostgreSQL`,
      `Prometheus: ${samples} samples of the sum, ${falls} lower than before, the last ${last}`,
      `increase of the sum ${ofSum.toFixed(1)}, of the highest ${ofMax.toFixed(1)}, of each replica added up ${ofEach.toFixed(1)}`,
    );
  }
  return parts.join("; ");
}
