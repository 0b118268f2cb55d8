/** The worker: runs every active handler in a thread and a cycle of its own, and writes what they find to the registry. */
import { type Clock, systemClock } from "../base/clock.ts";
import { messageOf } from "../base/errors.ts";
import { deadlineGraceMs, maxActiveWaitMs, maxRespawnMs, maxStopMs, minRespawnMs } from "../base/limits.ts";
import type { Log } from "../base/log.ts";
import type { Registry } from "../metrics/registry.ts";
import { type Execution, Executions } from "./executions.ts";
import { type HandlerState, Pipeline } from "./pipeline.ts";
import type { PlannedHandler } from "./plan.ts";
import { Owners } from "./series.ts";
import type { LedgerSource } from "./tenure.ts";

export interface EngineOptions {
  /** From `planHandlers`; inactive ones are told of in the log. */
  readonly handlers: readonly PlannedHandler[];
  readonly registry: Registry;
  /** The ledger is opened at its first use and belongs to the caller, who closes it after `stop`. */
  readonly ledger: LedgerSource;
  readonly log: Log;
  /** Left out: the system's. */
  readonly clock?: Clock;
  /** First and longest pause before a dead thread is started again; left out: 1 s and 1 min. */
  readonly respawn?: { readonly minMs: number; readonly maxMs: number };
}

/**
 * ```
 * const engine = new Engine({ handlers: planHandlers(config, environment, builtIns), registry, ledger, log });
 * await engine.start();
 * await engine.stop();
 * ```
 */
export class Engine {
  readonly #options: EngineOptions;
  readonly #clock: Clock;
  readonly #executions: Executions;
  readonly #pipelines: readonly Pipeline[];

  /** Registers the worker's own metrics; nothing runs yet. */
  constructor(options: EngineOptions) {
    const { handlers, registry, log, ledger } = options;
    const respawn = options.respawn ?? { minMs: minRespawnMs, maxMs: maxRespawnMs };
    const clock = options.clock ?? systemClock;
    const executions = new Executions(registry, log);
    const owners = new Owners();
    const { environment } = registry;
    this.#options = options;
    this.#clock = clock;
    this.#executions = executions;
    this.#pipelines = handlers
      .filter(({ inactive }) => inactive === undefined)
      .map((plan) => new Pipeline({ plan, environment, registry, owners, executions, ledger, log, clock, respawn }));
  }

  /** Begins the first executions at once; settles when it is known how many handlers are active. Never rejects. */
  async start(): Promise<void> {
    const { handlers, log } = this.#options;
    for (const { name, inactive } of handlers) {
      if (inactive !== undefined) log.info("handler is inactive", { handler: name, reason: inactive });
    }
    for (const pipeline of this.#pipelines) pipeline.start();
    await this.#within(
      maxActiveWaitMs,
      this.#pipelines.map(({ decided }) => decided),
    );
    const active = this.#pipelines.filter(({ state }) => state.inactive === undefined);
    log.info("worker is executing tasks", { pipelines: String(active.length) });
  }

  /**
   * Begins no further execution, lets those in flight end, ends them after `maxMs` (their signals abort shortly before),
   * ends all threads and gives the leases back. Never rejects.
   */
  async stop(maxMs: number = maxStopMs): Promise<void> {
    const cancelAbort = this.#clock.after(maxMs - deadlineGraceMs, () => {
      for (const pipeline of this.#pipelines) pipeline.abort();
    });
    await this.#within(
      maxMs,
      this.#pipelines.map((pipeline) => pipeline.stop()),
    );
    cancelAbort();
    await this.#within(
      deadlineGraceMs,
      this.#pipelines.map((pipeline) => pipeline.end()),
    );
    await this.#within(
      deadlineGraceMs,
      this.#pipelines.map((pipeline) => this.#release(pipeline)),
    );
  }

  /** Calls the listener after every execution of any handler; returns what ends that. */
  onExecution(listener: (execution: Execution) => void): () => void {
    return this.#executions.listen(listener);
  }

  /** How every handler stands, the inactive ones too, in the order of the plan. */
  state(): readonly HandlerState[] {
    const running = new Map(this.#pipelines.map(({ state }) => [state.name, state]));
    return this.#options.handlers.map(({ name, inactive }) => running.get(name) ?? resting(name, inactive));
  }

  async #release(pipeline: Pipeline): Promise<void> {
    try {
      await pipeline.release();
    } catch (thrown) {
      // The lease ends by itself a little later.
      const handler = pipeline.state.name;
      this.#options.log.warning("lease could not be given back", { handler, reason: messageOf(thrown) });
    }
  }

  /** Waits for all of them, and no longer than that. */
  async #within(maxMs: number, work: readonly Promise<void>[]): Promise<void> {
    let cancel = (): void => undefined;
    const timeout = new Promise<void>((resolve) => {
      cancel = this.#clock.after(maxMs, resolve);
    });
    await Promise.race([Promise.all(work), timeout]);
    cancel();
  }
}

function resting(name: string, inactive: string | undefined): HandlerState {
  return {
    name,
    inactive,
    holder: "free",
    isRunning: false,
    last: undefined,
    lastSuccessMs: undefined,
    nextMs: undefined,
  };
}
