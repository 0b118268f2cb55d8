/**
 * Take-over between two compiled daemons on one PostgreSQL, with the real times of leases: after a kill, a hang, and a
 * cut from the database. Whoever does not hold the handler shows nothing of it and records nothing more.
 */
import { afterAll, beforeAll, expect } from "bun:test";
import { BuildStream, shown, total } from "../harness/builds-stream.ts";
import { scrape } from "../harness/daemon.ts";
import { finalDifferences } from "../harness/kills.ts";
import { type Postgres, startPostgres } from "../harness/postgres.ts";
import { type Relay, startRelay } from "../harness/relay.ts";
import { Replica, Watch } from "../harness/replicas.ts";
import { testWith } from "../harness/tools.ts";

const maxTakeOverMs = 15_000;
const pollMs = 20;
const lost = "the lease was lost, another replica may hold the handler: nothing was recorded";

let postgres: Postgres;
beforeAll(async () => {
  postgres = await startPostgres();
});
afterAll(async () => {
  await postgres.remove();
});

/** One that holds, one that waits, and builds that end. */
class Pair implements AsyncDisposable {
  readonly stream: BuildStream;
  readonly holder: Replica;
  readonly other: Replica;
  /** The holder's way to the database. */
  readonly toDatabase: Relay;

  private constructor(stream: BuildStream, holder: Replica, other: Replica, toDatabase: Relay) {
    this.stream = stream;
    this.holder = holder;
    this.other = other;
    this.toDatabase = toDatabase;
  }

  static async start(seed: number): Promise<Pair> {
    const url = await postgres.create();
    const toDatabase = startRelay(postgres.port);
    const stream = await BuildStream.start(seed);
    const holder = await Replica.create(stream, {
      SPECTA_DATABASE_URL: url.replace(`:${postgres.port}/`, `:${toDatabase.port}/`),
    });
    const other = await Replica.create(stream, { SPECTA_DATABASE_URL: url });
    const pair = new Pair(stream, holder, other, toDatabase);
    await holder.start();
    while (!(await showsBuilds(holder))) await Bun.sleep(pollMs);
    await other.start();
    await other.daemon.line("handler is leased by another replica", { handler: "build" });
    expect(await showsBuilds(other)).toBe(false);
    stream.flow();
    while (total(await shown(holder.url)) === 0) await Bun.sleep(pollMs);
    return pair;
  }

  /** Waits until the other one shows builds, and returns how long that took (ms). */
  async takeOver(sinceMs: number): Promise<number> {
    while (!(await showsBuilds(this.other))) await Bun.sleep(pollMs);
    return performance.now() - sinceMs;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.holder.kill();
    await this.other.kill();
    await this.stream[Symbol.asyncDispose]();
    this.toDatabase.stop();
  }
}

async function showsBuilds(replica: Replica): Promise<boolean> {
  return (await shown(replica.url)) !== undefined;
}

/** Executions of the build handler that succeeded, by the replica's own count. */
async function successes({ url }: Replica): Promise<number> {
  const labels = { env: "testing", handler: "build", success: "true" };
  return (await scrape(url)).value("worker_handler_execution_total", labels) ?? Number.NaN;
}

function tell(how: string, tookMs: number): void {
  console.log(`taken over ${(tookMs / 1000).toFixed(1)} s after ${how}`);
  expect(tookMs).toBeLessThan(maxTakeOverMs);
}

testWith(
  ["postgres"],
  "another replica takes over within 15 s of a kill",
  async () => {
    await using pair = await Pair.start(11);
    const { stream, holder, other } = pair;
    const killedMs = performance.now();
    await holder.kill();
    tell("a kill", await pair.takeOver(killedMs));
    await stream.dam();
    expect(await finalDifferences([other], stream)).toEqual([]);
    // The control: the one that was killed does not get it back while the other lives.
    await holder.start();
    await holder.daemon.line("handler is leased by another replica", { handler: "build" });
    expect(await showsBuilds(holder)).toBe(false);
  },
  60_000,
  "beside",
);

testWith(
  ["postgres"],
  "a holder that hangs is replaced within 15 s; when it goes on it shows nothing and records nothing",
  async () => {
    await using pair = await Pair.start(12);
    const { stream, holder, other } = pair;
    // It hangs in the middle of an execution: what GitHub answers lies in its socket when it goes on.
    const answer = stream.hold();
    await stream.asked();
    stream.end();
    const before = await successes(holder);
    holder.daemon.signal("SIGSTOP");
    const stoppedMs = performance.now();
    answer();
    tell("a hang", await pair.takeOver(stoppedMs));

    // Scrapes that wait for it are the first that it answers.
    const waiting = Array.from({ length: 8 }, () => fetch(`${holder.url}/metrics`));
    await stream.asked();
    holder.daemon.signal("SIGCONT");
    const texts = await Promise.all(waiting.map(async (answered) => (await answered).text()));
    for (const text of texts) {
      expect(text).toContain("worker_handler_execution_total{");
      expect(text).not.toContain("build_execution_total{");
    }
    const watch = new Watch([holder, other], stream);
    const { stack } = await holder.daemon.line("worker execution failed", { handler: "build" });
    expect((stack as { readonly description: string }).description).toBe(lost);
    await holder.daemon.line("handler is leased by another replica", { handler: "build" });
    expect(await successes(holder)).toBe(before);
    await stream.dam();
    expect(await finalDifferences([holder, other], stream)).toEqual([]);
    expect(await watch.end()).toMatchObject({ falls: [], excesses: [], doubles: [] });
  },
  60_000,
  "beside",
);

for (const [seed, how, breaks] of [
  [13, "a cut from the database", (relay: Relay) => relay.cut()],
  [14, "a network that swallows what goes to the database", (relay: Relay) => relay.hang()],
] as const) {
  testWith(
    ["postgres"],
    `another replica takes over within 15 s of ${how}; the old holder shows and records nothing while it is away and later`,
    async () => {
      await using pair = await Pair.start(seed);
      const { stream, holder, other, toDatabase } = pair;
      const watch = new Watch([holder, other], stream);
      const sinceMs = performance.now();
      breaks(toDatabase);
      tell(how, await pair.takeOver(sinceMs));
      expect(await showsBuilds(holder)).toBe(false);
      // Pushes and scrapes go on without it.
      expect((await fetch(`${holder.url}/`)).status).toBe(200);
      const before = await successes(holder);

      toDatabase.resume();
      await holder.daemon.line("handler is leased by another replica", { handler: "build" });
      expect(await showsBuilds(holder)).toBe(false);
      expect(await successes(holder)).toBe(before);
      await stream.dam();
      expect(await finalDifferences([holder, other], stream)).toEqual([]);
      expect(await watch.end()).toMatchObject({ falls: [], excesses: [], doubles: [] });
    },
    60_000,
    "beside",
  );
}
