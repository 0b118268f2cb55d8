/** The ledger's tables, and how an older ledger becomes a current one. */
import { type Database, integerOf, type Query } from "./database.ts";
import { LedgerFault } from "./ledger.ts";

type Dialect = Database["dialect"];

/** Any number that no other program in the same database is likely to lock. */
const advisoryLock = 7_263_518_094;

/** Step n makes schema n + 1 out of schema n. Steps are never changed once released, only added. */
const steps: readonly ((query: Query, dialect: Dialect) => Promise<void>)[] = [
  async (query, dialect) => {
    await query`CREATE TABLE specta_ended (
      handler TEXT NOT NULL,
      key TEXT NOT NULL,
      created_ms BIGINT NOT NULL,
      PRIMARY KEY (handler, key)
    )`;
    await query`CREATE INDEX specta_ended_created ON specta_ended (handler, created_ms)`;
    await query`CREATE TABLE specta_floors (
      handler TEXT NOT NULL PRIMARY KEY,
      floor_ms BIGINT NOT NULL
    )`;
    await query`CREATE TABLE specta_totals (
      handler TEXT NOT NULL,
      metric TEXT NOT NULL,
      kind TEXT NOT NULL,
      labels TEXT NOT NULL,
      sum DOUBLE PRECISION NOT NULL,
      buckets TEXT NOT NULL,
      PRIMARY KEY (handler, metric, kind, labels)
    )`;
    await query`CREATE TABLE specta_states (
      name TEXT NOT NULL PRIMARY KEY,
      state TEXT NOT NULL
    )`;
    if (dialect === "postgres") {
      await query`CREATE TABLE specta_leases (
        handler TEXT NOT NULL PRIMARY KEY,
        holder TEXT NOT NULL,
        token BIGINT NOT NULL,
        expires_at TIMESTAMPTZ NOT NULL
      )`;
    }
  },
];

export const schemaVersion = steps.length;

/**
 * The same database with the guarantee that its tables are there and current before the first transaction. After any
 * failure they are looked at again, so that a database that was made anew meanwhile is taken as it is.
 *
 * @param bornMs the birth of a ledger that does not exist yet, Unix milliseconds.
 */
export function withSchema(database: Database, bornMs: number, shown: string): Database {
  let ready: Promise<void> | undefined;
  return {
    dialect: database.dialect,
    async transaction(work) {
      ready ??= database.transaction((query) => migrate(query, database.dialect, bornMs, shown));
      const mine = ready;
      try {
        await mine;
        return await database.transaction(work);
      } catch (error) {
        if (ready === mine) ready = undefined;
        throw error;
      }
    },
    close: () => database.close(),
  };
}

async function migrate(query: Query, dialect: Dialect, bornMs: number, shown: string): Promise<void> {
  const present = async (): Promise<boolean> => {
    const rows =
      dialect === "postgres"
        ? // Read from the catalogue's table: `to_regclass` may answer from before the lock below was granted.
          await query`SELECT 1 AS present FROM pg_catalog.pg_class
            WHERE relname = 'specta_ledger' AND pg_table_is_visible(oid)`
        : await query`SELECT 1 AS present FROM sqlite_master WHERE type = 'table' AND name = 'specta_ledger'`;
    return rows.length > 0;
  };
  const versionOf = async (): Promise<number> => {
    const [row] = await query`SELECT version FROM specta_ledger`;
    return integerOf(row?.version);
  };
  // The usual case takes no lock: replicas that start together do not wait for each other.
  if ((await present()) && (await versionOf()) === schemaVersion) return;

  // SQLite's transaction is exclusive already.
  if (dialect === "postgres") await query`SELECT pg_advisory_xact_lock(${advisoryLock}::bigint)`;
  let version = 0;
  if (await present()) {
    version = await versionOf();
  } else {
    await query`CREATE TABLE specta_ledger (version BIGINT NOT NULL, born_ms BIGINT NOT NULL)`;
    await query`INSERT INTO specta_ledger (version, born_ms) VALUES (${0}, ${bornMs})`;
  }
  if (version > schemaVersion) {
    throw new LedgerFault(
      `the ledger at ${shown} must have schema ${schemaVersion} or older for this specta: current value is ${version}, made by a newer one`,
    );
  }
  for (const step of steps.slice(version)) await step(query, dialect);
  await query`UPDATE specta_ledger SET version = ${schemaVersion}`;
}
