/**
 * A world for the ledger's property test: builds that start, end and run again, a clock that steps, two replicas that
 * poll, crash and take over from each other, and beside them a model that says what must have been counted.
 */
import type { Ended } from "../../src/handlers/handler.ts";
import type { Database } from "../../src/ledger/database.ts";
import { type Lease, LeaseLost, type Ledger, LedgerFault, type Total } from "../../src/ledger/ledger.ts";
import { batch, dayMs, startMs, wrappedLedger } from "./ledgers.ts";

/** How a replica ends in the middle of a poll: its session is closed, it dies between two statements or after the last. */
export type Death = "session" | "statement" | "commit";

export type Command =
  | { readonly type: "start"; readonly aheadMs: number }
  | { readonly type: "end"; readonly run: number; readonly aheadMs: number }
  | { readonly type: "rerun"; readonly run: number }
  | { readonly type: "touch"; readonly run: number }
  | { readonly type: "advance"; readonly byMs: number }
  | { readonly type: "clock"; readonly offsetMs: number }
  | { readonly type: "lookback"; readonly days: number }
  | { readonly type: "poll"; readonly replica: 0 | 1; readonly death?: { readonly at: number; readonly how: Death } }
  /** The other replica tries to take over and to poll while this one is at its statement `at`. */
  | { readonly type: "race"; readonly replica: 0 | 1; readonly at: number }
  | { readonly type: "restart"; readonly replica: 0 | 1 }
  | { readonly type: "takeover"; readonly replica: 0 | 1 };

/** What a test breaks on purpose, below the ledger. */
export type Sabotage = (database: Database) => Database;

export interface WorldOptions {
  readonly url: string;
  /** Statements beside the ledger; undefined where one process owns it. */
  readonly run: ((statement: string) => Promise<unknown>) | undefined;
  readonly sabotage?: Sabotage | undefined;
}

class Died extends Error {
  override readonly name = "Died";
}

interface Attempt {
  readonly key: string;
  readonly createdMs: number;
  endedMs: number | undefined;
}

interface Replica {
  ledger: Ledger;
  lease: Lease | undefined;
  /** Called before each statement of a record, with its number; throws to die there. */
  hook: ((at: number) => Promise<void>) | undefined;
  diesAfterCommit: boolean;
  /** Whether the last transaction that was kept was that of a record. */
  kept: boolean;
}

export class World {
  readonly #options: WorldOptions;
  readonly #replicas: readonly [Replica, Replica];
  readonly #runs: Attempt[][] = [];
  #realMs = startMs;
  #offsetMs = 0;
  #lookbackMs = dayMs;
  /** What the ledger must have: 1 or 0 by key; undefined for what it may have forgotten, until it is seen. */
  readonly #truth = new Map<string, 0 | 1 | undefined>();
  #newestMs = Number.NEGATIVE_INFINITY;
  #forgottenMs = Number.NEGATIVE_INFINITY;
  /** How many ended attempts came into view only after they might have been forgotten. */
  forgotten = 0;
  polls = 0;

  constructor(options: WorldOptions) {
    this.#options = options;
    const first = this.#replica();
    // A ledger in memory has one process.
    this.#replicas = [first, options.url === "memory" ? first : this.#replica()];
  }

  async close(): Promise<void> {
    await Promise.all(this.#replicas.map(({ ledger }) => ledger.close()));
  }

  async do(command: Command): Promise<void> {
    const run = "run" in command ? this.#runs[command.run % this.#runs.length] : undefined;
    const last = run?.at(-1);
    switch (command.type) {
      case "start":
        this.#runs.push([this.#attempt(this.#runs.length, 0, this.#realMs + command.aheadMs)]);
        break;
      case "end": {
        const running = this.#runs.map((attempts) => attempts.at(-1)!).filter(({ endedMs }) => endedMs === undefined);
        const ending = running[command.run % running.length];
        if (ending) ending.endedMs = this.#realMs + command.aheadMs;
        break;
      }
      case "rerun":
        if (run && last?.endedMs !== undefined) {
          run.push(this.#attempt(this.#runs.indexOf(run), run.length, last.createdMs));
        }
        break;
      case "touch":
        if (last?.endedMs !== undefined) last.endedMs = this.#realMs;
        break;
      case "advance":
        this.#realMs += command.byMs;
        break;
      case "clock":
        this.#offsetMs = command.offsetMs;
        break;
      case "lookback":
        this.#lookbackMs = command.days * dayMs;
        break;
      case "poll":
        await this.#poll(this.#replicas[command.replica], command.death);
        break;
      case "race":
        await this.#race(command);
        break;
      case "restart":
        await this.#restart(this.#replicas[command.replica]);
        break;
      case "takeover":
        await this.#takeOver(this.#replicas[command.replica]);
        break;
    }
  }

  /** Looks a last time, with a sane clock and nobody dying, and compares. */
  async finish(): Promise<void> {
    this.#offsetMs = 0;
    const [replica] = this.#replicas;
    await this.#takeOver(replica);
    await this.#poll(replica);
  }

  #attempt(run: number, number: number, createdMs: number): Attempt {
    return { key: `runs/${run}/attempts/${number + 1}`, createdMs, endedMs: undefined };
  }

  /** What the listing of a handler gives: everything that ended, of runs created within the lookback by our clock. */
  #listing(nowMs: number): readonly Ended[] {
    return this.#runs.flat().flatMap(({ key, createdMs, endedMs }) => {
      if (endedMs === undefined || createdMs < nowMs - this.#lookbackMs) return [];
      const labels = { repository: key, success: "true" };
      const samples = [
        { metric: "build_execution_total", labels, number: 1 },
        { metric: "build_execution_duration_seconds", labels, number: 45 },
      ];
      return [{ key, createdMs, endedMs, samples }];
    });
  }

  async #poll(replica: Replica, death?: { readonly at: number; readonly how: Death }): Promise<void> {
    this.polls += 1;
    const nowMs = this.#realMs + this.#offsetMs;
    const listing = this.#listing(nowMs);
    replica.kept = false;
    replica.diesAfterCommit = death?.how === "commit";
    replica.hook ??= death && death.how !== "commit" ? (at) => this.#die(death.how, death.at, at) : undefined;
    try {
      replica.lease ??= await replica.ledger.hold("build");
      if (!replica.lease) return;
      const recorded = await replica.ledger.record(
        replica.lease,
        batch(listing, { lookbackMs: this.#lookbackMs, maxSeries: 10_000 }),
      );
      this.#believe(listing, nowMs);
      this.#compare(recorded.totals);
    } catch (error) {
      replica.hook = undefined;
      if (error instanceof LeaseLost) {
        replica.lease = undefined;
        if (replica.kept) throw new Error("a record that had lost its lease was kept");
        return;
      }
      if (!(error instanceof Died) && !(error instanceof LedgerFault)) throw error;
      if (replica.kept) this.#believe(listing, nowMs);
      await this.#restart(replica);
    } finally {
      replica.hook = undefined;
      replica.diesAfterCommit = false;
    }
  }

  async #die(how: Death, deathAt: number, at: number): Promise<void> {
    if (at !== deathAt) return;
    if (how === "statement" || !this.#options.run) throw new Died();
    await this.#options.run(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE datname = current_database() AND state = 'idle in transaction'`,
    );
  }

  async #race({ replica: index, at: raceAt }: Extract<Command, { type: "race" }>): Promise<void> {
    const replica = this.#replicas[index];
    const other = this.#replicas[index === 0 ? 1 : 0];
    if (!this.#options.run) return await this.#poll(replica);
    replica.hook = async (at) => {
      if (at !== raceAt) return;
      other.lease = undefined;
      await this.#expireLease();
      if (await other.ledger.hold("build")) await this.#poll(other);
    };
    await this.#poll(replica);
  }

  async #restart(replica: Replica): Promise<void> {
    // Memory has nothing to start from again.
    if (this.#options.url === "memory") return;
    const previous = replica.ledger;
    replica.ledger = this.#open(replica);
    replica.lease = undefined;
    // One that died gives nothing back; its lease ends by the database's clock.
    await this.#expireLease();
    await previous.close();
  }

  /** The lease of the other one ends, as after a hang, and this one takes it; the other still believes in it. */
  async #takeOver(replica: Replica): Promise<void> {
    await this.#expireLease();
    replica.lease = await replica.ledger.hold("build");
  }

  /** Unless a transaction is at the row: then nobody can take it either. */
  async #expireLease(): Promise<void> {
    await this.#options.run?.(
      `DO $$ BEGIN
        IF to_regclass('specta_leases') IS NOT NULL THEN
          UPDATE specta_leases SET expires_at = now() - interval '1 second'
            WHERE handler IN (SELECT handler FROM specta_leases FOR UPDATE SKIP LOCKED);
        END IF;
      END $$`,
    );
  }

  /** A poll was kept: what it showed for the first time is counted when it ended in the ledger's life. */
  #believe(listing: readonly Ended[], nowMs: number): void {
    for (const { key, createdMs, endedMs } of listing) {
      if (!this.#truth.has(key)) {
        const forgotten = createdMs <= this.#forgottenMs;
        if (forgotten) this.forgotten += 1;
        this.#truth.set(key, forgotten ? undefined : endedMs >= startMs ? 1 : 0);
      }
      this.#newestMs = Math.max(this.#newestMs, createdMs);
    }
    if (listing.length === 0) return;
    const reachMs = Math.min(nowMs, this.#newestMs) - 2 * this.#lookbackMs - dayMs;
    this.#forgottenMs = Math.max(this.#forgottenMs, reachMs);
  }

  #compare(totals: readonly Total[]): void {
    const counted = new Map<string, number>();
    for (const { metric, labels, sum, buckets } of totals) {
      const key = labels.repository ?? "";
      if (metric === "build_execution_total") counted.set(key, sum);
      else if (buckets?.[1] !== sum / 45) throw new Error(`${key}: sum ${sum} with buckets ${String(buckets)}`);
    }
    for (const [key, truth] of this.#truth) {
      const number = counted.get(key) ?? 0;
      counted.delete(key);
      if (truth === undefined && (number === 0 || number === 1)) this.#truth.set(key, number);
      else if (number !== truth) throw new Error(`${key} was counted ${number} times, the truth is ${truth}`);
    }
    if (counted.size > 0) throw new Error(`counted, but never reported: ${[...counted.keys()].join()}`);
  }

  #replica(): Replica {
    const replica: Partial<Replica> & Pick<Replica, "lease" | "hook"> = { lease: undefined, hook: undefined };
    return Object.assign(replica, { ledger: this.#open(replica), diesAfterCommit: false, kept: false });
  }

  #open(replica: Partial<Replica>): Ledger {
    const { url, sabotage = (database) => database } = this.#options;
    return wrappedLedger(url, (database) => observed(sabotage(database), replica), {
      bornMs: startMs,
      now: () => this.#realMs + this.#offsetMs,
      leaseTimes: { ttlMs: 600_000, renewMs: 600_000 },
    });
  }
}

/** The database with the replica's hooks in it. */
function observed(database: Database, replica: Partial<Replica>): Database {
  return {
    ...database,
    async transaction(work) {
      let statements = 0;
      let records = false;
      const result = await database.transaction((query) =>
        work(async (text, ...values) => {
          await replica.hook?.(statements++);
          records ||= text.join("").includes("FROM specta_totals");
          return await query(text, ...values);
        }),
      );
      if (records) replica.kept = true;
      if (records && replica.diesAfterCommit) throw new Died();
      return result;
    },
  };
}
