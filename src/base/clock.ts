/** Time as the daemon sees it; tests have one of their own. */
export interface Clock {
  /** Milliseconds since the Unix epoch; may be set back. */
  unixMs(): number;
  /** Milliseconds since some moment; never goes back. */
  monotonicMs(): number;
  /** Runs something once, that much later; returns what calls it off. */
  after(delayMs: number, run: () => void): () => void;
}

/** The longest delay that a timer takes; beyond it `setTimeout` fires at once. */
const maxTimerMs = 2 ** 31 - 1;

export const systemClock: Clock = {
  unixMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  after(delayMs, run) {
    let timer: ReturnType<typeof setTimeout>;
    const arm = (restMs: number): void => {
      const partMs = Math.min(restMs, maxTimerMs);
      timer = setTimeout(() => (restMs > partMs ? arm(restMs - partMs) : run()), partMs);
    };
    arm(Math.max(0, delayMs));
    return () => clearTimeout(timer);
  },
};
