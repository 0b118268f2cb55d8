/** A ledger of two replicas' world that a test moves by hand: who holds, whether it is away, and what it counted. */
import {
  type Batch,
  type Lease,
  LeaseLost,
  type Ledger,
  LedgerFault,
  type Recorded,
  type Total,
} from "../../src/ledger/ledger.ts";

export class FakeLedger implements Ledger {
  readonly kind = "postgres";
  readonly lasting = true;
  /** The database cannot be reached. */
  isAway = false;
  /** Another replica holds all handlers. */
  isTaken = false;
  /** What was stored before, and by `record`. */
  readonly stored = new Map<string, Total>();
  readonly counted: string[] = [];
  readonly released: string[] = [];
  #token = 1;

  /** Another replica takes the handlers over, or gives them back. */
  take(isTaken: boolean): void {
    this.isTaken = isTaken;
    this.#token += 1;
  }

  async hold(handler: string): Promise<Lease | undefined> {
    await this.#reach();
    return this.isTaken ? undefined : { handler, token: this.#token };
  }

  holds({ token }: Lease): boolean {
    return !this.isTaken && token === this.#token;
  }

  async record(lease: Lease, { ended, metrics }: Batch): Promise<Recorded> {
    await this.#reach();
    if (!this.holds(lease)) throw new LeaseLost("another replica has the handler");
    const counted: string[] = [];
    for (const { key, samples } of ended) {
      if (this.counted.includes(key)) continue;
      this.counted.push(key);
      counted.push(key);
      for (const { metric, labels = {}, number } of samples) {
        if (metrics[metric]?.kind !== "counter") throw new TypeError(`${metric} is no counter`);
        const id = JSON.stringify([metric, labels]);
        this.stored.set(id, { metric, labels, sum: (this.stored.get(id)?.sum ?? 0) + number });
      }
    }
    return { totals: [...this.stored.values()], counted, dropped: {} };
  }

  async totals(lease: Lease): Promise<readonly Total[]> {
    await this.#reach();
    if (!this.holds(lease)) throw new LeaseLost("another replica has the handler");
    return [...this.stored.values()];
  }

  async release({ handler }: Lease): Promise<void> {
    await this.#reach();
    this.released.push(handler);
  }

  async saveState(): Promise<void> {
    await this.#reach();
  }

  async loadState(): Promise<string | undefined> {
    await this.#reach();
    return undefined;
  }

  async close(): Promise<void> {
    await this.#reach();
  }

  async #reach(): Promise<void> {
    if (this.isAway) throw new LedgerFault("the database at db:5432 cannot be reached");
  }
}
