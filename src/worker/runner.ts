/** Keeps a handler's thread: starts it when it is needed, ends it when it does not answer, and starts it again, later. */
import type { Clock } from "../base/clock.ts";
import { type Trouble, troubleOf } from "../base/errors.ts";
import { deadlineGraceMs, maxThreadEndMs } from "../base/limits.ts";
import type { LogLevel } from "../base/log.ts";
import { formatDuration } from "../base/units.ts";
import type { Metrics } from "../metrics/definition.ts";
import type { Found, FromThread, ToThread } from "./protocol.ts";
import { Thread, type ThreadDuty } from "./spawn.ts";

export interface Declaration {
  readonly metrics: Metrics;
  readonly coolerMs: number;
  readonly active: boolean;
}

/** How a run went. `overdue`: it ended after its deadline, yet before its thread was ended. */
export type Outcome =
  | { readonly found: Found; readonly coolerMs: number; readonly overdue: boolean }
  | { readonly trouble: Trouble }
  /** It has said that it does not run at all. */
  | { readonly inactive: true };

export interface RunnerEvents {
  /** A thread has loaded the handler. Throws when what it declares cannot be; that thread then goes. */
  loaded(declaration: Declaration): void;
  /** The thread died while nothing was asked of it. */
  diedIdle(trouble: Trouble): void;
  log(level: LogLevel, message: string, keys: Readonly<Record<string, string>>): void;
}

export interface RunnerOptions {
  readonly duty: ThreadDuty;
  readonly deadlineMs: number;
  readonly respawn: { readonly minMs: number; readonly maxMs: number };
  readonly clock: Clock;
  readonly events: RunnerEvents;
}

interface Run {
  readonly settle: (outcome: Outcome) => void;
  overdue: boolean;
}

export class Runner {
  readonly #options: RunnerOptions;
  readonly #closing = new Set<Promise<void>>();
  #thread: Thread | undefined;
  #active: boolean | undefined;
  #isLoaded = false;
  #run: Run | undefined;
  #backoffMs = 0;
  #respawnAtMs = Number.NEGATIVE_INFINITY;

  constructor(options: RunnerOptions) {
    this.#options = options;
  }

  /** How long from now until a dead thread may be started again (ms); 0 when at once. */
  get pauseMs(): number {
    return Math.max(0, this.#respawnAtMs - this.#options.clock.monotonicMs());
  }

  /** Runs the handler once, in a thread that is started when there is none. Never rejects; one run at a time. */
  run(): Promise<Outcome> {
    const { clock, deadlineMs } = this.#options;
    return new Promise((resolve) => {
      let cancel = (): void => undefined;
      const run: Run = {
        overdue: false,
        settle: (outcome) => {
          cancel();
          this.#run = undefined;
          resolve(outcome);
        },
      };
      this.#run = run;
      cancel = clock.after(deadlineMs, () => {
        run.overdue = true;
        this.abort(this.#overdueText);
        cancel = clock.after(deadlineGraceMs, () => this.#die({ description: this.#overdueText, trace: [] }));
      });
      if (this.#thread === undefined) void this.#startFor(run);
      else if (this.#isLoaded) this.#post({ type: "run" });
    });
  }

  /** Aborts the signal of the run in flight. */
  abort(reason: string): void {
    this.#post({ type: "abort", reason });
  }

  /** Tells the thread that its report was recorded for good. */
  recorded(): void {
    this.#post({ type: "recorded" });
  }

  /** A success: the next death starts with the shortest pause again. */
  succeeded(): void {
    this.#backoffMs = 0;
  }

  /** Ends the thread for good; settles when nothing of it is left. */
  async end(): Promise<void> {
    this.#release();
    this.#run?.settle({ trouble: { description: "specta is stopping", trace: [] } });
    await Promise.all(this.#closing);
  }

  get #overdueText(): string {
    const within = formatDuration(this.#options.deadlineMs);
    if (this.#thread === undefined) return `the thread of an earlier execution did not end within ${within}`;
    return `the execution did not end within ${within}`;
  }

  #post(message: ToThread): void {
    this.#thread?.post(message);
  }

  /**
   * Waits for what is left of earlier threads: one that is deep in native code ends late, and must stay the only one. Not
   * for ever: now and then Bun never tells that a worker has closed, and its handler must go on.
   */
  async #startFor(run: Run): Promise<void> {
    let cancel = (): void => undefined;
    const enough = new Promise<void>((resolve) => {
      cancel = this.#options.clock.after(maxThreadEndMs, resolve);
    });
    await Promise.race([Promise.all(this.#closing), enough]);
    cancel();
    this.#closing.clear();
    if (this.#run !== run) return;
    try {
      this.#start();
    } catch (thrown) {
      this.#die(troubleOf(thrown));
    }
  }

  #start(): void {
    const thread = new Thread(this.#options.duty, {
      message: (message) => this.#hear(message),
      ended: (trouble) => this.#die(trouble),
    });
    this.#thread = thread;
    const closed = thread.closed.then(() => void this.#closing.delete(closed));
    this.#closing.add(closed);
  }

  #hear(message: FromThread): void {
    const run = this.#run;
    switch (message.type) {
      case "log":
        this.#options.events.log(message.level, message.message, message.keys);
        break;
      case "loaded":
        this.#load(message);
        break;
      case "unloadable":
      case "broken":
        this.#die(message.trouble);
        break;
      case "found":
        run?.settle({ found: message.found, coolerMs: message.coolerMs, overdue: run.overdue });
        break;
      case "failed": {
        const { description, trace } = message.trouble;
        const late = `${this.#overdueText}: ${description}`;
        run?.settle({ trouble: { description: run.overdue ? late : description, trace } });
      }
    }
  }

  #load(declaration: Declaration): void {
    try {
      this.#options.events.loaded(declaration);
    } catch (thrown) {
      this.#die(troubleOf(thrown));
      return;
    }
    this.#isLoaded = true;
    // Asked once at the start: what a later thread says of it does not count.
    this.#active ??= declaration.active;
    if (this.#active) this.#post({ type: "run" });
    else {
      this.#release();
      this.#run?.settle({ inactive: true });
    }
  }

  /** The thread is of no use any more: ends what is left of it, fails the run in flight, and notes when to start anew. */
  #die(trouble: Trouble): void {
    this.#release();
    const { clock, respawn, events } = this.#options;
    this.#backoffMs = this.#backoffMs === 0 ? respawn.minMs : Math.min(this.#backoffMs * 2, respawn.maxMs);
    this.#respawnAtMs = clock.monotonicMs() + this.#backoffMs;
    if (this.#run === undefined) events.diedIdle(trouble);
    else this.#run.settle({ trouble });
  }

  #release(): void {
    this.#thread?.end();
    this.#thread = undefined;
    this.#isLoaded = false;
  }
}
