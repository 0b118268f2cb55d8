import type { Trouble } from "../../src/base/errors.ts";
import type { Log, LogKeys, LogLevel } from "../../src/base/log.ts";

export interface Line {
  readonly level: LogLevel;
  readonly message: string;
  readonly keys: LogKeys;
  readonly trouble: Trouble | undefined;
}

/** A log that keeps its lines. */
export class MemoryLog implements Log {
  readonly lines: Line[] = [];
  #waiters: { readonly matches: (line: Line) => boolean; readonly resolve: (line: Line) => void }[] = [];

  debug(message: string, keys: LogKeys = {}): void {
    this.#add({ level: "debug", message, keys, trouble: undefined });
  }

  info(message: string, keys: LogKeys = {}): void {
    this.#add({ level: "info", message, keys, trouble: undefined });
  }

  warning(message: string, keys: LogKeys = {}): void {
    this.#add({ level: "warning", message, keys, trouble: undefined });
  }

  error(message: string, keys: LogKeys, trouble: Trouble): void {
    this.#add({ level: "error", message, keys, trouble });
  }

  writes(): boolean {
    return true;
  }

  async flush(): Promise<void> {
    await Promise.resolve();
  }

  /** The lines so far with that message. */
  of(message: string): Line[] {
    return this.lines.filter((line) => line.message === message);
  }

  /** The first line with that message, already written or still to come. */
  line(message: string): Promise<Line> {
    const matches = (line: Line) => line.message === message;
    const found = this.lines.find(matches);
    if (found !== undefined) return Promise.resolve(found);
    return new Promise((resolve) => this.#waiters.push({ matches, resolve }));
  }

  #add(line: Line): void {
    this.lines.push(line);
    const met = this.#waiters.filter(({ matches }) => matches(line));
    this.#waiters = this.#waiters.filter((waiter) => !met.includes(waiter));
    for (const { resolve } of met) resolve(line);
  }
}
