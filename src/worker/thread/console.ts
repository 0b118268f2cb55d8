/** What a handler writes to its console and to stdout becomes log lines, so many a second and no more. */
import { maxConsoleLinesPerSecond, maxLogValueChars } from "../../base/limits.ts";
import type { LogLevel } from "../../base/log.ts";

export type WriteLine = (level: LogLevel, message: string, keys: Readonly<Record<string, string>>) => void;

const windowMs = 1000;

/** Passes so many lines a second on and tells the number of the rest in one line. */
export class LineGate {
  readonly #write: WriteLine;
  readonly #handler: string;
  readonly #now: () => number;
  #startMs = Number.NEGATIVE_INFINITY;
  #lines = 0;
  #dropped = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(write: WriteLine, handler: string, now: () => number = () => performance.now()) {
    this.#write = write;
    this.#handler = handler;
    this.#now = now;
  }

  /** Whether one more line may pass now; the line itself need not be made when it may not. */
  open(): boolean {
    if (this.#now() - this.#startMs >= windowMs) this.#roll();
    if (this.#lines < maxConsoleLinesPerSecond) {
      this.#lines += 1;
      return true;
    }
    this.#dropped += 1;
    // The number is told at the end of the second, though no further line should come.
    this.#timer ??= setTimeout(() => this.#roll(), Math.max(0, this.#startMs + windowMs - this.#now()));
    return false;
  }

  /** Tells what was dropped so far; for the end of a thread. */
  close(): void {
    this.#roll();
  }

  #roll(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const dropped = this.#dropped;
    this.#startMs = this.#now();
    this.#lines = dropped === 0 ? 0 : 1;
    this.#dropped = 0;
    if (dropped === 0) return;
    this.#write("warning", "console lines were dropped", { handler: this.#handler, lines: String(dropped) });
  }
}

/** A console and a stream of text, both through one gate. */
export class Lines {
  readonly #gate: LineGate;
  readonly #write: WriteLine;
  readonly #handler: string;

  constructor(gate: LineGate, write: WriteLine, handler: string) {
    this.#gate = gate;
    this.#write = write;
    this.#handler = handler;
  }

  /** One line of what console methods take. */
  print(level: LogLevel, values: readonly unknown[]): void {
    if (this.#gate.open()) this.#write(level, this.#render(values), { handler: this.#handler });
  }

  /** A place for text in pieces, whose lines end where it says so. */
  stream(level: LogLevel): (piece: unknown) => void {
    let rest = "";
    return (piece) => {
      const lines = (rest + textOf(piece)).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) this.#pass(level, line);
      if (rest.length < maxLogValueChars) return;
      this.#pass(level, rest);
      rest = "";
    };
  }

  #pass(level: LogLevel, line: string): void {
    if (line.trim() !== "" && this.#gate.open()) this.#write(level, cut(line), { handler: this.#handler });
  }

  #render(values: readonly unknown[]): string {
    try {
      return cut(util().format(...values));
    } catch (error) {
      return `a value that cannot be shown: ${error instanceof Error ? cut(error.message) : typeof error}`;
    }
  }
}

/** Loaded at the first line: most handlers never print. */
function util(): typeof import("node:util") {
  return process.getBuiltinModule("node:util");
}

function textOf(piece: unknown): string {
  if (typeof piece === "string") return piece;
  if (piece instanceof ArrayBuffer) return Buffer.from(piece).toString();
  if (ArrayBuffer.isView(piece)) return Buffer.from(piece.buffer, piece.byteOffset, piece.byteLength).toString();
  return util().inspect(piece);
}

function cut(text: string): string {
  return text.length <= maxLogValueChars ? text : `${text.slice(0, maxLogValueChars)}…`;
}
