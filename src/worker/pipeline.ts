/** The life of one handler in the main thread: execute, record, sleep, and again. */
import type { Clock } from "../base/clock.ts";
import { type Trouble, troubleOf } from "../base/errors.ts";
import { leasePollMs, maxQuotaRestMs } from "../base/limits.ts";
import type { Log, LogLevel } from "../base/log.ts";
import { formatDuration } from "../base/units.ts";
import type { Ended } from "../handlers/handler.ts";
import type { Registry } from "../metrics/registry.ts";
import type { Execution, Executions } from "./executions.ts";
import { dutyOf, type PlannedHandler } from "./plan.ts";
import type { Found, Recording } from "./protocol.ts";
import { type Declaration, type Outcome, Runner } from "./runner.ts";
import { HandlerSeries, type Owners } from "./series.ts";
import { type Holder, type LedgerSource, Tenure } from "./tenure.ts";

export interface PipelineOptions {
  readonly plan: PlannedHandler;
  readonly environment: string;
  readonly registry: Registry;
  readonly owners: Owners;
  readonly executions: Executions;
  readonly ledger: LedgerSource;
  readonly log: Log;
  readonly clock: Clock;
  readonly respawn: { readonly minMs: number; readonly maxMs: number };
}

/** How a handler stands. Times are Unix milliseconds. */
export interface HandlerState {
  readonly name: string;
  /** Why it does not run; undefined when it does. */
  readonly inactive: string | undefined;
  readonly holder: Holder;
  readonly isRunning: boolean;
  readonly last: Execution | undefined;
  readonly lastSuccessMs: number | undefined;
  readonly nextMs: number | undefined;
}

/** What an execution came to. */
interface Result {
  readonly trouble: Trouble | undefined;
  readonly gauges: readonly Recording[];
}

const saidInactive = "its active() returned false";

export class Pipeline {
  /** Settles when it is known whether the handler is active: a user's own says so itself. */
  readonly decided: Promise<void>;
  readonly #options: PipelineOptions;
  readonly #runner: Runner;
  readonly #series: HandlerSeries;
  readonly #tenure: Tenure;
  #decide = (): void => undefined;
  #coolerMs: number | undefined;
  #unfit: Trouble | undefined;
  #inactive: string | undefined;
  #restUntilMs = 0;
  #last: Execution | undefined;
  #lastSuccessMs: number | undefined;
  #isRunning = false;
  #isStopping = false;
  #nextMonotonicMs = 0;
  #wake = (): void => undefined;
  #cancelWake = (): void => undefined;
  #life: Promise<void> = Promise.resolve();

  constructor(options: PipelineOptions) {
    const { plan, clock, log, executions, registry, owners, ledger, environment, respawn } = options;
    this.#options = options;
    this.#coolerMs = plan.coolerMs;
    this.decided = new Promise((resolve) => {
      this.#decide = resolve;
    });
    const dropped = (metric: string, samples: number) => executions.dropped(plan.name, metric, samples, plan.maxSeries);
    const isShown = () => this.#tenure.isShown;
    this.#series = new HandlerSeries({ ...plan, handler: plan.name, registry, owners, clock, isShown, dropped });
    this.#tenure = new Tenure({
      ...plan,
      handler: plan.name,
      source: ledger,
      series: this.#series,
      clock,
      log,
      dropped,
    });
    this.#runner = new Runner({
      duty: dutyOf(plan, environment),
      deadlineMs: plan.deadlineMs,
      respawn,
      clock,
      events: {
        loaded: (declaration) => this.#loaded(declaration),
        diedIdle: (trouble) => this.#diedIdle(trouble),
        log: (level, message, keys) => this.#write(level, message, keys),
      },
    });
  }

  get state(): HandlerState {
    const { plan, clock } = this.#options;
    const isWaiting = !this.#isRunning && !this.#isStopping && this.#inactive === undefined;
    return {
      name: plan.name,
      inactive: this.#inactive,
      holder: this.#tenure.holder,
      isRunning: this.#isRunning,
      last: this.#last,
      lastSuccessMs: this.#lastSuccessMs,
      nextMs: isWaiting ? clock.unixMs() + Math.max(0, this.#nextMonotonicMs - clock.monotonicMs()) : undefined,
    };
  }

  /** Shows what is known ahead and begins the first execution at once. */
  start(): void {
    const { plan, executions } = this.#options;
    executions.expect(plan.name);
    if (plan.metrics !== undefined) {
      this.#decide();
      try {
        this.#declare(plan.metrics);
      } catch (thrown) {
        this.#unfit = troubleOf(thrown);
      }
    }
    this.#life = this.#live();
  }

  /** Begins no further execution; settles when the one in flight, if any, has ended. */
  stop(): Promise<void> {
    this.#isStopping = true;
    this.#wake();
    return this.#life;
  }

  /** Aborts the signal of the execution in flight. */
  abort(): void {
    this.#runner.abort("specta is stopping");
  }

  /** Ends the thread, wherever it is. */
  async end(): Promise<void> {
    this.#series.end();
    await this.#runner.end();
  }

  /** Lets another replica take the handler over at once. */
  release(): Promise<void> {
    return this.#tenure.release();
  }

  async #live(): Promise<void> {
    while (!this.#isStopping && this.#inactive === undefined) {
      this.#isRunning = true;
      const sleepMs = await this.#cycle();
      this.#isRunning = false;
      if (!this.#isStopping && this.#inactive === undefined) await this.#sleep(sleepMs);
    }
  }

  /** One cycle; returns the sleep after it. Never rejects. */
  async #cycle(): Promise<number> {
    const { clock } = this.#options;
    const startedMs = clock.unixMs();
    const start = clock.monotonicMs();
    let result: Result | "elsewhere" | "inactive";
    try {
      result = (await this.#tenure.acquire()) ? await this.#execute() : "elsewhere";
    } catch (thrown) {
      this.#series.failed();
      result = { trouble: troubleOf(thrown), gauges: [] };
    }
    this.#decide();
    if (result === "elsewhere") return leasePollMs;
    if (result === "inactive") return 0;
    if (result.trouble === undefined) this.#runner.succeeded();
    this.#ended(startedMs, clock.monotonicMs() - start, result);
    return Math.max(this.#coolerMs ?? 0, this.#runner.pauseMs) || leasePollMs;
  }

  async #execute(): Promise<Result | "inactive"> {
    const { clock } = this.#options;
    if (this.#unfit !== undefined) return this.#failed(this.#unfit);
    await this.#tenure.showTotals();
    if (clock.unixMs() < this.#restUntilMs) {
      const until = new Date(this.#restUntilMs).toISOString();
      return this.#failed({ description: `nothing was asked: a rest is asked for until ${until}`, trace: [] });
    }
    const outcome = await this.#runner.run();
    if ("inactive" in outcome) {
      this.#deactivate();
      return "inactive";
    }
    if ("trouble" in outcome) return this.#failed(outcome.trouble);
    return this.#record(outcome);
  }

  /** Takes what an execution has found: samples first, then ended work, and tells the thread when all of it stands. */
  async #record({ found, coolerMs, overdue }: Extract<Outcome, { found: Found }>): Promise<Result> {
    const { plan, executions, clock } = this.#options;
    this.#coolerMs = plan.coolerMs ?? coolerMs;
    const wrong = this.#series.wrong(found.recordings);
    if (wrong !== undefined) return this.#failed({ description: wrong, trace: [] });
    this.#tenure.verify();
    await this.#tenure.showTotals();
    const description = describe(found, overdue, plan.deadlineMs);
    this.#restUntilMs = Math.min(found.restUntilMs, clock.unixMs() + maxQuotaRestMs);
    this.#series.record(found.recordings, description === undefined);
    for (const [metric, samples] of Object.entries(found.dropped)) {
      executions.dropped(plan.name, metric, samples, plan.maxSeries);
    }
    if (found.ended.length > 0) await this.#count(found.ended);
    this.#runner.recorded();
    const gauges = found.recordings.filter(({ metric }) => this.#series.metrics[metric]?.kind === "gauge");
    return { trouble: description === undefined ? undefined : { description, trace: [] }, gauges };
  }

  /** What was counted before, or ended before the ledger's birth, is no news to the log either. */
  async #count(ended: readonly Ended[]): Promise<void> {
    const counted = new Set(await this.#tenure.record(ended));
    for (const { key, line } of ended) {
      if (counted.delete(key) && line !== undefined) this.#write("debug", line.message, line.keys);
    }
  }

  #failed(trouble: Trouble): Result {
    this.#series.failed();
    return { trouble, gauges: [] };
  }

  #ended(startedMs: number, latencyMs: number, { trouble, gauges }: Result): void {
    const { plan, executions } = this.#options;
    const success = trouble === undefined;
    const error = trouble?.description ?? "";
    this.#last = { handler: plan.name, startedMs, latencyMs, success, error, gauges };
    if (success) this.#lastSuccessMs = startedMs + latencyMs;
    executions.ended(this.#last, trouble);
  }

  #loaded({ metrics, coolerMs, active }: Declaration): void {
    const { plan } = this.#options;
    this.#coolerMs = plan.coolerMs ?? coolerMs;
    if (active && plan.metrics === undefined) this.#declare(metrics);
    if (active) this.#decide();
  }

  #declare(metrics: PlannedHandler["metrics"] & object): void {
    this.#series.declare(metrics);
    // With a database the zeros wait for the stored totals: a counter must not fall back.
    if (!this.#options.ledger.isConfigured) this.#series.showZeros();
  }

  #deactivate(): void {
    const { plan, executions, log } = this.#options;
    this.#inactive = saidInactive;
    executions.forget(plan.name);
    log.info("handler is inactive", { handler: plan.name, reason: saidInactive });
  }

  #diedIdle(trouble: Trouble): void {
    const { clock } = this.#options;
    this.#series.failed();
    this.#ended(clock.unixMs(), 0, { trouble, gauges: [] });
    if (this.#isRunning) return;
    this.#nextMonotonicMs = Math.max(this.#nextMonotonicMs, clock.monotonicMs() + this.#runner.pauseMs);
    this.#armWake();
  }

  #sleep(sleepMs: number): Promise<void> {
    this.#nextMonotonicMs = this.#options.clock.monotonicMs() + sleepMs;
    return new Promise((resolve) => {
      this.#wake = () => {
        this.#cancelWake();
        this.#wake = () => undefined;
        resolve();
      };
      this.#armWake();
    });
  }

  #armWake(): void {
    const { clock } = this.#options;
    this.#cancelWake();
    this.#cancelWake = clock.after(this.#nextMonotonicMs - clock.monotonicMs(), () => this.#wake());
  }

  #write(level: LogLevel, message: string, keys: Readonly<Record<string, string>>): void {
    const { log } = this.#options;
    if (level === "error") log.error(message, keys, { description: message, trace: [] });
    else log[level](message, keys);
  }
}

/** What of an execution has failed, though it has reported; undefined when nothing has. */
function describe({ failures, furtherFailures }: Found, overdue: boolean, deadlineMs: number): string | undefined {
  const parts = failures.map(({ target, reason }) => `${target}: ${reason}`);
  if (furtherFailures > 0) parts.push(`and ${furtherFailures} more`);
  const amount = failures.length + furtherFailures;
  const named = amount === 0 ? [] : [`${amount} ${amount === 1 ? "target" : "targets"} failed: ${parts.join("; ")}`];
  if (overdue) named.unshift(`the execution did not end within ${formatDuration(deadlineMs)}`);
  return named.length === 0 ? undefined : named.join("; ");
}
