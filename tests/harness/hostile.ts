/** A daemon under attack: what clients may push there is compared before and after, by what a scrape shows. */
import { expect } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import type { Metrics } from "../../src/metrics/definition.ts";
import { compiled } from "./build.ts";
import { type Daemon, type DaemonOptions, push, scrape, startDaemon } from "./daemon.ts";

/** One metric of each kind, which nobody here may change, and one for the good request that follows an attack. */
const metrics = {
  clicks_total: { kind: "counter", help: "clicks", labels: { page: ["root", "basket"] } },
  page_ready_duration_seconds: { kind: "histogram", help: "pages", labels: { page: ["root"] }, buckets: [0.1, 1, 10] },
  queue_depth: { kind: "gauge", help: "jobs that wait" },
  probes_total: { kind: "counter", help: "good requests" },
} as const;

const success = '{"result":[{"status":"success"}]}';

/** The body that attacks carry: were it taken, `clicks_total` would grow. */
export const prize = '{"action":[{"metric":"clicks_total","number":1}]}';

export interface Sections {
  readonly server?: Readonly<Record<string, unknown>>;
  readonly more?: Metrics;
  /** What good requests have beside their own headers, a token for example. */
  readonly headers?: Readonly<Record<string, string>>;
}

export class Target implements AsyncDisposable {
  readonly daemon: Daemon;
  readonly port: number;
  readonly #headers: Readonly<Record<string, string>>;

  private constructor(daemon: Daemon, headers: Readonly<Record<string, string>>) {
    this.daemon = daemon;
    this.#headers = headers;
    this.port = Number(new URL(daemon.url).port);
  }

  /** `server` is that section of the configuration, `more` further metrics. */
  static async start(options: DaemonOptions = {}, { server, more, headers = {} }: Sections = {}): Promise<Target> {
    const config = JSON.stringify({ server, metrics: { ...metrics, ...more } });
    const target = new Target(await startDaemon({ binary: compiled(), config, ...options }), headers);
    // Gauges are shown once they have been set.
    await push(target.daemon.url, "Gauge", [{ metric: "queue_depth", number: 7 }], headers);
    await push(
      target.daemon.url,
      "Counter",
      [{ metric: "clicks_total", number: 2, labels: { page: "root" } }],
      headers,
    );
    return target;
  }

  /** Sends a good request. @throws unless it is answered as it should be. */
  async serves(): Promise<void> {
    const answer = await push(this.daemon.url, "Counter", [{ metric: "probes_total", number: 1 }], {
      Connection: "close",
      ...this.#headers,
    });
    expect({ status: answer.status, text: await answer.text() }).toEqual({ status: 200, text: success });
  }

  /** Every series that clients can push and when they were pushed last, but those of the good request. */
  async state(): Promise<Readonly<Record<string, string>>> {
    const exposition = await scrape(this.daemon.url, this.#headers);
    const times = exposition
      .series("specta_push_last_timestamp_seconds")
      .filter(({ labels }) => labels.metric !== "probes_total");
    const pushed = ["clicks_total", "page_ready_duration_seconds", "queue_depth"].flatMap((name) => [
      ...(exposition.families.get(name)?.series ?? []),
    ]);
    return Object.fromEntries(
      [...pushed, ...times].map(({ name, labels, text }) => [name + JSON.stringify(labels), text]),
    );
  }

  async probes(): Promise<number> {
    return (await scrape(this.daemon.url, this.#headers)).value("probes_total", { env: "testing" }) ?? 0;
  }

  /**
   * Runs an attack: nothing of it may be recorded, and a good request afterwards is recorded once. `good` is how many
   * there are with those that `attack` has sent itself.
   */
  async withstands<T>(attack: () => Promise<T>, good = 1): Promise<T> {
    const [before, probes] = [await this.state(), await this.probes()];
    const result = await attack();
    await this.serves();
    expect(await this.state()).toEqual(before);
    expect(await this.probes()).toBe(probes + good);
    return result;
  }

  /** By how much `clicks_total` without labels grows: what an attack would do, when it is none. */
  async prizes(run: () => Promise<unknown>): Promise<number> {
    const count = async () =>
      (await scrape(this.daemon.url, this.#headers)).value("clicks_total", { env: "testing" }) ?? 0;
    const before = await count();
    await run();
    return (await count()) - before;
  }

  /** A connection that was made; `first` is sent at once. */
  async open(first: string | Uint8Array = ""): Promise<Line> {
    const line = await Line.to(this.port);
    if (first.length > 0) await line.send(first);
    return line;
  }

  /** Sends the bytes and gives the statuses of all answers, once the server has closed the connection. */
  async statuses(bytes: string | Uint8Array): Promise<readonly number[]> {
    return statusesIn(await (await this.open(bytes)).closed);
  }

  /** What the process holds of memory (MiB). */
  memoryMiB(): number {
    const [, kibibytes] = /^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${this.daemon.pid}/status`, "utf8")) ?? [];
    return Number(kibibytes) / 1024;
  }

  /** How many files and sockets it has open. */
  openFiles(): number {
    return readdirSync(`/proc/${this.daemon.pid}/fd`).length;
  }

  /** Waits until the number of its open files is so. */
  async untilFiles(isSo: (count: number) => boolean): Promise<void> {
    while (!isSo(this.openFiles())) await Bun.sleep(10);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.daemon.kill();
  }
}

export function statusesIn(answer: string): readonly number[] {
  return [...answer.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map(([, status]) => Number(status));
}

/** A client's end of a connection, which may break off at any time. */
export class Line {
  readonly #connected: Promise<void>;
  /** All that came back, when the connection is closed by either side. */
  readonly closed: Promise<string>;
  /** What came back so far. */
  received = "";
  /** It was reset: what the server sent last may not have come. */
  isReset = false;
  readonly #socket: Socket;

  private constructor(socket: Socket) {
    this.#socket = socket.setNoDelay(true).setEncoding("latin1");
    this.#connected = new Promise((resolve, reject) => socket.once("connect", resolve).once("error", reject));
    this.closed = new Promise((resolve) => socket.once("close", () => resolve(this.received)));
    socket.on("data", (text) => {
      this.received += text;
    });
    // A reset is one way to be refused; `closed` tells of it.
    socket.on("error", () => {
      this.isReset = true;
      socket.destroy();
    });
  }

  /** A connection that was made. */
  static async to(port: number): Promise<Line> {
    const line = new Line(connect(port, "127.0.0.1"));
    await line.#connected;
    return line;
  }

  /** Resolves when the kernel has taken the bytes, or the connection is gone. */
  send(bytes: string | Uint8Array): Promise<void> {
    return new Promise((resolve) => this.#socket.write(bytes, () => resolve()));
  }

  get isClosed(): boolean {
    return this.#socket.closed;
  }

  /** Breaks off. */
  async drop(): Promise<void> {
    this.#socket.destroy();
    await this.closed;
  }
}

/** A POST of the prize to the counter's method, with these lines instead of a Content-Length of its own. */
export function prizePost(lines: string, body = prize, head = "POST /metrics.API/Counter HTTP/1.1"): string {
  return `${head}\r\nHost: localhost\r\nConnection: close\r\nContent-Type: application/json\r\n${lines}\r\n${body}`;
}

/** One chunk of a chunked body. */
export function chunk(text: string): string {
  return `${text.length.toString(16)}\r\n${text}\r\n`;
}
