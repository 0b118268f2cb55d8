/** The JSON lines of a process's stdout, read as they come. */

/** One log line; all values are text but `stack`. */
export type LogLine = Readonly<Record<string, unknown>>;

interface Waiter {
  readonly matches: (line: LogLine) => boolean;
  readonly resolve: (line: LogLine) => void;
  readonly reject: (error: Error) => void;
  readonly what: string;
}

export class LineLog {
  /** All that was written. */
  text = "";
  readonly lines: LogLine[] = [];
  /** Lines that are no JSON object. */
  readonly malformed: string[] = [];
  /** Settles when the output has ended. */
  readonly ended: Promise<void>;
  #waiters: Waiter[] = [];
  #closed = false;

  constructor(output: ReadableStream<Uint8Array>) {
    this.ended = this.#read(output);
  }

  /** The first line that matches, already written or still to come. @throws when the output ends without one. */
  find(matches: (line: LogLine) => boolean, what: string): Promise<LogLine> {
    const found = this.lines.find(matches);
    if (found) return Promise.resolve(found);
    if (this.#closed) return Promise.reject(this.#missing(what));
    return new Promise((resolve, reject) => this.#waiters.push({ matches, resolve, reject, what }));
  }

  async #read(output: ReadableStream<Uint8Array>): Promise<void> {
    const decoder = new TextDecoder();
    let rest = "";
    for await (const chunk of output) {
      const text = decoder.decode(chunk, { stream: true });
      this.text += text;
      const parts = (rest + text).split("\n");
      rest = parts.pop() ?? "";
      for (const part of parts) this.#take(part);
    }
    this.#closed = true;
    for (const waiter of this.#waiters) waiter.reject(this.#missing(waiter.what));
  }

  #take(text: string): void {
    const line = parseLine(text);
    if (line === undefined) {
      this.malformed.push(text);
      return;
    }
    this.lines.push(line);
    const met = this.#waiters.filter((waiter) => waiter.matches(line));
    this.#waiters = this.#waiters.filter((waiter) => !met.includes(waiter));
    for (const waiter of met) waiter.resolve(line);
  }

  #missing(what: string): Error {
    return new Error(`the output ended without the line ${what}:\n${this.text}`);
  }
}

function parseLine(text: string): LogLine | undefined {
  try {
    const line: unknown = JSON.parse(text);
    return typeof line === "object" && line !== null && !Array.isArray(line) ? { ...line } : undefined;
  } catch {
    return undefined;
  }
}
