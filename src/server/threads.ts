/** The further server threads: started, asked to stop, replaced when they die. Their counts are in shared memory. */

import { threadEntry, threadRoleVariable } from "../base/entry.ts";
import { maxRespawnMs, minRespawnMs } from "../base/limits.ts";
import type { Log } from "../base/log.ts";
import type { FromThread, Question, ThreadDuty, ToThread } from "./thread-protocol.ts";

export interface ThreadsOptions {
  /** What each thread is to do. */
  readonly duties: readonly ThreadDuty[];
  /** Answers what a thread asks. */
  readonly answer: (question: Question) => unknown;
  readonly log: Log;
}

export class ServerThreads {
  readonly #threads: readonly Supervised[];

  constructor({ duties, answer, log }: ThreadsOptions) {
    this.#threads = duties.map((duty) => new Supervised(duty, answer, log));
  }

  /** Resolves when all of them listen. */
  async start(): Promise<void> {
    await Promise.all(this.#threads.map((thread) => thread.start()));
  }

  /** Has connections closed after their answer. */
  drain(): void {
    for (const thread of this.#threads) thread.drain();
  }

  /** Resolves when the last requests have been answered. */
  async stop(): Promise<void> {
    await Promise.all(this.#threads.map((thread) => thread.stop()));
  }

  /** Ends them at once. */
  abort(): void {
    for (const thread of this.#threads) thread.abort();
  }
}

/** One thread after the other on the same shard. */
class Supervised {
  readonly #duty: ThreadDuty;
  readonly #answer: (question: Question) => unknown;
  readonly #log: Log;
  readonly #listening = Promise.withResolvers<void>();
  readonly #stopped = Promise.withResolvers<void>();
  #worker: Worker | undefined;
  #isStopping = false;
  #isDraining = false;
  #pauseMs = minRespawnMs;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(duty: ThreadDuty, answer: (question: Question) => unknown, log: Log) {
    this.#duty = duty;
    this.#answer = answer;
    this.#log = log;
  }

  start(): Promise<void> {
    const worker = new Worker(threadEntry, {
      env: { [threadRoleVariable]: "server" },
      name: `server ${this.#duty.shard}`,
    });
    let lastError = "";
    worker.onmessage = (event: MessageEvent<FromThread>) => void this.#hear(worker, event.data);
    worker.onerror = (event) => {
      event.preventDefault();
      lastError = `: ${event.message}`;
    };
    worker.addEventListener("close", () => this.#ended(lastError));
    this.#worker = worker;
    return this.#listening.promise;
  }

  drain(): void {
    this.#isDraining = true;
    this.#post({ type: "drain" });
  }

  stop(): Promise<void> {
    this.#isStopping = true;
    clearTimeout(this.#timer);
    if (this.#worker === undefined) this.#stopped.resolve();
    this.#post({ type: "stop" });
    return this.#stopped.promise;
  }

  abort(): void {
    this.#isStopping = true;
    clearTimeout(this.#timer);
    this.#worker?.terminate();
    this.#stopped.resolve();
  }

  #post(message: ToThread): void {
    this.#worker?.postMessage(message);
  }

  async #hear(worker: Worker, message: FromThread): Promise<void> {
    if (message.type === "question") {
      const answer = await this.#answer(message.question);
      worker.postMessage({ type: "answer", id: message.id, answer } satisfies ToThread);
    } else if (message.type === "log") {
      const { level, message: text, keys, trouble } = message;
      if (level === "error") this.#log.error(text, keys, trouble ?? { description: text, trace: [] });
      else this.#log[level](text, keys);
    } else if (message.type === "born") {
      this.#post({ type: "start", duty: this.#duty });
    } else if (message.type === "listening") {
      this.#pauseMs = minRespawnMs;
      this.#listening.resolve();
      if (this.#isDraining) this.drain();
    } else {
      worker.terminate();
      this.#stopped.resolve();
    }
  }

  /** Starts another in place of one that has died. */
  #ended(error: string): void {
    this.#worker = undefined;
    if (this.#isStopping) {
      this.#stopped.resolve();
      return;
    }
    const description = `the server thread ended by itself${error}`;
    this.#log.error("server thread is replaced", { thread: String(this.#duty.shard) }, { description, trace: [] });
    this.#timer = setTimeout(() => void this.start(), this.#pauseMs);
    this.#pauseMs = Math.min(this.#pauseMs * 2, maxRespawnMs);
  }
}
