/**
 * Waits for the word to stop. To be called first thing: as process 1 of a container a process without handlers ignores
 * both signals. The first asks to stop; a second exits at once, with 0 as well, for it was asked for.
 */
export function watchSignals(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    let asked = false;
    const onSignal = (signal: NodeJS.Signals) => {
      if (asked) process.exit(0);
      asked = true;
      resolve(signal);
    };
    process.on("SIGTERM", onSignal);
    process.on("SIGINT", onSignal);
  });
}
