/** Who pushes and who scrapes during a soak; each scrape is held against what had been acknowledged. */
import { gzipSync } from "node:zlib";
import { type Daemon, scrape } from "../harness/daemon.ts";
import type { Exposition } from "../harness/exposition.ts";
import { Load } from "../harness/load.ts";

const env = "testing";
const actions = 10;
const histogram = {
  path: "/metrics.API/Histogram",
  body: bodyOf([{ metric: "page_ready_duration_seconds", number: 2 }]),
};
const counter = {
  path: "/metrics.API/Counter",
  body: bodyOf(Array.from({ length: actions }, () => ({ metric: "clicks_total", number: 1 }))),
};
const gauge = { path: "/metrics.API/Gauge", body: bodyOf([{ metric: "open_tabs", number: 7 }]) };

/** What the daemon is to let clients push. */
export const pushed = {
  page_ready_duration_seconds: { kind: "histogram", help: "x", labels: { page: ["root"] }, buckets: [1, 5] },
  clicks_total: { kind: "counter", help: "x" },
  visits_total: { kind: "counter", help: "x" },
  open_tabs: { kind: "gauge", help: "x" },
};

/** Between two of the callers that are no plain push (ms). */
const oddMs = 200;
const scrapeMs = 1000;
const pagesMs = 5000;

export class Client {
  readonly load: Load;
  /** Pushes in other ways: how many were acknowledged, and how many were rejected as they must be. */
  visits = 0;
  rejected = 0;
  scrapes = 0;
  /** What was not as it must be. */
  readonly wrongs: string[] = [];
  readonly #daemon: Daemon;
  readonly #loops: Promise<void>[];
  #isOver = false;
  #last: Exposition | undefined;

  constructor(daemon: Daemon, perSecond: number) {
    this.#daemon = daemon;
    const port = Number(new URL(daemon.url).port);
    this.load = new Load({ port, connections: 8, perSecond, pushes: [histogram, counter, gauge, histogram] });
    const odd = [() => this.#pushGzip(), () => this.#pushWithTimeout(), () => this.#pushBadly()];
    this.#loops = [
      this.#every(scrapeMs, () => this.check()),
      this.#every(pagesMs, () => this.#readPages()),
      this.#every(oddMs, (turn) => odd[turn % odd.length]!()),
    ];
  }

  /** Resolves when all answers are there. */
  async stop(): Promise<void> {
    this.#isOver = true;
    await Promise.all([this.load.stop(), ...this.#loops]);
    for (const failure of new Set(this.load.failures)) this.wrongs.push(`a push failed: ${failure}`);
    if (this.load.answered !== this.load.sent) this.wrongs.push("not every push was acknowledged");
  }

  /** Scrapes: what was acknowledged before must be there, and no counter has fallen. */
  async check(): Promise<Exposition> {
    const least = this.#acknowledged();
    const exposition = await scrape(this.#daemon.url, { "Accept-Encoding": "gzip" });
    this.scrapes += 1;
    for (const [series, count] of Object.entries(least)) {
      const counted = exposition.value(series, { env }) ?? 0;
      if (counted < count) this.wrongs.push(`${series} is ${counted}, acknowledged are ${count}`);
    }
    this.#compare(exposition);
    this.#last = exposition;
    return exposition;
  }

  /** What must have been counted at least; exactly that once all is answered. */
  #acknowledged(): Record<string, number> {
    const pages = this.load.acknowledgedAt.get(histogram.path) ?? 0;
    return {
      page_ready_duration_seconds_count: pages,
      page_ready_duration_seconds_sum: pages * 2,
      clicks_total: (this.load.acknowledgedAt.get(counter.path) ?? 0) * actions,
      visits_total: this.visits,
    };
  }

  /** Rows for the table: what was acknowledged, what is counted. To be called once all is answered. */
  counts(exposition: Exposition): (readonly [what: string, acknowledged: number, counted: number | undefined])[] {
    const rejections = exposition.series("specta_push_rejected_total", { env });
    return [
      ...Object.entries(this.#acknowledged()).map(
        ([series, count]) => [series, count, exposition.value(series, { env })] as const,
      ),
      ["open_tabs", 7, exposition.value("open_tabs", { env })],
      ["specta_push_rejected_total", this.rejected, rejections.reduce((sum, { value }) => sum + value, 0)],
    ];
  }

  #compare(exposition: Exposition): void {
    for (const { kind, series } of this.#last?.families.values() ?? []) {
      if (kind === "gauge") continue;
      for (const { name, labels, value } of series) {
        const now = exposition.value(name, labels);
        if (now === undefined || now < value) {
          this.wrongs.push(`${name}${JSON.stringify(labels)} fell from ${value} to ${now}`);
        }
      }
    }
  }

  async #every(ms: number, run: (turn: number) => Promise<unknown>): Promise<void> {
    for (let turn = 0; !this.#isOver; turn += 1) {
      try {
        await run(turn);
      } catch (error) {
        this.wrongs.push(error instanceof Error ? error.message : String(error));
      }
      await Bun.sleep(ms);
    }
  }

  async #visit(body: string | Uint8Array<ArrayBuffer>, headers: Readonly<Record<string, string>>): Promise<void> {
    const status = await this.#post(counter.path, body, headers);
    if (status === 200) this.visits += 1;
    else this.wrongs.push(`a visit was answered ${status}`);
  }

  #pushGzip(): Promise<void> {
    const body = new Uint8Array(gzipSync(bodyOf([{ metric: "visits_total", number: 1 }])));
    return this.#visit(body, { "Content-Encoding": "gzip", "Connect-Protocol-Version": "1" });
  }

  #pushWithTimeout(): Promise<void> {
    const key = crypto.randomUUID();
    const headers = { "Connect-Protocol-Version": "1", "Connect-Timeout-Ms": "5000", "Idempotency-Key": key };
    return this.#visit(bodyOf([{ metric: "visits_total", number: 1 }]), headers);
  }

  async #pushBadly(): Promise<void> {
    const status = await this.#post(counter.path, bodyOf([{ metric: "visits_total", number: -1 }]), {});
    if (status === 400) this.rejected += 1;
    else this.wrongs.push(`a bad push was answered ${status}`);
  }

  async #post(
    path: string,
    body: string | Uint8Array<ArrayBuffer>,
    headers: Readonly<Record<string, string>>,
  ): Promise<number> {
    const all = { "Content-Type": "application/json", ...headers };
    const answer = await fetch(this.#daemon.url + path, { method: "POST", headers: all, body });
    await answer.arrayBuffer();
    return answer.status;
  }

  async #readPages(): Promise<void> {
    for (const path of ["/", "/version", "/status", "/status.json"]) {
      const answer = await fetch(this.#daemon.url + path);
      await answer.arrayBuffer();
      if (answer.status !== 200) this.wrongs.push(`${path} was answered ${answer.status}`);
    }
  }
}

function bodyOf(action: readonly object[]): string {
  return JSON.stringify({ action });
}
