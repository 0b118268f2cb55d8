/** A handler's dealings with the ledger: whether this replica may run it, and what its ended work adds up to. */
import type { Clock } from "../base/clock.ts";
import { leaseCheckMs } from "../base/limits.ts";
import type { Log } from "../base/log.ts";
import type { Ended } from "../handlers/handler.ts";
import { type Lease, LeaseLost, type Ledger } from "../ledger/ledger.ts";
import type { HandlerSeries } from "./series.ts";

export interface LedgerSource {
  /** Whether a database is configured. Then every handler is held before it runs, and shows stored totals alone. */
  readonly isConfigured: boolean;
  /** Called at first use: with no database and no ended work it is never loaded. May be called again after it failed. */
  open(): Promise<Ledger>;
}

export interface TenureOptions {
  readonly handler: string;
  readonly source: LedgerSource;
  readonly series: HandlerSeries;
  readonly lookbackMs: number;
  readonly maxSeries: number;
  readonly clock: Clock;
  readonly log: Log;
  /** Told of samples of ended work that were dropped because their metric had its most series already. */
  dropped(metric: string, samples: number): void;
}

/** Who runs a handler: `free` without a database, else this replica, another one, or nobody knows. */
export type Holder = "free" | "here" | "elsewhere" | "unknown";

export class Tenure {
  readonly #options: TenureOptions;
  #ledger: Ledger | undefined;
  #lease: Lease | undefined;
  #holder: Holder;
  #showsTotals = false;
  #cancelWatch = (): void => undefined;

  constructor(options: TenureOptions) {
    this.#options = options;
    this.#holder = options.source.isConfigured ? "unknown" : "free";
  }

  get holder(): Holder {
    return this.#holder;
  }

  /**
   * Whether the handler's series may be shown now. The watch takes them away too, but a process that was stopped and goes
   * on answers scrapes before its timers run.
   */
  get isShown(): boolean {
    return this.#lease === undefined || this.#ledger?.holds(this.#lease) === true;
  }

  /** Whether the handler may run here now. @throws while the database is away. */
  async acquire(): Promise<boolean> {
    if (!this.#options.source.isConfigured) return true;
    return (await this.#take()) !== undefined;
  }

  /** @throws LeaseLost when another replica may be running the handler by now. */
  verify(): void {
    if (!this.#options.source.isConfigured) return;
    if (this.#lease !== undefined && this.#ledger?.holds(this.#lease) === true) return;
    this.#lose("elsewhere");
    throw lost();
  }

  /** Shows the stored totals, and the rest of the declared series at 0, once a lease. */
  async showTotals(): Promise<void> {
    const { source, series } = this.#options;
    if (this.#showsTotals || Object.keys(series.metrics).length === 0) return;
    if (source.isConfigured) {
      series.showTotals(await this.#ask((ledger, lease) => ledger.totals(lease, series.metrics)));
    }
    series.showZeros();
    this.#showsTotals = true;
  }

  /**
   * Counts ended work once, shows the totals with it and returns the keys that were counted now. @throws when it was not
   * counted; then it must be reported again.
   */
  async record(ended: readonly Ended[]): Promise<readonly string[]> {
    const { series, lookbackMs, maxSeries } = this.#options;
    if (this.#lease === undefined) await this.#take();
    const batch = { ended, metrics: series.metrics, lookbackMs, maxSeries };
    const { totals, counted, dropped } = await this.#ask((ledger, lease) => ledger.record(lease, batch));
    series.showTotals(totals);
    for (const [metric, samples] of Object.entries(dropped)) this.#options.dropped(metric, samples);
    return counted;
  }

  /** Gives the lease back. */
  async release(): Promise<void> {
    this.#cancelWatch();
    const lease = this.#lease;
    this.#lease = undefined;
    if (lease !== undefined) await this.#ledger?.release(lease);
  }

  async #take(): Promise<Lease | undefined> {
    const { source, handler } = this.#options;
    this.#ledger ??= await source.open();
    const lease = await this.#ledger.hold(handler);
    if (lease === undefined) {
      this.#lose("elsewhere");
      return undefined;
    }
    if (this.#lease?.token !== lease.token && source.isConfigured) this.#showsTotals = false;
    this.#lease = lease;
    if (source.isConfigured) {
      this.#holder = "here";
      this.#watch();
    }
    return lease;
  }

  /** Asks the ledger as the holder of the lease. */
  async #ask<T>(question: (ledger: Ledger, lease: Lease) => Promise<T>): Promise<T> {
    if (this.#ledger === undefined || this.#lease === undefined) throw lost();
    try {
      return await question(this.#ledger, this.#lease);
    } catch (thrown) {
      if (thrown instanceof LeaseLost) this.#lose("elsewhere");
      throw thrown;
    }
  }

  /** Looks again and again whether the lease still stands, so that no two replicas show one series for long. */
  #watch(): void {
    this.#cancelWatch();
    this.#cancelWatch = this.#options.clock.after(leaseCheckMs, () => {
      if (this.#lease === undefined) return;
      if (this.#ledger?.holds(this.#lease) === true) this.#watch();
      else this.#lose("unknown");
    });
  }

  #lose(holder: "elsewhere" | "unknown"): void {
    const { log, handler, series } = this.#options;
    const isNews = this.#holder !== holder;
    this.#cancelWatch();
    this.#lease = undefined;
    this.#showsTotals = false;
    this.#holder = holder;
    series.clear();
    if (!isNews) return;
    if (holder === "elsewhere") log.info("handler is leased by another replica", { handler });
    else log.warning("handler has lost its lease", { handler });
  }
}

function lost(): LeaseLost {
  return new LeaseLost("the lease was lost, another replica may hold the handler: nothing was recorded");
}
