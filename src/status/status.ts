/** The status page's part of the daemon: it remembers from the start, and loads what answers at the first request. */
import { type Clock, systemClock } from "../base/clock.ts";
import type { Log } from "../base/log.ts";
import type { Metrics } from "../metrics/definition.ts";
import type { Registry } from "../metrics/registry.ts";
import type { PlannedHandler } from "../worker/plan.ts";
import type { LedgerSource } from "../worker/tenure.ts";
import type { StatusDocument } from "./document.ts";
import { Keeper } from "./keeper.ts";
import { Recorder, type Worker } from "./recorder.ts";
import type { Sources } from "./sources.ts";

export interface StatusOptions {
  readonly registry: Registry;
  /** What clients may push; empty where no server runs. */
  readonly pushed: Metrics;
  /** Left out: a file. */
  readonly configuration?: StatusDocument["configuration"];
  readonly log: Log;
  /** Left out: the system's. */
  readonly clock?: Clock;
}

type Route = (request: Request) => Promise<Response>;

/**
 * ```
 * const status = new Status({ registry, pushed: config.metrics, log });
 * startServer({ …, routes: status.routes });
 * const ledger = status.ledger(source);
 * const engine = new Engine({ …, ledger });
 * status.watch(engine, planned, ledger);
 * await status.stop();
 * ```
 */
export class Status {
  /** `/status` and `/status.json`. */
  readonly routes: Readonly<Record<"/status" | "/status.json", Route>>;
  readonly #options: StatusOptions;
  readonly #clock: Clock;
  readonly #recorder: Recorder;
  readonly #startedMs: number;
  #worker: Worker | undefined;
  #handlers: readonly PlannedHandler[] = [];
  #keeper: Keeper | undefined;
  #unlisten = (): void => undefined;

  constructor(options: StatusOptions) {
    const clock = options.clock ?? systemClock;
    const pushedGauges = Object.keys(options.pushed).filter((name) => options.pushed[name]?.kind === "gauge");
    this.#options = options;
    this.#clock = clock;
    this.#startedMs = clock.unixMs();
    this.#recorder = new Recorder({ registry: options.registry, pushedGauges, clock });
    this.#recorder.start();
    this.routes = {
      "/status": async () => (await import("./answer.ts")).answerPage(this.#sources),
      "/status.json": async () => (await import("./answer.ts")).answerJson(this.#sources),
    };
  }

  /** The same ledger for the engine; the results that it counts are remembered. */
  ledger(source: LedgerSource): LedgerSource {
    return this.#recorder.results.watch(source);
  }

  /** Takes part in what the worker does from now on, before it is started. The ledger keeps the history when it lasts. */
  watch(worker: Worker, handlers: readonly PlannedHandler[], ledger: LedgerSource): void {
    this.#worker = worker;
    this.#handlers = handlers;
    this.#recorder.watch(worker, handlers);
    if (!ledger.isConfigured) return;
    const { log } = this.#options;
    const keeper = new Keeper({
      source: ledger,
      recorder: this.#recorder,
      handlers: handlers.filter(({ inactive }) => inactive === undefined).map(({ name }) => name),
      isHeldHere: (handler) => this.#holderOf(handler) === "here",
      clock: this.#clock,
      log,
    });
    this.#keeper = keeper;
    this.#unlisten = worker.onExecution(({ handler }) => keeper.executed(handler));
    keeper.start();
  }

  /** Keeps the history for the last time. Never rejects. */
  async stop(): Promise<void> {
    this.#recorder.stop();
    this.#unlisten();
    await this.#keeper?.stop();
  }

  get #sources(): Sources {
    const holders = new Map(this.#worker?.state().map(({ name, holder }) => [name, holder]));
    return {
      registry: this.#options.registry,
      recorder: this.#recorder,
      clock: this.#clock,
      startedMs: this.#startedMs,
      pushed: new Set(Object.keys(this.#options.pushed)),
      configuration: this.#options.configuration ?? "file",
      worker: this.#worker,
      handlers: this.#handlers,
      keeper: this.#keeper,
      holderOf: (handler) => holders.get(handler) ?? "free",
    };
  }

  #holderOf(handler: string) {
    return this.#worker?.state().find(({ name }) => name === handler)?.holder ?? "free";
  }
}
