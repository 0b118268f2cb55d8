import { SQL } from "bun";
import { ledgerConnectMs, ledgerLockMs, ledgerSilenceMs, ledgerStatementMs } from "../base/limits.ts";
import { formatDuration } from "../base/units.ts";
import type { Database, Query } from "./database.ts";
import { codeOf, explain } from "./fault.ts";
import { LedgerFault } from "./ledger.ts";

export interface PostgresOptions {
  readonly url: string;
  readonly shown: string;
  readonly maxConnections: number;
  /** What one transaction may take, milliseconds. Beyond it all connections are given up and made anew. */
  readonly deadlineMs: number;
}

/**
 * PostgreSQL over a small pool. The server ends statements, waits and silent transactions by itself; the deadline here
 * is for a server or network that says nothing at all.
 */
export function openPostgres(options: PostgresOptions): Database {
  let pool: SQL | undefined;
  const abandoned = new WeakSet<SQL>();

  function silent(): LedgerFault {
    const time = formatDuration(options.deadlineMs);
    return new LedgerFault(`the ledger at ${options.shown} does not answer: given up after ${time}`);
  }

  function connect(): SQL {
    return new SQL({
      adapter: "postgres",
      url: options.url,
      max: options.maxConnections,
      connectionTimeout: ledgerConnectMs / 1000,
      // Named statements do not outlive a transaction behind a pooler such as PgBouncer.
      prepare: false,
    });
  }

  async function attempt<T>(current: SQL, work: (query: Query) => Promise<T>): Promise<T> {
    return await current.begin(async (transaction) => {
      const query: Query = async (text, ...values) => await transaction(text, ...values);
      // For this transaction alone: settings of the session would leak to others through a pooler.
      await query`SELECT set_config('statement_timeout', ${String(ledgerStatementMs)}, true),
        set_config('lock_timeout', ${String(ledgerLockMs)}, true),
        set_config('idle_in_transaction_session_timeout', ${String(ledgerSilenceMs)}, true)`;
      return await work(query);
    });
  }

  return {
    dialect: "postgres",
    async transaction(work) {
      pool ??= connect();
      const current = pool;
      const deadline = Promise.withResolvers<never>();
      const timer = setTimeout(() => {
        abandoned.add(current);
        if (pool === current) pool = undefined;
        deadline.reject(silent());
        void current.close({ timeout: 0 });
      }, options.deadlineMs);
      try {
        return await Promise.race([attempt(current, work), deadline.promise]);
      } catch (error) {
        // Others on the same connections are ended with it: for the same reason.
        throw codeOf(error) !== undefined && abandoned.has(current) ? silent() : explain(error, options.shown);
      } finally {
        clearTimeout(timer);
      }
    },
    async close() {
      const closing = pool;
      pool = undefined;
      await closing?.close({ timeout: 0 });
    },
  };
}
