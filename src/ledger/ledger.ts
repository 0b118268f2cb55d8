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

/** Thrown by `record` and `totals` when another replica has taken the handler over. */
export class LeaseLost extends Error {
  override readonly name = "LeaseLost";
}

export interface Batch {
  readonly ended: readonly Ended[];
  /** How the samples' metrics are defined: their kinds and bucket bounds. */
  readonly metrics: Metrics;
  /** How far back the handler's listings reach, milliseconds; what is older may be forgotten. */
  readonly lookbackMs: number;
}

export interface Ledger {
  readonly kind: "memory" | "sqlite" | "postgres";
  /** Whether a counter survives a restart, so that it may be shown only once its stored total is known. */
  readonly lasting: boolean;
  /** Takes or keeps a handler's lease; undefined while another replica holds it. Throws while the database is away. */
  hold(handler: string): Promise<Lease | undefined>;
  /** Counts those of the batch that are new, once each, and returns all stored totals of the handler. */
  record(lease: Lease, batch: Batch): Promise<readonly Total[]>;
  /** All stored totals of the handler. */
  totals(lease: Lease, metrics: Metrics): Promise<readonly Total[]>;
  /** Gives a lease back, so that another replica takes over at once. */
  release(lease: Lease): Promise<void>;
  close(): Promise<void>;
}
