/**
 * Keeps the history in a lasting ledger. Whoever holds a handler writes what it knows of it; all others read that, so
 * that every replica's page shows the whole, and the history goes on where the handler does.
 */
import type { Clock } from "../base/clock.ts";
import { messageOf } from "../base/errors.ts";
import { maxStatusStopMs, statusKeepMs } from "../base/limits.ts";
import type { Log } from "../base/log.ts";
import type { LedgerSource } from "../worker/tenure.ts";
import type { Recorder } from "./recorder.ts";
import { decodeState, encodeState } from "./state.ts";

type Ledger = Awaited<ReturnType<LedgerSource["open"]>>;

export interface KeeperOptions {
  /** Configured: it lasts. */
  readonly source: LedgerSource;
  readonly recorder: Recorder;
  readonly handlers: readonly string[];
  /** Whether this process holds a handler now. */
  readonly isHeldHere: (handler: string) => boolean;
  readonly clock: Clock;
  readonly log: Log;
}

export class Keeper {
  readonly #options: KeeperOptions;
  /** The handlers whose earlier history was read since they are held here. */
  readonly #restored = new Set<string>();
  readonly #savedMs = new Map<string, number>();
  /** Handlers whose turn is still to come because they were executed. */
  readonly #waiting = new Set<string>();
  /** Handlers whose kept history was found to be of no use. */
  readonly #useless = new Set<string>();
  #work: Promise<void> = Promise.resolve();
  #cancelNext = (): void => undefined;
  #hasFailed = false;

  constructor(options: KeeperOptions) {
    this.#options = options;
  }

  /** Reads what was kept, and goes on to keep. */
  start(): void {
    this.#again();
  }

  /** When another replica has written what is known of a handler, Unix milliseconds; undefined: never, as far as is known. */
  savedMs(handler: string): number | undefined {
    return this.#savedMs.get(handler);
  }

  /** A handler was executed here; what was known of it before is read once. */
  executed(handler: string): void {
    if (this.#restored.has(handler) || this.#waiting.has(handler) || !this.#options.isHeldHere(handler)) return;
    this.#waiting.add(handler);
    this.#queue([handler]);
  }

  /** Settles when all that was begun has ended. */
  idle(): Promise<void> {
    return this.#work;
  }

  /** Writes for the last time, and waits for it no longer than `maxStatusStopMs`. Never rejects. */
  async stop(): Promise<void> {
    const { clock, handlers } = this.#options;
    this.#cancelNext();
    this.#queue(handlers);
    let cancel = (): void => undefined;
    const timeout = new Promise<void>((resolve) => {
      cancel = clock.after(maxStatusStopMs, resolve);
    });
    await Promise.race([this.#work, timeout]);
    cancel();
  }

  #again(): void {
    this.#queue(this.#options.handlers);
    this.#cancelNext = this.#options.clock.after(statusKeepMs, () => this.#again());
  }

  /** One after the other: what is read must not overtake what is written. */
  #queue(handlers: readonly string[]): void {
    this.#work = this.#work.then(() => this.#sync(handlers));
  }

  async #sync(handlers: readonly string[]): Promise<void> {
    const { source, log } = this.#options;
    try {
      const ledger = await source.open();
      for (const handler of handlers) await this.#syncOne(ledger, handler);
      this.#hasFailed = false;
    } catch (thrown) {
      // Said once while it lasts: the next try comes soon.
      if (!this.#hasFailed) log.warning("status history could not be kept", { reason: messageOf(thrown) });
      this.#hasFailed = true;
    }
    for (const handler of handlers) this.#waiting.delete(handler);
  }

  async #syncOne(ledger: Ledger, handler: string): Promise<void> {
    const { isHeldHere, recorder, clock } = this.#options;
    const name = `status/${handler}`;
    if (!isHeldHere(handler) || !this.#restored.has(handler)) this.#restore(handler, await ledger.loadState(name));
    if (!isHeldHere(handler)) {
      this.#restored.delete(handler);
      return;
    }
    this.#restored.add(handler);
    await ledger.saveState(name, encodeState(handler, recorder.history, recorder.results.all(), clock.unixMs()));
  }

  #restore(handler: string, text: string | undefined): void {
    if (text === undefined) return;
    const { recorder, log } = this.#options;
    try {
      const { tracks, results, lastSlot, knownSinceMs, savedMs } = decodeState(handler, text);
      for (const track of tracks) recorder.history.restore(track, lastSlot, knownSinceMs);
      for (const result of results) recorder.results.take(result);
      this.#savedMs.set(handler, savedMs);
    } catch (thrown) {
      if (!this.#useless.has(handler)) {
        log.warning("kept status history is of no use", { handler, reason: messageOf(thrown) });
      }
      this.#useless.add(handler);
    }
  }
}
