import { maxPendingLogBytes } from "./limits.ts";

/**
 * Writes lines to stdout without ever blocking the event loop or growing without bound: when the reader stalls, lines
 * beyond `maxPendingLogBytes` are dropped and their number is told to `onDropped` once the reader goes on; when the
 * reader is gone, lines go nowhere and the process goes on.
 */
export function createStdout(onDropped: (lines: number) => void) {
  const sink = Bun.stdout.writer();
  let pendingBytes = 0;
  let dropped = 0;
  let draining: Promise<void> | undefined;
  let gone = false;

  async function drain(pending: Promise<number>): Promise<void> {
    try {
      await pending;
    } catch {
      gone = true;
    }
    draining = undefined;
    pendingBytes = 0;
    if (dropped === 0) return;
    const lines = dropped;
    dropped = 0;
    onDropped(lines);
  }

  return {
    write(line: string): void {
      if (gone) return;
      if (pendingBytes > maxPendingLogBytes) {
        dropped += 1;
        return;
      }
      try {
        sink.write(line);
        pendingBytes += Buffer.byteLength(line);
        const pending = sink.flush();
        if (pending instanceof Promise) draining ??= drain(pending);
        else if (draining === undefined) pendingBytes = 0;
      } catch {
        gone = true;
      }
    },
    /** Waits until what was written is with the reader, `maxMs` at most. */
    async flush(maxMs: number): Promise<void> {
      if (draining !== undefined) await Promise.race([draining, Bun.sleep(maxMs)]);
    },
  };
}
