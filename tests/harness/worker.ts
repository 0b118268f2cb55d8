/** An engine with handlers of the tests' own, whose executions can be waited for. */
import { join } from "node:path";
import type { Clock } from "../../src/base/clock.ts";
import type { Ledger } from "../../src/ledger/ledger.ts";
import { expose } from "../../src/metrics/exposition.ts";
import { Registry } from "../../src/metrics/registry.ts";
import { Engine } from "../../src/worker/engine.ts";
import type { Execution } from "../../src/worker/executions.ts";
import type { PlannedHandler } from "../../src/worker/plan.ts";
import { root } from "./build.ts";
import { ManualClock } from "./clock.ts";
import { Exposition } from "./exposition.ts";
import { MemoryLog } from "./log.ts";

/** The path of a handler among the fixtures. */
export function fixture(name: string): string {
  return join(root, "tests/fixtures/handlers", name);
}

/** A user's handler with short times, as the plan has it. */
export function planned(name: string, file: string, more: Partial<PlannedHandler> = {}): PlannedHandler {
  return {
    name,
    inactive: undefined,
    file,
    settings: {},
    metrics: undefined,
    coolerMs: 10,
    timeoutMs: 5000,
    deadlineMs: more.timeoutMs ?? 5000,
    staleAfterMs: 60_000,
    maxSeries: 100,
    lookbackMs: 86_400_000,
    variables: {},
    description: file,
    ...more,
  };
}

export interface BenchOptions {
  readonly clock?: Clock;
  readonly respawn?: { readonly minMs: number; readonly maxMs: number };
  /** Given: a database is configured. */
  readonly ledger?: () => Promise<Ledger>;
  /** The ledger in memory; left out: there must be no need of it. */
  readonly memory?: () => Promise<Ledger>;
}

export class Bench implements AsyncDisposable {
  readonly log = new MemoryLog();
  readonly registry = new Registry("testing");
  readonly executions: Execution[] = [];
  readonly engine: Engine;
  readonly #clock: Clock | undefined;
  #waiters: (() => void)[] = [];

  constructor(handlers: readonly PlannedHandler[], { clock, respawn, ledger, memory }: BenchOptions = {}) {
    this.#clock = clock;
    this.engine = new Engine({
      handlers,
      registry: this.registry,
      log: this.log,
      ledger: {
        isConfigured: ledger !== undefined,
        open: ledger ?? memory ?? (() => Promise.reject(new Error("this test has no ledger"))),
      },
      respawn: respawn ?? { minMs: 10, maxMs: 40 },
      ...(clock && { clock }),
    });
    this.engine.onExecution((execution) => {
      this.executions.push(execution);
      const waiters = this.#waiters;
      this.#waiters = [];
      for (const waiter of waiters) waiter();
    });
  }

  /** The executions of a handler so far. */
  of(handler: string): Execution[] {
    return this.executions.filter((execution) => execution.handler === handler);
  }

  /** Waits until a handler has so many executions, and returns these first ones. */
  async count(handler: string, amount: number): Promise<Execution[]> {
    return await this.until(() => (this.of(handler).length >= amount ? this.of(handler).slice(0, amount) : undefined));
  }

  /** Waits for an execution after which there is an answer. */
  async until<T>(answer: () => T | undefined): Promise<T> {
    for (;;) {
      const found = answer();
      if (found !== undefined) return found;
      await new Promise<void>((resolve) => this.#waiters.push(resolve));
    }
  }

  exposition(): Exposition {
    return new Exposition(expose(this.registry));
  }

  /** The value of a series; `env` is added. */
  value(name: string, labels: Readonly<Record<string, string>> = {}): number | undefined {
    return this.exposition().value(name, { env: "testing", ...labels });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    let isStopped = false;
    const stopped = this.engine.stop(0).then(() => {
      isStopped = true;
    });
    // A clock of the test's own stands still by itself.
    while (this.#clock instanceof ManualClock && !isStopped) {
      this.#clock.advance(1);
      await Bun.sleep(1);
    }
    await stopped;
  }
}

/** An engine that has started. `await using bench = await startBench([…])` ends it with the block. */
export async function startBench(handlers: readonly PlannedHandler[], options: BenchOptions = {}): Promise<Bench> {
  const bench = new Bench(handlers, options);
  await bench.engine.start();
  return bench;
}
