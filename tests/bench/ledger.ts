/**
 * What the ledger costs: builds a second through it, by the size of a batch, and how long a scrape of the compiled daemon
 * takes while it writes.
 *
 *   bun tests/bench/ledger.ts
 *
 * SQLite writes to the system's temporary folder with every commit synced; PostgreSQL is a local one without fsync, so
 * that its figures are those of specta and the protocol, not of a disk.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { compiled } from "../harness/build.ts";
import { BuildStream, config, shown, total } from "../harness/builds-stream.ts";
import { startDaemon } from "../harness/daemon.ts";
import {
  batch,
  build,
  held,
  memoryPlace,
  type Place,
  postgresPlace,
  sqlitePlace,
  startMs,
} from "../harness/ledgers.ts";
import { startPostgres } from "../harness/postgres.ts";

const seconds = 2;
const sizes = [1, 100, 10_000];
const dueBuilds = 2000;

let made = 0;

/** Builds a second through a ledger that holds `before` rows, in batches of `size`. */
async function throughput(place: Place, size: number): Promise<number> {
  const ledger = place.open({ bornMs: startMs });
  const lease = await held(ledger);
  const began = performance.now();
  let done = 0;
  while (performance.now() - began < seconds * 1000) {
    const ended = Array.from({ length: size }, () => {
      made += 1;
      return build(`acme/shop/runs/${made}/attempts/1`, startMs + made);
    });
    done += (await ledger.record(lease, batch(ended))).counted.length;
  }
  const rate = done / ((performance.now() - began) / 1000);
  await ledger.close();
  return rate;
}

/** Latencies of scrapes one after the other (ms), sorted, until it says to stop. */
async function scrapes(url: string, isOver: () => Promise<boolean> | boolean): Promise<number[]> {
  const all: number[] = [];
  while (!(await isOver())) {
    const began = performance.now();
    await (await fetch(`${url}/metrics`)).text();
    all.push(performance.now() - began);
    await Bun.sleep(1);
  }
  return all.sort((a, b) => a - b);
}

function told(sorted: readonly number[]): string {
  const at = (share: number) => (sorted[Math.floor((sorted.length - 1) * share)] ?? Number.NaN).toFixed(1);
  return `median ${at(0.5)} ms, 99 % ${at(0.99)} ms, longest ${at(1)} ms (${sorted.length})`;
}

/** Scrapes of a daemon at rest, while 200 builds end in a second, and while it takes over some thousand at once. */
async function whileWriting(where: string, database: string): Promise<void> {
  await using stream = await BuildStream.start(31);
  const env = { ...stream.variables, SPECTA_DATABASE_URL: database };
  await using daemon = await startDaemon({ binary: compiled(), config, env });
  const until = (ms: number) => {
    const end = performance.now() + ms;
    return () => performance.now() >= end;
  };
  while ((await shown(daemon.url)) === undefined) await Bun.sleep(10);
  console.log(`${where}, scrapes at rest: ${told(await scrapes(daemon.url, until(3000)))}`);
  stream.flow(200);
  console.log(`${where}, scrapes while 200 builds end in a second: ${told(await scrapes(daemon.url, until(4000)))}`);
  await stream.dam();
  for (let index = 0; index < dueBuilds; index += 1) stream.end({ attempts: 1 });
  const began = performance.now();
  let counted = 0;
  const atOnce = await scrapes(daemon.url, async () => {
    counted = total(await shown(daemon.url));
    return counted >= stream.executions();
  });
  const tookMs = performance.now() - began;
  console.log(
    `${where}, scrapes until ${dueBuilds} more are counted, ${(tookMs / 1000).toFixed(1)} s: ${told(atOnce)}`,
  );
}

const folder = mkdtempSync(join(tmpdir(), "specta-bench-"));
const postgres = await startPostgres();
try {
  for (const [where, open] of [
    ["memory", async () => memoryPlace()],
    ["SQLite", async () => sqlitePlace()],
    ["PostgreSQL", () => postgresPlace(postgres)],
  ] as const) {
    for (const size of sizes) {
      const place = await open();
      console.log(`${where}, batches of ${size}: ${Math.round(await throughput(place, size))} builds a second`);
      await place.remove();
    }
  }
  await whileWriting("SQLite", `sqlite://${join(folder, "ledger.db")}`);
  await whileWriting("PostgreSQL", await postgres.create());
} finally {
  await postgres.remove();
  rmSync(folder, { recursive: true, force: true });
}
