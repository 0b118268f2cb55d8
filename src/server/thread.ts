/** What runs inside a server thread: the RPCs into a shard of its own; for all else it asks the main thread. */
import { type Trouble, troubleOf } from "../base/errors.ts";
import { type Log, type LogKeys, type LogLevel, logLevels } from "../base/log.ts";
import { Secret } from "../base/secret.ts";
import { pushOwnMetrics } from "../metrics/own.ts";
import { layoutOf } from "../metrics/push-layout.ts";
import { PushShard } from "../metrics/push-store.ts";
import { Access } from "./access.ts";
import type { Elsewhere } from "./app.ts";
import { assemble } from "./assemble.ts";
import { type Listener, listen } from "./listen.ts";
import { Pushes } from "./rpc/pushes.ts";
import type { Ask, FromThread, ThreadDuty, ToThread } from "./thread-protocol.ts";

/** Called once, by the entry; the first message says what to do. */
export function runServerThread(): void {
  const post = (message: FromThread) => globalThis.postMessage(message);
  const thread = new ServerThread(post);
  globalThis.addEventListener("message", (event: MessageEvent<ToThread>) => thread.hear(event.data));
  post({ type: "born" });
}

class ServerThread {
  readonly #post: (message: FromThread) => void;
  readonly #waiting = new Map<number, (answer: unknown) => void>();
  #asked = 0;
  #isStopping = false;
  #listener: Listener | undefined;

  constructor(post: (message: FromThread) => void) {
    this.#post = post;
  }

  hear(message: ToThread): void {
    if (message.type === "start") this.#start(message.duty);
    else if (message.type === "answer") this.#resolve(message.id, message.answer);
    else if (message.type === "drain") this.#isStopping = true;
    else void this.#stop();
  }

  readonly #ask: Ask = (question) => {
    this.#asked += 1;
    const id = this.#asked;
    this.#post({ type: "question", id, question });
    return new Promise((resolve) => this.#waiting.set(id, resolve as (answer: unknown) => void));
  };

  #resolve(id: number, answer: unknown): void {
    this.#waiting.get(id)?.(answer);
    this.#waiting.delete(id);
  }

  #start(duty: ThreadDuty): void {
    const { pushed, memory, shard, trustedProxies, hasRateLimit } = duty;
    const layout = layoutOf({ ...pushed, ...pushOwnMetrics(pushed) });
    const log = remoteLog(duty.logLevel, this.#post);
    this.#listener = listen({
      host: duty.host,
      port: duty.port,
      share: "join",
      tls: duty.tls,
      tlsReloadMs: duty.tlsReloadMs,
      log,
      fetch: assemble({
        config: duty,
        pushes: new Pushes(new PushShard(layout, memory, shard), Object.keys(pushed), (push) =>
          this.#ask({ ask: "push", ...push }),
        ),
        access: new Access({
          pushTokens: duty.pushTokens.map((token) => new Secret(token)),
          scrapeTokens: [],
          trustedProxies,
          limiter: hasRateLimit ? { take: (address) => this.#ask({ ask: "rate", address }) } : undefined,
        }),
        routes: elsewhere(this.#ask),
        log,
        isStopping: () => this.#isStopping,
      }),
    });
    watchFaults(log);
    this.#post({ type: "listening" });
  }

  async #stop(): Promise<void> {
    this.#isStopping = true;
    await this.#listener?.stop();
    this.#post({ type: "stopped" });
  }
}

/** Has the main thread answer. */
function elsewhere(ask: Ask): Elsewhere {
  return async ({ method, headers }, path, peer) => {
    const answer = await ask({ ask: "route", method, path, headers: [...headers], peer });
    return new Response(answer.body, { status: answer.status, headers: answer.headers });
  };
}

/** Lines are written by the main thread. */
function remoteLog(level: LogLevel, post: (message: FromThread) => void): Log {
  const writes = (wanted: LogLevel) => logLevels.indexOf(wanted) >= logLevels.indexOf(level);
  const write =
    (wanted: LogLevel) =>
    (message: string, keys: LogKeys = {}, trouble?: Trouble) => {
      if (writes(wanted)) post({ type: "log", level: wanted, message, keys, trouble });
    };
  return {
    debug: write("debug"),
    info: write("info"),
    warning: write("warning"),
    error: write("error"),
    writes,
    flush: () => Promise.resolve(),
  };
}

/** What nobody caught costs no thread: its connections are worth more than a clean slate. */
function watchFaults(log: Log): void {
  const report = (thrown: unknown) => log.error("server thread met an unexpected fault", {}, troubleOf(thrown));
  process.on("uncaughtException", report);
  process.on("unhandledRejection", report);
}
