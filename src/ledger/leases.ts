/**
 * Who holds which handler among the replicas of one PostgreSQL. A lease is a row with its holder, a token that grows at
 * each change of holder, and an end by the database's clock. What a replica believes about its leases decides what it
 * shows; what the row says, checked in the transaction of each record, decides what is counted.
 */
import { messageOf } from "../base/errors.ts";
import { leaseRenewMs, leaseTtlMs } from "../base/limits.ts";
import { type Database, integerOf, type Query, textOf } from "./database.ts";
import { type Lease, LeaseLost, LedgerFault } from "./ledger.ts";

/** PostgreSQL's code for a lock that was waited for in vain. */
const lockTimeout = "55P03";

/** What the ledger asks of leases. */
export interface Leases {
  hold(handler: string): Promise<Lease | undefined>;
  holds(lease: Lease): boolean;
  /** Runs a transaction in which the lease is proved and cannot be taken. Throws LeaseLost. */
  guarded<T>(lease: Lease, work: (query: Query) => Promise<T>): Promise<T>;
  release(lease: Lease): Promise<void>;
  close(): Promise<void>;
}

/** One process owns the database and holds every handler. */
export function soleHolder(database: Database): Leases {
  return {
    // The first transaction shows that the database is there.
    hold: (handler) => database.transaction(async () => ({ handler, token: 0 })),
    holds: () => true,
    guarded: (_, work) => database.transaction(work),
    release: async () => {},
    close: async () => {},
  };
}

export interface LeaseTimes {
  /** A lease that is not renewed ends after this, milliseconds. */
  readonly ttlMs: number;
  readonly renewMs: number;
}

export interface LeaseOptions {
  /** For the leases alone, so that a slow record does not keep them from being renewed. */
  readonly database: Database;
  /** For what is recorded under a lease. */
  readonly records: Database;
  /** Called once for each lease that ends without `release`, with the reason. */
  readonly onLost: (handler: string, reason: string) => void;
  readonly times?: LeaseTimes | undefined;
}

interface Held {
  readonly lease: Lease;
  /** By the monotonic clock, counted from before the renewal was asked for: never later than the row's own end. */
  untilMs: number;
}

const takenOver = "another replica holds it";

export class SharedLeases implements Leases {
  readonly #options: LeaseOptions;
  readonly #times: LeaseTimes;
  /** Another for each process and each start. */
  readonly #holder = crypto.randomUUID();
  readonly #held = new Map<string, Held>();
  readonly #timer: NodeJS.Timeout;
  #renewedMs = Number.NEGATIVE_INFINITY;
  #renewing = false;
  /** Why the last renewal failed, for the one who loses a lease by it. */
  #failure = "the database did not answer in time";

  constructor(options: LeaseOptions) {
    this.#options = options;
    this.#times = options.times ?? { ttlMs: leaseTtlMs, renewMs: leaseRenewMs };
    this.#timer = setInterval(() => this.#tick(), Math.ceil(this.#times.renewMs / 3));
    this.#timer.unref();
  }

  async hold(handler: string): Promise<Lease | undefined> {
    this.#expire();
    const known = this.#held.get(handler);
    if (known) return known.lease;
    const askedMs = performance.now();
    const token = await this.#take(handler);
    if (token === undefined) return undefined;
    const lease = { handler, token };
    this.#held.set(handler, { lease, untilMs: askedMs + this.#times.ttlMs });
    return lease;
  }

  holds(lease: Lease): boolean {
    const held = this.#held.get(lease.handler);
    return held?.lease.token === lease.token && performance.now() < held.untilMs;
  }

  async guarded<T>(lease: Lease, work: (query: Query) => Promise<T>): Promise<T> {
    const askedMs = performance.now();
    try {
      const result = await this.#options.records.transaction(async (query) => {
        // Locks the row: nobody takes the lease before this transaction has ended.
        const proof = await query`UPDATE specta_leases
          SET expires_at = now() + ${this.#times.ttlMs}::float8 * interval '1 millisecond'
          WHERE handler = ${lease.handler} AND holder = ${this.#holder} AND token = ${lease.token}::bigint
          RETURNING token`;
        if (proof.length === 0) throw new LeaseLost(`another replica holds the handler ${lease.handler}`);
        return await work(query);
      });
      this.#extend(lease.handler, lease.token, askedMs);
      return result;
    } catch (error) {
      if (error instanceof LeaseLost) this.#lose(lease.handler, lease.token, takenOver);
      throw error;
    }
  }

  async release(lease: Lease): Promise<void> {
    if (this.#held.get(lease.handler)?.lease.token === lease.token) this.#held.delete(lease.handler);
    await this.#options.database.transaction(
      (query) => query`UPDATE specta_leases SET holder = '', expires_at = now() - interval '1 second'
        WHERE handler = ${lease.handler} AND holder = ${this.#holder} AND token = ${lease.token}::bigint`,
    );
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    // While the database is away they cannot be given back; they end by themselves.
    await Promise.allSettled([...this.#held.values()].map(({ lease }) => this.release(lease)));
    await this.#options.database.close();
  }

  /** The lease's token when it was free, had ended, or was ours. */
  async #take(handler: string): Promise<number | undefined> {
    try {
      return await this.#options.database.transaction(async (query) => {
        // Looking first takes no lock and writes nothing: replicas that wait do not disturb the one that holds.
        const held = await query`SELECT 1 AS held FROM specta_leases
          WHERE handler = ${handler} AND holder <> ${this.#holder} AND expires_at >= now()`;
        if (held.length > 0) return undefined;
        const [taken] = await query`INSERT INTO specta_leases AS lease (handler, holder, token, expires_at)
          VALUES (${handler}, ${this.#holder}, 1, now() + ${this.#times.ttlMs}::float8 * interval '1 millisecond')
          ON CONFLICT (handler) DO UPDATE SET
            holder = excluded.holder,
            token = lease.token + CASE WHEN lease.holder = excluded.holder THEN 0 ELSE 1 END,
            expires_at = excluded.expires_at
          WHERE lease.holder = excluded.holder OR lease.expires_at < now()
          RETURNING token`;
        return taken && integerOf(taken.token);
      });
    } catch (error) {
      // Its holder, or another taker, is at the row right now.
      if (error instanceof LedgerFault && error.code === lockTimeout) return undefined;
      throw error;
    }
  }

  #tick(): void {
    this.#expire();
    if (this.#held.size === 0 || this.#renewing || performance.now() - this.#renewedMs < this.#times.renewMs) return;
    this.#renewing = true;
    this.#renew()
      .catch((error: unknown) => {
        this.#failure = messageOf(error);
      })
      .finally(() => {
        this.#renewing = false;
      });
  }

  /**
   * Renews all in one statement. A row that is locked is left out: one of our own records is at it and renews it, or
   * it is tried again at the next tick.
   */
  async #renew(): Promise<void> {
    const askedMs = performance.now();
    const asked = [...this.#held.values()].map(({ lease }) => lease);
    const rows = await this.#options.database.transaction(
      (query) => query`WITH free AS (
          SELECT handler FROM specta_leases WHERE holder = ${this.#holder}
            AND handler IN (SELECT jsonb_array_elements_text(${JSON.stringify(asked.map(({ handler }) => handler))}::text::jsonb))
          FOR UPDATE SKIP LOCKED
        ), renewed AS (
          UPDATE specta_leases AS lease
          SET expires_at = now() + ${this.#times.ttlMs}::float8 * interval '1 millisecond'
          FROM free WHERE lease.handler = free.handler RETURNING lease.handler
        )
        SELECT lease.handler, lease.token, renewed.handler IS NOT NULL AS renewed
        FROM specta_leases AS lease LEFT JOIN renewed ON renewed.handler = lease.handler
        WHERE lease.holder = ${this.#holder}`,
    );
    const ours = new Map(rows.map((row) => [textOf(row.handler), row]));
    let all = true;
    for (const { handler, token } of asked) {
      const row = ours.get(handler);
      if (!row || integerOf(row.token) !== token) this.#lose(handler, token, takenOver);
      else if (row.renewed === true) this.#extend(handler, token, askedMs);
      else all = false;
    }
    if (all) this.#renewedMs = askedMs;
  }

  #extend(handler: string, token: number, askedMs: number): void {
    const held = this.#held.get(handler);
    if (held?.lease.token === token) held.untilMs = Math.max(held.untilMs, askedMs + this.#times.ttlMs);
  }

  #expire(): void {
    for (const { lease, untilMs } of [...this.#held.values()]) {
      if (performance.now() >= untilMs) this.#lose(lease.handler, lease.token, this.#failure);
    }
  }

  #lose(handler: string, token: number, reason: string): void {
    if (this.#held.get(handler)?.lease.token !== token) return;
    this.#held.delete(handler);
    this.#options.onLost(handler, reason);
  }
}
