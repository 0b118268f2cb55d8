/** Pushes at a steady rate over keep-alive connections, each answer accounted for. Nothing is sent twice. */
import type { Socket } from "bun";

export interface LoadOptions {
  readonly port: number;
  /** Connections that are kept open; each has one push in flight at most. */
  readonly connections: number;
  readonly perSecond: number;
  /** Bodies that take turns, each with the path it is posted to. */
  readonly pushes: readonly LoadPush[];
}

export interface LoadPush {
  readonly path: string;
  readonly body: string;
}

/** One connection: the push in flight on it, and what has come of its answer. */
interface Line {
  socket: Socket<Line> | undefined;
  busy: { readonly push: LoadPush; readonly sentMs: number } | undefined;
  text: string;
}

const tickMs = 5;

/** Names, by a header of this name, the replica that a balancer chose. */
export const replicaHeader = "x-replica";

export class Load {
  /** Pushes that were answered 200, by replica (`""` without a balancer). */
  readonly acknowledged = new Map<string, number>();
  /** The same, by path. */
  readonly acknowledgedAt = new Map<string, number>();
  /** What happened to pushes that were not. */
  readonly failures: string[] = [];
  /** Pushes that were sent. */
  sent = 0;
  /** Pushes that fell due while all connections were busy, at the most. */
  maxBehind = 0;
  /** The slowest answer (ms). */
  slowestMs = 0;
  readonly #options: LoadOptions;
  readonly #requests: readonly string[];
  readonly #idle: Line[] = [];
  readonly #lines: Line[];
  readonly #startMs = performance.now();
  readonly #timer: ReturnType<typeof setInterval>;
  readonly #quiet = Promise.withResolvers<void>();
  #inFlight = 0;
  #isEnding = false;

  constructor(options: LoadOptions) {
    this.#options = options;
    this.#requests = options.pushes.map(({ path, body }) =>
      [
        `POST ${path} HTTP/1.1`,
        "Host: specta.test",
        "Content-Type: application/json",
        `Content-Length: ${Buffer.byteLength(body)}`,
        "",
        body,
      ].join("\r\n"),
    );
    this.#lines = Array.from({ length: options.connections }, () => ({
      socket: undefined,
      busy: undefined,
      text: "",
    }));
    for (const line of this.#lines) this.#open(line);
    this.#timer = setInterval(() => this.#tick(), tickMs);
  }

  /** Pushes that were answered 200. */
  get answered(): number {
    return [...this.acknowledged.values()].reduce((sum, count) => sum + count, 0);
  }

  /** Sends nothing more; resolves when the last answer is there. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    this.#isEnding = true;
    if (this.#inFlight > 0) await this.#quiet.promise;
    for (const { socket } of this.#lines) socket?.end();
  }

  #tick(): void {
    const due = Math.floor(((performance.now() - this.#startMs) / 1000) * this.#options.perSecond);
    this.maxBehind = Math.max(this.maxBehind, due - this.sent);
    while (this.sent < due) {
      const line = this.#idle.shift();
      if (line === undefined) return;
      this.#send(line);
    }
  }

  #send(line: Line): void {
    const turn = this.sent % this.#requests.length;
    this.sent += 1;
    this.#inFlight += 1;
    line.busy = { push: this.#options.pushes[turn]!, sentMs: performance.now() };
    line.socket?.write(this.#requests[turn]!);
  }

  #open(line: Line): void {
    line.text = "";
    Bun.connect<Line>({
      hostname: "127.0.0.1",
      port: this.#options.port,
      data: line,
      socket: {
        open: (socket) => {
          line.socket = socket;
          this.#idle.push(line);
        },
        data: (_, bytes) => this.#read(line, bytes),
        close: () => this.#closed(line, "the connection was closed"),
        error: (_, error) => this.#closed(line, error.message),
      },
    }).catch((error: unknown) => this.#refused(line, error));
  }

  /** A connection that is refused is a push that cannot be made. */
  #refused(line: Line, error: unknown): void {
    this.failures.push(`no connection: ${error instanceof Error ? error.message : String(error)}`);
    if (!this.#isEnding) setTimeout(() => this.#open(line), tickMs);
  }

  #read(line: Line, bytes: Uint8Array): void {
    line.text += Buffer.from(bytes).toString("latin1");
    const end = line.text.indexOf("\r\n\r\n");
    if (end < 0) return;
    const head = line.text.slice(0, end).toLowerCase();
    const headerOf = (name: string) => new RegExp(`\\r\\n${name}: *([^\\r]*)`).exec(head)?.[1];
    if (line.text.length < end + 4 + Number(headerOf("content-length") ?? 0)) return;
    const status = head.slice(9, 12);
    this.#settle(line, status, headerOf(replicaHeader) ?? "", line.text.slice(end + 4));
    line.text = "";
    if (headerOf("connection") === "close") line.socket?.end();
    else this.#idle.push(line);
  }

  #settle(line: Line, status: string, replica: string, body: string): void {
    if (line.busy === undefined) throw new Error(`an answer that nobody asked for: ${status}`);
    const { push, sentMs } = line.busy;
    this.slowestMs = Math.max(this.slowestMs, performance.now() - sentMs);
    if (status === "200") {
      this.acknowledged.set(replica, (this.acknowledged.get(replica) ?? 0) + 1);
      this.acknowledgedAt.set(push.path, (this.acknowledgedAt.get(push.path) ?? 0) + 1);
    } else {
      this.failures.push(`${status} ${body.slice(0, 80)}`);
    }
    this.#done(line);
  }

  #closed(line: Line, reason: string): void {
    if (line.socket === undefined) return;
    line.socket = undefined;
    const idle = this.#idle.indexOf(line);
    if (idle >= 0) this.#idle.splice(idle, 1);
    if (line.busy !== undefined) {
      this.failures.push(`no answer: ${reason}`);
      this.#done(line);
    }
    if (!this.#isEnding) this.#open(line);
  }

  #done(line: Line): void {
    line.busy = undefined;
    this.#inFlight -= 1;
    if (this.#isEnding && this.#inFlight === 0) this.#quiet.resolve();
  }
}
