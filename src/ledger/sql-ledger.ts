import { mustBe } from "../base/errors.ts";
import { maxStateChars } from "../base/limits.ts";
import type { Metrics } from "../metrics/definition.ts";
import { count } from "./counting.ts";
import { type Database, textOf } from "./database.ts";
import type { Leases } from "./leases.ts";
import type { Batch, Lease, Ledger, Recorded, Total } from "./ledger.ts";
import { HandlerTotals } from "./totals.ts";

export interface SqlLedgerOptions {
  readonly kind: Ledger["kind"];
  /** With its schema assured. */
  readonly database: Database;
  readonly leases: Leases;
  /** Unix milliseconds. */
  readonly now: () => number;
}

/** The one implementation of the ledger, over whatever database and leases it is given. */
export class SqlLedger implements Ledger {
  readonly kind: Ledger["kind"];
  readonly lasting: boolean;
  readonly #database: Database;
  readonly #leases: Leases;
  readonly #now: () => number;

  constructor({ kind, database, leases, now }: SqlLedgerOptions) {
    this.kind = kind;
    this.lasting = kind !== "memory";
    this.#database = database;
    this.#leases = leases;
    this.#now = now;
  }

  hold(handler: string): Promise<Lease | undefined> {
    return this.#leases.hold(handler);
  }

  holds(lease: Lease): boolean {
    return this.#leases.holds(lease);
  }

  record(lease: Lease, batch: Batch): Promise<Recorded> {
    return this.#leases.guarded(lease, (query) =>
      count(query, this.#database.dialect, lease.handler, batch, this.#now()),
    );
  }

  totals(lease: Lease, metrics: Metrics): Promise<readonly Total[]> {
    return this.#leases.guarded(lease, async (query) =>
      (await HandlerTotals.load(query, lease.handler, metrics)).declared(),
    );
  }

  release(lease: Lease): Promise<void> {
    return this.#leases.release(lease);
  }

  async saveState(name: string, text: string): Promise<void> {
    if (text.length > maxStateChars) {
      throw new TypeError(mustBe(`the length of state ${name}`, `at most ${maxStateChars} characters`, text.length));
    }
    await this.#database.transaction(
      (query) => query`INSERT INTO specta_states (name, state) VALUES (${name}, ${text})
        ON CONFLICT (name) DO UPDATE SET state = excluded.state`,
    );
  }

  loadState(name: string): Promise<string | undefined> {
    return this.#database.transaction(async (query) => {
      const [row] = await query`SELECT state FROM specta_states WHERE name = ${name}`;
      return row && textOf(row.state);
    });
  }

  async close(): Promise<void> {
    await this.#leases.close();
    await this.#database.close();
  }
}
