/** What runs inside a handler's thread, from its birth to its end. */
import { messageOf, type Trouble, troubleOf } from "../base/errors.ts";
import { handlerJitScale, maxLogValueChars, maxTracePlaces, minCollectMs } from "../base/limits.ts";
import { type LogLevel, logLevels } from "../base/log.ts";
import type { Context } from "../handlers/handler.ts";
import { type Assignment, assignmentVariable, encode, type FromThread, type ToThread } from "./protocol.ts";
import { confine } from "./thread/confine.ts";
import { LineGate, Lines, type WriteLine } from "./thread/console.ts";
import { readFound } from "./thread/found.ts";
import { type Loaded, load } from "./thread/load.ts";

/** Runs the handler that the thread was started for. Called once, by the entry, before anything of a handler is loaded. */
export function runThread(): void {
  if (Bun.isMainThread) throw new Error("a handler's thread cannot be the main thread");
  const assignment = JSON.parse(process.env[assignmentVariable] ?? "null") as Assignment;
  delete process.env[assignmentVariable];
  delete process.env.SPECTA_THREAD;
  new HandlerThread(assignment).start();
}

class HandlerThread {
  readonly #assignment: Assignment;
  readonly #post: (message: FromThread) => void;
  readonly #gate: LineGate;
  readonly #writeLine: WriteLine;
  #loaded: Loaded | undefined;
  #abort: AbortController | undefined;
  #collectedMs = Number.NEGATIVE_INFINITY;

  constructor(assignment: Assignment) {
    this.#assignment = assignment;
    // Bound before the handler's code can replace it.
    const post = globalThis.postMessage.bind(globalThis);
    this.#post = (message) => post(encode(assignment.word, message));
    this.#writeLine = (level, message, keys) => this.#post({ type: "log", level, message, keys });
    this.#gate = new LineGate(this.#writeLine, assignment.handler);
  }

  start(): void {
    const broken = (thrown: unknown): void => {
      this.#gate.close();
      this.#post({ type: "broken", trouble: plain(thrown) });
    };
    process.on("uncaughtException", broken);
    process.on("unhandledRejection", broken);
    globalThis.addEventListener("message", (event: MessageEvent<unknown>) => {
      this.#hear(JSON.parse(String(event.data)) as ToThread);
    });
    // What a built-in handler does in seconds need not be quick: machine code of it would be 2 MB a thread. A user's may compute.
    if (this.#assignment.file === undefined) Bun.unsafe.setJITPolicy(handlerJitScale);
    confine(new Lines(this.#gate, this.#writeLine, this.#assignment.handler), this.#assignment.file !== undefined);
    void this.#load();
  }

  #hear(message: ToThread): void {
    if (message.type === "run") void this.#run();
    else if (message.type === "abort") this.#abort?.abort(new Error(message.reason));
    else this.#loaded?.recorded();
  }

  async #load(): Promise<void> {
    try {
      this.#loaded = await load(this.#assignment);
      const { metrics, active } = this.#loaded;
      this.#post({ type: "loaded", metrics, active, coolerMs: this.#loaded.coolerMs() });
    } catch (thrown) {
      this.#post({ type: "unloadable", trouble: plain(thrown) });
    }
  }

  async #run(): Promise<void> {
    const handler = this.#loaded;
    if (handler === undefined) return;
    this.#abort = new AbortController();
    try {
      const returned = await handler.ensure(this.#context(this.#abort.signal));
      const found = readFound(returned, handler.metrics, this.#assignment.maxSeries);
      this.#post({ type: "found", found, coolerMs: handler.coolerMs() });
    } catch (thrown) {
      this.#post({ type: "failed", trouble: plain(thrown) });
    } finally {
      this.#abort = undefined;
      this.#collect();
    }
  }

  /** Most of what an execution took is garbage now, which would stay until the next ones have made much more of it. */
  #collect(): void {
    if (performance.now() - this.#collectedMs < minCollectMs) return;
    this.#collectedMs = performance.now();
    // Once nothing on the stack holds on to it; what was found is on its way already.
    setTimeout(() => Bun.gc(true), 0);
  }

  #context(signal: AbortSignal): Context {
    const { settings, environment, timeoutMs, file } = this.#assignment;
    const log = (level: LogLevel, message: string, keys: Readonly<Record<string, string>> = {}): void => {
      // Built-in handlers say no more than they must; a user's may loop.
      if (file !== undefined && !this.#gate.open()) return;
      const texts = Object.entries(keys).map(([key, value]) => [key, cut(String(value))]);
      this.#writeLine(logLevels.includes(level) ? level : "info", cut(String(message)), Object.fromEntries(texts));
    };
    return { with: structuredClone(settings), environment, timeoutMs, signal, log };
  }
}

/** What was thrown, as plain data of a bounded size, however strange it is. */
function plain(thrown: unknown): Trouble {
  try {
    const { description, trace } = troubleOf(thrown);
    return { description: cut(String(description)), trace: trace.slice(0, maxTracePlaces) };
  } catch (error) {
    return { description: `an error that cannot be read: ${cut(messageOf(error))}`, trace: [] };
  }
}

function cut(text: string): string {
  return text.length <= maxLogValueChars ? text : `${text.slice(0, maxLogValueChars)}…`;
}
