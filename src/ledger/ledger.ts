/**
 * The ledger: what was counted already, and who holds a handler. Builds and deployments are inserted once, in the
 * transaction that adds them to the stored totals; the registry shows the stored totals.
 */
import type { Ended } from "../handlers/handler.ts";
import type { Labels, Metrics } from "../metrics/definition.ts";

/** The right to record for a handler. A lease that was lost records nothing: the ledger checks its token. */
export interface Lease {
  readonly handler: string;
  readonly token: number;
}

/** The stored total of one series. */
export interface Total {
  readonly metric: string;
  readonly labels: Labels;
  /** A counter's value, or a histogram's sum. */
  readonly sum: number;
  /** A histogram's observations by bucket, not cumulative, +Inf last. */
  readonly buckets?: readonly number[];
}

/** Thrown by `record` and `totals` when another replica has taken the handler over. Nothing was recorded. */
export class LeaseLost extends Error {
  override readonly name = "LeaseLost";
}

/** Thrown when the database fails: what it is, what is wrong with it, never its password. Nothing was recorded. */
export class LedgerFault extends Error {
  override readonly name = "LedgerFault";
  /** PostgreSQL's SQLSTATE, SQLite's or the client's code; undefined for faults that specta found. */
  readonly code: string | undefined;

  constructor(message: string, code?: string) {
    super(message);
    this.code = code;
  }
}

export interface Batch {
  readonly ended: readonly Ended[];
  /** How the samples' metrics are defined: their kinds, labels and bucket bounds. */
  readonly metrics: Metrics;
  /** How far back the handler's listings reach, milliseconds; what is more than twice as old and a day is forgotten. */
  readonly lookbackMs: number;
  /** Series of one metric; samples of further ones are dropped. */
  readonly maxSeries: number;
}

export interface Recorded {
  /** All stored totals of the handler that `metrics` declares. */
  readonly totals: readonly Total[];
  /** The keys that were counted now, for the first time. */
  readonly counted: readonly string[];
  /** Samples that were dropped by `maxSeries`, by metric. */
  readonly dropped: Readonly<Record<string, number>>;
}

export interface Ledger {
  readonly kind: "memory" | "sqlite" | "postgres";
  /** Whether a counter survives a restart, so that it may be shown only once its stored total is known. */
  readonly lasting: boolean;
  /**
   * Takes a handler's lease, or says that it is held already; undefined while another replica holds it. The ledger
   * renews by itself what it holds. SQLite, in memory or in a file, grants always: one process owns it.
   *
   * @throws LedgerFault while the database is away.
   */
  hold(handler: string): Promise<Lease | undefined>;
  /** Whether the handler's series may be shown now; false at once when the database was away for too long. */
  holds(lease: Lease): boolean;
  /**
   * Counts those of the batch that are new and ended at or after the ledger's birth, once each.
   *
   * @throws LeaseLost, LedgerFault, or a TypeError for samples that no counter or histogram can take.
   */
  record(lease: Lease, batch: Batch): Promise<Recorded>;
  /** All stored totals of the handler that `metrics` declares. Throws as `record` does. */
  totals(lease: Lease, metrics: Metrics): Promise<readonly Total[]>;
  /** Gives a lease back, so that another replica takes over at once. */
  release(lease: Lease): Promise<void>;
  /** Keeps a text of at most `maxStateChars` characters under a name; the last write wins. */
  saveState(name: string, text: string): Promise<void>;
  /** What was kept under the name, or undefined. */
  loadState(name: string): Promise<string | undefined>;
  /** Gives all leases back and closes the database. */
  close(): Promise<void>;
}
