/** Opens the ledger that the environment names. Import it when a ledger is needed: it loads the database client. */
import { maxLeaseQueryMs, maxLedgerConnections, maxRecordMs } from "../base/limits.ts";
import type { Secret } from "../base/secret.ts";
import { parseAddress } from "./address.ts";
import type { LeaseTimes } from "./leases.ts";
import { SharedLeases, soleHolder } from "./leases.ts";
import type { Ledger } from "./ledger.ts";
import { openPostgres } from "./postgres.ts";
import { withSchema } from "./schema.ts";
import { SqlLedger } from "./sql-ledger.ts";
import { openSqlite } from "./sqlite.ts";

export interface LedgerOptions {
  /** Called once for each lease that ends without `release`: its series must be dropped at once. PostgreSQL only. */
  readonly onLost?: (handler: string, reason: string) => void;
  /** The birth of a ledger that does not exist yet, Unix milliseconds; now when left out. */
  readonly bornMs?: number;
  /** Our clock, Unix milliseconds; `Date.now` when left out. */
  readonly now?: () => number;
  /** `leaseTtlMs` and `leaseRenewMs` when left out. */
  readonly leaseTimes?: LeaseTimes;
}

/**
 * The ledger at `SPECTA_DATABASE_URL`, in memory when it is undefined. Returns at once: the database is opened and its
 * schema brought up to date by the first use, and again by each use after a failure.
 *
 * @throws Problems when the address names no ledger.
 */
export function openLedger(url: Secret | undefined, options: LedgerOptions = {}): Ledger {
  const address = parseAddress(url);
  const { shown, kind } = address;
  const now = options.now ?? Date.now;
  const bornMs = options.bornMs ?? now();
  if (address.kind !== "postgres") {
    const file = address.kind === "sqlite" ? address.file : undefined;
    const database = withSchema(openSqlite(file, shown), bornMs, shown);
    return new SqlLedger({ kind, database, leases: soleHolder(database), now });
  }
  const connect = (maxConnections: number, deadlineMs: number) =>
    withSchema(openPostgres({ url: address.url, shown, maxConnections, deadlineMs }), bornMs, shown);
  const records = connect(maxLedgerConnections, maxRecordMs);
  const leases = new SharedLeases({
    database: connect(1, maxLeaseQueryMs),
    records,
    onLost: options.onLost ?? (() => {}),
    times: options.leaseTimes,
  });
  return new SqlLedger({ kind, database: records, leases, now });
}
