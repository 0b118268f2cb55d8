/** Builds are counted once whatever is killed: the compiled binary on SQLite, and two replicas on a real PostgreSQL. */
import { expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { compiled } from "../harness/build.ts";
import { BuildStream, config, shown, type Tally } from "../harness/builds-stream.ts";
import { type Daemon, startDaemon } from "../harness/daemon.ts";
import { startPostgres } from "../harness/postgres.ts";
import { Prometheus } from "../harness/prometheus.ts";
import { freePort } from "../harness/readme.ts";
import { testWith } from "../harness/tools.ts";

const kills = 30;
const maxLifeMs = 350;
/** Between two kills of replicas: a lease lasts 10 s, so that some kills meet a holder and some a replica that waits. */
const replicaPauseMs = 4000;
const pollMs = 50;

/** Asks until the daemons together show the truth. The test's own time limit ends a wait in vain. */
async function showsTruth(stream: BuildStream, ...daemons: Daemon[]): Promise<void> {
  for (;;) {
    const sum = await total(daemons);
    if (sum.executions === stream.truth.executions && sum.seconds === stream.truth.seconds) return;
    expect(sum.executions).toBeLessThanOrEqual(stream.truth.executions);
    await Bun.sleep(pollMs);
  }
}

async function total(daemons: readonly Daemon[]): Promise<Tally> {
  const all = await Promise.all(daemons.map(shown));
  return all.reduce<Tally>(
    (sum, one) => ({
      executions: sum.executions + (one?.executions ?? 0),
      seconds: sum.seconds + (one?.seconds ?? 0),
    }),
    { executions: 0, seconds: 0 },
  );
}

/** Starts and kills a daemon again and again while builds end. Returns what each showed first and last. */
async function killAgainAndAgain(stream: BuildStream, variables: Record<string, string>, times: number) {
  const seen: Tally[] = [];
  for (let round = 0; round < times; round += 1) {
    const daemon = await startDaemon({ binary: compiled(), config, env: { ...stream.variables, ...variables } });
    const first = await shown(daemon);
    if (first !== undefined) seen.push(first);
    await Bun.sleep(stream.next() * maxLifeMs);
    const last = await shown(daemon);
    if (last !== undefined) seen.push(last);
    await daemon.kill();
  }
  return seen;
}

test("a daemon that is killed 30 times counts every build once in its SQLite file, and never shows less", async () => {
  const folder = mkdtempSync(join(tmpdir(), "specta-kill-"));
  const variables = { SPECTA_DATABASE_URL: `sqlite://${folder}/ledger.db` };
  await using stream = await BuildStream.start(1);
  try {
    // Born before the first build ends.
    const born = await startDaemon({ binary: compiled(), config, env: { ...stream.variables, ...variables } });
    while ((await shown(born)) === undefined) await Bun.sleep(pollMs);
    await born.kill();
    stream.flow();
    const seen = await killAgainAndAgain(stream, variables, kills);
    for (let index = 1; index < seen.length; index += 1) {
      expect(seen[index]!.executions).toBeGreaterThanOrEqual(seen[index - 1]!.executions);
    }
    stream.dam();
    await using last = await startDaemon({ binary: compiled(), config, env: { ...stream.variables, ...variables } });
    await showsTruth(stream, last);
    // Nothing comes twice when everything is looked at once more.
    const before = stream.github.requests.length;
    while (stream.github.requests.length < before + 3) await Bun.sleep(pollMs);
    expect(await shown(last)).toEqual(stream.truth);
    expect(stream.truth.executions).toBeGreaterThan(kills);
    console.log(`${kills} kills on SQLite: ${stream.truth.executions} builds ended, as many were counted`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}, 120_000);

test("the control: without a ledger that lasts, the same kills lose builds", async () => {
  await using stream = await BuildStream.start(2);
  const born = await startDaemon({ binary: compiled(), config, env: stream.variables });
  await born.kill();
  stream.end();
  // The ledger of the next process is born in a later second.
  while (Math.floor(Date.now() / 1000) * 1000 <= stream.github.runs.get("shop")![0]!.attempts[0]!.endedMs) {
    await Bun.sleep(pollMs);
  }
  await using daemon = await startDaemon({ binary: compiled(), config, env: stream.variables });
  while (stream.github.requests.length < 3) await Bun.sleep(pollMs);
  stream.end();
  while ((await shown(daemon))?.executions !== 1) await Bun.sleep(pollMs);
  expect(stream.truth.executions).toBe(2);
}, 60_000);

test("the control: two replicas without a shared ledger count every build twice", async () => {
  await using stream = await BuildStream.start(3);
  const options = { binary: compiled(), config, env: stream.variables };
  await using one = await startDaemon(options);
  await using two = await startDaemon(options);
  stream.end();
  while ((await total([one, two])).executions < 2) await Bun.sleep(pollMs);
  expect(stream.truth.executions).toBe(1);
}, 60_000);

testWith(
  ["prometheus", "postgres"],
  "two replicas that are killed 30 times, and PostgreSQL with them, count every build once, and Prometheus sees it so",
  async () => {
    const postgres = await startPostgres();
    await using stream = await BuildStream.start(4);
    const url = await postgres.create();
    const ports = [await freePort(), await freePort()];
    const start = (replica: number) =>
      startDaemon({
        binary: compiled(),
        config,
        env: { ...stream.variables, SPECTA_DATABASE_URL: url, SPECTA_HTTP_PORT: String(ports[replica]) },
      });
    const replicas = [await start(0), await start(1)];
    try {
      await using prometheus = await Prometheus.start({ targets: ports }, 1);
      while ((await total(replicas)).executions === 0) {
        if (stream.truth.executions === 0 && (await Promise.all(replicas.map(shown))).some(Boolean)) stream.end();
        await Bun.sleep(pollMs);
      }
      const beganMs = Date.now();
      stream.flow();
      for (let kill = 0; kill < kills; kill += 1) {
        const victim = stream.next() < 0.5 ? 0 : 1;
        await replicas[victim]!.kill();
        if (kill === 10) await postgres.stop("immediate");
        replicas[victim] = await start(victim);
        if (kill === 10) await postgres.start();
        await Bun.sleep(stream.next() * replicaPauseMs);
        expect((await total(replicas)).executions).toBeLessThanOrEqual(stream.truth.executions);
      }
      stream.dam();
      await showsTruth(stream, ...replicas);
      const holders = (await Promise.all(replicas.map(shown))).filter((one) => one !== undefined);
      expect(holders).toHaveLength(1);

      const sum = "sum(build_execution_total)";
      await prometheus.until(
        async () => (await prometheus.query(sum))[0]?.values[0] === stream.truth.executions,
        "the truth",
      );
      const seconds = Math.ceil((Date.now() - beganMs) / 1000);
      const [range] = await prometheus.range(sum, seconds, 1);
      const values = range?.values ?? [];
      for (let index = 1; index < values.length; index += 1) {
        expect(values[index]!).toBeGreaterThanOrEqual(values[index - 1]!);
      }
      const [increase] = await prometheus.query(`sum(increase(build_execution_total[${seconds + 5}s]))`);
      console.log(
        `${kills} kills of 2 replicas in ${seconds} s: ${stream.truth.executions} builds ended, as many were counted; ` +
          `${values.length} values of the sum, none lower than one before; increase ${increase?.values[0]?.toFixed(1)}`,
      );
    } finally {
      await Promise.all(replicas.map((daemon) => daemon.kill()));
      await postgres.remove();
    }
  },
  240_000,
);
