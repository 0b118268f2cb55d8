/** An AWS handler in a thread of its own, with the environment that specta gives it: what the SDK reads is `process.env`. */
import { isMainThread } from "node:worker_threads";
import type { Context, Handler, LogLevel, Report, World } from "../../src/handlers/handler.ts";

export type AwsHandlerName = "container" | "deployment" | "keypair" | "stack";

export interface Line {
  readonly level: LogLevel;
  readonly message: string;
  readonly keys: Readonly<Record<string, string>>;
}

interface Start {
  readonly name: AwsHandlerName;
  readonly settings: unknown;
  readonly environment: string;
  readonly requestMs: number | undefined;
}

type ToThread = { readonly type: "run" | "recorded"; readonly nowMs: number } | { readonly type: "abort" };

type FromThread =
  | { readonly type: "line"; readonly line: Line }
  | { readonly type: "report"; readonly report: Report }
  | { readonly type: "thrown"; readonly message: string };

export interface ThreadOptions {
  readonly settings?: unknown;
  readonly environment?: string;
  /** Bounds one attempt of a request. */
  readonly requestMs?: number;
  readonly now?: () => number;
}

export class AwsThread {
  readonly lines: Line[] = [];
  readonly #worker: Worker;
  readonly #now: () => number;
  #answered: PromiseWithResolvers<Report> | undefined;

  constructor(name: AwsHandlerName, variables: Readonly<Record<string, string>>, options: ThreadOptions = {}) {
    const { settings = {}, environment = "production", requestMs, now = Date.now } = options;
    const start: Start = { name, settings, environment, requestMs };
    this.#now = now;
    this.#worker = new Worker(import.meta.url, { env: { ...variables, START: JSON.stringify(start) } });
    this.#worker.addEventListener("message", ({ data }: MessageEvent<FromThread>) => {
      if (data.type === "line") this.lines.push(data.line);
      else if (data.type === "report") this.#answered?.resolve(data.report);
      else this.#answered?.reject(new Error(data.message));
    });
    this.#worker.addEventListener("error", ({ message }) => this.#answered?.reject(new Error(message)));
  }

  /** Runs one execution. */
  ensure(): Promise<Report> {
    this.#answered = Promise.withResolvers();
    this.#post({ type: "run", nowMs: this.#now() });
    return this.#answered.promise;
  }

  /** Aborts the signal of the execution that runs. */
  abort(): void {
    this.#post({ type: "abort" });
  }

  recorded(): void {
    this.#post({ type: "recorded", nowMs: this.#now() });
  }

  [Symbol.dispose](): void {
    this.#worker.terminate();
  }

  #post(message: ToThread): void {
    this.#worker.postMessage(message);
  }
}

async function create({ name, settings, requestMs }: Start, world: World, now: () => number): Promise<Handler> {
  const tuning = { now, ...(requestMs === undefined ? {} : { requestMs }) };
  switch (name) {
    case "container":
      return (await import("../../src/handlers/container/handler.ts")).createHandler(settings, world, tuning);
    case "keypair":
      return (await import("../../src/handlers/keypair/handler.ts")).createHandler(settings, world, tuning);
    case "stack": {
      const { settingsSchema } = await import("../../src/handlers/stack/settings.ts");
      const { parse } = await import("valibot");
      const { createHandler } = await import("../../src/handlers/stack/handler.ts");
      return createHandler(parse(settingsSchema, settings), world, tuning) as Handler;
    }
    case "deployment": {
      const { deployment } = await import("../../src/handlers/deployment/index.ts");
      const { parse } = await import("valibot");
      const { createHandler } = await import("../../src/handlers/deployment/handler.ts");
      return createHandler(parse(deployment.schema, settings), world, tuning) as Handler;
    }
  }
}

function runInThread(): void {
  const start = JSON.parse(process.env.START ?? "null") as Start;
  const { environment, settings } = start;
  delete process.env.START;
  const post = (message: FromThread) => globalThis.postMessage(message);
  let nowMs = Date.now();
  let controller = new AbortController();
  const handler = create(start, { environment, variables: { ...process.env } }, () => nowMs);

  async function run(): Promise<void> {
    controller = new AbortController();
    const context: Context = {
      with: settings,
      environment,
      timeoutMs: 30_000,
      signal: controller.signal,
      log: (level, message, keys = {}) => post({ type: "line", line: { level, message, keys } }),
    };
    try {
      post({ type: "report", report: (await (await handler).ensure(context)) as Report });
    } catch (error) {
      post({ type: "thrown", message: String(error) });
    }
  }

  globalThis.addEventListener("message", ({ data }: MessageEvent<ToThread>) => {
    if (data.type === "abort") controller.abort(new Error("the deadline"));
    else {
      nowMs = data.nowMs;
      if (data.type === "run") void run();
      else void handler.then((loaded) => loaded.recorded?.());
    }
  });
}

if (!isMainThread && process.env.START !== undefined) runInThread();
