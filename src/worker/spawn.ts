/** Starts a handler's thread: the entry of the bundle again, with an environment of its own. */
import { messageOf, type Trouble } from "../base/errors.ts";
import { type Assignment, assignmentVariable, decode, type FromThread, type ToThread } from "./protocol.ts";

/** The entry that every thread starts with: `src/main.ts`, or in the compiled binary the binary's own. */
const isSource = import.meta.url.endsWith("/src/worker/spawn.ts");
const entry = isSource ? new URL("../main.ts", import.meta.url).href : Bun.main;

/** What is told of a thread. Nothing is told after `end` was called or `ended` was. */
export interface ThreadEvents {
  message(message: FromThread): void;
  /** The thread has ended by itself, or said what it must not: it is gone. */
  ended(trouble: Trouble): void;
}

export type ThreadDuty = Omit<Assignment, "word"> & {
  /** All that the thread finds in `process.env`. */
  readonly variables: Readonly<Record<string, string>>;
};

export class Thread {
  /** Settles when nothing of the thread is left. */
  readonly closed: Promise<void>;
  readonly #word = crypto.randomUUID();
  readonly #worker: Worker;
  readonly #events: ThreadEvents;
  #lastError = "";
  #over = false;

  constructor({ variables, ...duty }: ThreadDuty, events: ThreadEvents) {
    this.#events = events;
    const assignment = { ...duty, word: this.#word } satisfies Assignment;
    const env = { ...variables, SPECTA_THREAD: "handler", [assignmentVariable]: JSON.stringify(assignment) };
    // A handler has seconds for its work: its heap is kept small instead.
    this.#worker = new Worker(entry, { env, name: duty.handler, smol: true });
    this.#worker.onmessage = (event: MessageEvent<unknown>) => this.#hear(event.data);
    this.#worker.onerror = (event) => {
      event.preventDefault();
      this.#lastError = withoutFrame(event.message);
    };
    this.closed = new Promise((resolve) => {
      this.#worker.addEventListener("close", (event) => {
        const code = "code" in event ? String(event.code) : "unknown";
        const error = this.#lastError === "" ? "" : `: ${this.#lastError}`;
        this.#end({ description: `the thread ended by itself with code ${code}${error}`, trace: [] });
        resolve();
      });
    });
  }

  post(message: ToThread): void {
    this.#worker.postMessage(JSON.stringify(message));
  }

  /** Ends the thread, wherever it is. A long call into native code is waited for; `closed` tells. */
  end(): void {
    this.#over = true;
    this.#worker.terminate();
  }

  #hear(data: unknown): void {
    if (this.#over) return;
    try {
      const message = decode(this.#word, data);
      if (message !== undefined) this.#events.message(message);
    } catch (thrown) {
      this.#end({ description: `the thread sent what cannot be read: ${messageOf(thrown)}`, trace: [] });
      this.#worker.terminate();
    }
  }

  #end(trouble: Trouble): void {
    if (this.#over) return;
    this.#over = true;
    this.#events.ended(trouble);
  }
}

/** The message of an error event begins with a frame of the source, which belongs to no log line. */
function withoutFrame(message: string): string {
  return /^\w*error: .*$/im.exec(message)?.[0] ?? message;
}
