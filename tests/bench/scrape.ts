/** Scrapes of few and of many series, and what they cost those who push meanwhile. */
import { readFileSync } from "node:fs";
import { cpus } from "node:os";
import { type Daemon, startDaemon } from "../harness/daemon.ts";
import { json } from "./bodies.ts";
import { quiet } from "./peers.ts";
import { type Bar, median, megabytes, ms, print, progress } from "./table.ts";
import { loadCore, serverCore } from "./wrk.ts";

/** As Prometheus counts them: half of them counters, half buckets, sums and counts of histograms. */
const sizes = [10, 100, 1000, 10_000, 100_000];

/** The size of which the bars speak. */
const barSeries = 10_000;
const scrapeBarMs = 10;
const pauseBarMs = 5;

const bounds = [0.1, 0.2, 0.3, 0.4, 0.5, 1, 2, 3, 4, 5];
const perHistogram = bounds.length + 3;
const maxActions = 100;

/** Until the collector has been by. */
const settleMs = 6000;

interface Figures {
  readonly series: number;
  readonly plainMs: number;
  readonly packedMs: number;
  /** The longest push during a scrape: its median over all scrapes. */
  readonly pauseMs: number;
  readonly bytes: number;
  readonly memoryBytes: number;
}

interface Grid {
  readonly labels: Readonly<Record<"column" | "row", readonly string[]>>;
  readonly series: readonly Readonly<Record<"column" | "row", string>>[];
}

/** About so many series, by two labels: a configuration that lists as many values of one would be too long. */
function grid(count: number): Grid {
  const columns = Math.max(1, Math.round(Math.sqrt(count)));
  const names = (length: number) => Array.from({ length }, (_, index) => `value-${index}`);
  const labels = { column: names(columns), row: names(Math.max(1, Math.round(count / columns))) };
  return { labels, series: labels.column.flatMap((column) => labels.row.map((row) => ({ column, row }))) };
}

async function measure(binary: string, series: number, scrapes: number): Promise<Figures> {
  const counters = grid(series / 2);
  const histograms = grid(series / 2 / perHistogram);
  const metrics = {
    clicks_total: { kind: "counter", help: "clicks", labels: counters.labels },
    wait_seconds: { kind: "histogram", help: "waits", labels: histograms.labels, buckets: bounds },
    page_ready_duration_seconds: { kind: "histogram", help: "pages", labels: { page: ["root"] }, buckets: bounds },
  };
  const prefix = ["taskset", "-c", serverCore];
  await using daemon = await startDaemon({ binary, config: JSON.stringify({ metrics }), env: quiet, prefix });
  await fill(daemon, "Counter", "clicks_total", counters);
  await fill(daemon, "Histogram", "wait_seconds", histograms);

  const pusher = await startPusher(daemon);
  const plain: number[] = [];
  const packed: number[] = [];
  const pauses: number[] = [];
  let bytes = 0;
  for (let scrape = 0; scrape < scrapes; scrape += 1) {
    pusher.longest();
    const seen = await get(daemon, "identity");
    plain.push(seen.ms);
    bytes = seen.bytes;
    packed.push((await get(daemon, "gzip")).ms);
    pauses.push(pusher.longest());
  }
  pusher.end();
  await Bun.sleep(settleMs);
  const status = readFileSync(`/proc/${daemon.pid}/status`, "utf8");
  const memoryBytes = Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1]) * 1024;
  return { series, plainMs: median(plain), packedMs: median(packed), pauseMs: median(pauses), bytes, memoryBytes };
}

/** Gives every series a value with decimals, as real ones have. */
async function fill({ url }: Daemon, method: string, metric: string, { series }: Grid): Promise<void> {
  for (let start = 0; start < series.length; start += maxActions) {
    const action = series.slice(start, start + maxActions).map((labels, index) => {
      return { metric, labels, number: (start + index) / 1000 };
    });
    const init = { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ action }) };
    const answer = await fetch(`${url}/metrics.API/${method}`, init);
    if (!answer.ok) throw new Error(`a push was answered ${answer.status}: ${await answer.text()}`);
  }
}

/** Pushes all the time, the next as soon as the last is answered. No client library, whose own work would be measured too. */
async function startPusher({ url }: Daemon) {
  const { hostname, port } = new URL(url);
  const { contentType, bytes } = json(1);
  const head = ["POST /metrics.API/Histogram HTTP/1.1", "host: bench", `content-type: ${contentType}`];
  const push = Buffer.concat([
    Buffer.from(`${[...head, `content-length: ${bytes.length}`].join("\r\n")}\r\n\r\n`),
    bytes,
  ]);
  let sentMs = 0;
  let longestMs = 0;
  const send = (socket: Bun.Socket) => {
    sentMs = performance.now();
    socket.write(push);
  };
  const socket = await Bun.connect({
    hostname,
    port: Number(port),
    socket: {
      open: send,
      data(socket) {
        longestMs = Math.max(longestMs, performance.now() - sentMs);
        send(socket);
      },
    },
  });
  return {
    /** The longest wait for an answer since this was asked last (ms). */
    longest(): number {
      const seen = longestMs;
      longestMs = 0;
      return seen;
    },
    end: () => socket.end(),
  };
}

/** A scrape whose bytes are counted and thrown away. */
function get({ url }: Daemon, coding: string): Promise<{ readonly ms: number; readonly bytes: number }> {
  const { hostname, port } = new URL(url);
  const startMs = performance.now();
  let bytes = 0;
  return new Promise((resolve, reject) => {
    const request = `GET /metrics HTTP/1.1\r\nhost: bench\r\naccept-encoding: ${coding}\r\nconnection: close\r\n\r\n`;
    Bun.connect({
      hostname,
      port: Number(port),
      socket: {
        open: (socket) => void socket.write(request),
        data: (_, chunk) => {
          bytes += chunk.length;
        },
        close: () => resolve({ ms: performance.now() - startMs, bytes }),
        error: (_, error) => reject(error),
      },
    }).catch(reject);
  });
}

/** All threads of this process. */
function moveTo(cores: string): void {
  Bun.spawnSync(["taskset", "-a", "-c", "-p", cores, String(process.pid)]);
}

export async function scrapes(binary: string, count: number): Promise<Bar[]> {
  const measured: Figures[] = [];
  // Here this process is the load.
  moveTo(loadCore);
  for (const series of sizes) {
    progress(`scrapes of ${series} series`);
    measured.push(await measure(binary, series, count));
  }
  moveTo(`0-${cpus().length - 1}`);
  const least = measured[0]!;
  const rows = measured.map(({ series, plainMs, packedMs, pauseMs, bytes, memoryBytes }) => [
    series.toLocaleString("en"),
    ms(plainMs),
    ms(packedMs),
    ms(pauseMs),
    `${(bytes / 1024).toFixed(0)} KB`,
    megabytes(memoryBytes),
    `${((memoryBytes - least.memoryBytes) / (series - least.series) / 1024 || 0).toFixed(1)} KB`,
  ]);
  const head = [
    "series",
    "scrape",
    "with gzip",
    "longest push meanwhile",
    "size",
    "memory at rest",
    "for one series more",
  ];
  print(`Scrapes while somebody pushes, medians of ${count}:`, head, rows);
  const { plainMs, pauseMs } = measured.find(({ series }) => series === barSeries)!;
  return [
    { what: "scrape of 10,000 series", bar: `${scrapeBarMs} ms`, is: ms(plainMs), isMet: plainMs <= scrapeBarMs },
    { what: "longest push meanwhile", bar: `${pauseBarMs} ms`, is: ms(pauseMs), isMet: pauseMs <= pauseBarMs },
  ];
}
