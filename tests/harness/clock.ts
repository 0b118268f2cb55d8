import type { Clock } from "../../src/base/clock.ts";

/** A clock that stands still until the test moves it. */
export class ManualClock implements Clock {
  #nowMs = 0;
  #unixMs: number;
  #timers: { readonly atMs: number; readonly run: () => void }[] = [];

  constructor(unixMs = Date.UTC(2026, 0, 1)) {
    this.#unixMs = unixMs;
  }

  unixMs(): number {
    return this.#unixMs;
  }

  monotonicMs(): number {
    return this.#nowMs;
  }

  /** When the next timer is due, milliseconds from now; undefined when there is none. */
  get nextMs(): number | undefined {
    const [first] = this.#timers;
    return first === undefined ? undefined : first.atMs - this.#nowMs;
  }

  after(delayMs: number, run: () => void): () => void {
    const timer = { atMs: this.#nowMs + Math.max(0, delayMs), run };
    this.#timers = [...this.#timers, timer].sort((a, b) => a.atMs - b.atMs);
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  }

  /** Moves on, running what comes due on the way, each at its time. */
  advance(ms: number): void {
    const untilMs = this.#nowMs + ms;
    for (let timer = this.#timers[0]; timer !== undefined && timer.atMs <= untilMs; timer = this.#timers[0]) {
      this.#step(timer.atMs - this.#nowMs);
      this.#timers = this.#timers.filter((other) => other !== timer);
      timer.run();
    }
    this.#step(untilMs - this.#nowMs);
  }

  /** Sets the wall clock, as an operator may, without time passing. */
  setUnixMs(unixMs: number): void {
    this.#unixMs = unixMs;
  }

  #step(ms: number): void {
    this.#nowMs += ms;
    this.#unixMs += ms;
  }
}
