/** Ledgers for tests: one place of each kind, opened as often as a test likes, and batches to record. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SQL } from "bun";
import { Secret } from "../../src/base/secret.ts";
import type { Ended } from "../../src/handlers/handler.ts";
import type { Database } from "../../src/ledger/database.ts";
import { SharedLeases, soleHolder } from "../../src/ledger/leases.ts";
import type { Batch, Lease, Ledger } from "../../src/ledger/ledger.ts";
import { type LedgerOptions, openLedger } from "../../src/ledger/open.ts";
import { openPostgres } from "../../src/ledger/postgres.ts";
import { withSchema } from "../../src/ledger/schema.ts";
import { SqlLedger } from "../../src/ledger/sql-ledger.ts";
import { openSqlite } from "../../src/ledger/sqlite.ts";
import type { Metrics } from "../../src/metrics/definition.ts";
import type { Postgres } from "./postgres.ts";

export const dayMs = 86_400_000;

/** Any fixed time. */
export const startMs = Date.UTC(2026, 0, 1);

export const metrics: Metrics = {
  build_execution_total: { kind: "counter", help: "builds", labels: { repository: "*", success: ["true", "false"] } },
  build_execution_duration_seconds: {
    kind: "histogram",
    help: "how long builds took",
    labels: { repository: "*", success: ["true", "false"] },
    buckets: [30, 60, 90],
  },
};

/** A build of `seconds` that ended at `endedMs`. */
export function build(key: string, endedMs: number, options: Partial<Ended> & { seconds?: number } = {}): Ended {
  const { seconds = 45, ...rest } = options;
  const labels = { repository: "shop", success: "true" };
  return {
    key,
    createdMs: endedMs - seconds * 1000,
    endedMs,
    samples: [
      { metric: "build_execution_total", labels, number: 1 },
      { metric: "build_execution_duration_seconds", labels, number: seconds },
    ],
    ...rest,
  };
}

export function batch(ended: readonly Ended[], options: Partial<Batch> = {}): Batch {
  return { ended, metrics, lookbackMs: dayMs, maxSeries: 100, ...options };
}

/** The lease of a handler that must be free or ours. */
export async function held(ledger: Ledger, handler = "build"): Promise<Lease> {
  const lease = await ledger.hold(handler);
  if (!lease) throw new Error(`the lease of ${handler} is held by another`);
  return lease;
}

/** Where ledgers live: the same one each time it is opened, in memory a new one. */
export interface Place {
  readonly url: string | undefined;
  open(options?: LedgerOptions): Ledger;
  /** Statements beside the ledger, for what only a test may see or break. */
  run(statement: string): Promise<readonly Record<string, unknown>[]>;
  remove(): Promise<void>;
}

export function memoryPlace(): Place {
  return {
    url: undefined,
    open: (options) => openLedger(undefined, options),
    run: () => Promise.reject(new Error("a ledger in memory has no other way in")),
    remove: async () => {},
  };
}

export function sqlitePlace(): Place {
  const folder = mkdtempSync(join(tmpdir(), "specta-ledger-"));
  const url = `sqlite://${join(folder, "specta.db")}`;
  return {
    url,
    open: (options) => openLedger(new Secret(url), options),
    run: (statement) => runOnce(new SQL(url), statement),
    remove: async () => rmSync(folder, { recursive: true, force: true }),
  };
}

export async function postgresPlace(postgres: Postgres): Promise<Place> {
  const url = await postgres.create();
  return {
    url,
    open: (options) => openLedger(new Secret(url), options),
    run: (statement) => runOnce(new SQL({ url, max: 1 }), statement),
    remove: async () => {},
  };
}

async function runOnce(sql: SQL, statement: string): Promise<readonly Record<string, unknown>[]> {
  try {
    return await sql.unsafe(statement);
  } finally {
    await sql.close();
  }
}

/** A ledger at an address, or in "memory", put together as `openLedger` does, with the test's hand on the database below it. */
export function wrappedLedger(
  url: string,
  wrap: (database: Database) => Database,
  options: LedgerOptions & { readonly deadlineMs?: number; readonly leaseDeadlineMs?: number } = {},
): Ledger {
  const now = options.now ?? Date.now;
  const bornMs = options.bornMs ?? now();
  if (url === "memory" || url.startsWith("sqlite://")) {
    const file = url === "memory" ? undefined : url.slice("sqlite://".length);
    const database = withSchema(wrap(openSqlite(file, url)), bornMs, url);
    return new SqlLedger({
      kind: file === undefined ? "memory" : "sqlite",
      database,
      leases: soleHolder(database),
      now,
    });
  }
  const connect = (maxConnections: number, deadlineMs: number): Database =>
    openPostgres({ url, shown: "the test's", maxConnections, deadlineMs });
  const database = withSchema(wrap(connect(2, options.deadlineMs ?? 5000)), bornMs, "the test's");
  const leases = new SharedLeases({
    database: withSchema(connect(1, options.leaseDeadlineMs ?? 2000), bornMs, "the test's"),
    records: database,
    onLost: options.onLost ?? (() => {}),
    times: options.leaseTimes,
  });
  return new SqlLedger({ kind: "postgres", database, leases, now });
}

/** Locks a SQLite file as another process that writes to it would; the returned function lets it go. */
export async function lockSqlite(file: string): Promise<() => Promise<void>> {
  const other = new SQL(`sqlite://${file}`);
  const free = Promise.withResolvers<void>();
  const locked = Promise.withResolvers<void>();
  const locking = other.begin("immediate", async () => {
    locked.resolve();
    await free.promise;
  });
  await locked.promise;
  return async () => {
    free.resolve();
    await locking;
    await other.close();
  };
}
