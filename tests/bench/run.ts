/**
 * One table, everything side by side in one run: load from one core, the server on the other, rounds interleaved, medians.
 *
 *   bun tests/bench/run.ts            rounds of 2 s, 5 of each
 *   bun tests/bench/run.ts --quick    rounds of 1 s, 3 of each
 *
 * `SPECTA_BENCH_REFERENCE` names the binary of the Go service that specta replaces, to be measured too.
 */
import { readFileSync, statSync } from "node:fs";
import { cpus } from "node:os";
import { compiled } from "../harness/build.ts";
import { startDaemon } from "../harness/daemon.ts";
import {
  type Column,
  columns,
  load,
  metric,
  type Peer,
  startPushgateway,
  startReference,
  startScript,
  startSpecta,
} from "./peers.ts";

const isQuick = process.argv.includes("--quick");
const rounds = isQuick ? 3 : 5;
const seconds = isQuick ? 1 : 2;

/** At least this share of the echo, by column. */
const bars: Readonly<Record<Column, number | undefined>> = {
  "JSON, 1": 0.93,
  "JSON, 100": 0.5,
  "protobuf, 1": 0.9,
  "protobuf, 100": 0.6,
  "JSON, 100, last bad": undefined,
};

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

function megabytes(pid: number): string {
  const kilobytes = /^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
  return `${(Number(kilobytes) / 1024).toFixed(0)} MB`;
}

function row(...cells: readonly string[]): string {
  return `| ${cells.join(" | ")} |\n`;
}

function print(title: string, head: readonly string[], rows: readonly (readonly string[])[]): void {
  const rule = row(...head.map((_, index) => (index === 0 ? "---" : "---:"))).replaceAll(" ", "");
  process.stdout.write(`\n${title}\n\n${row(...head)}${rule}${rows.map((cells) => row(...cells)).join("")}`);
}

async function throughput(peers: readonly Peer[]): Promise<void> {
  const measured = new Map<string, number[]>();
  for (const column of columns) {
    for (let round = 0; round < rounds; round += 1) {
      for (const peer of peers) {
        const target = peer.target(column);
        if (target === undefined) continue;
        const key = `${peer.name} ${column}`;
        measured.set(key, [...(measured.get(key) ?? []), load(target, seconds).perSecond]);
      }
    }
  }
  const figure = (name: string, column: Column) => median(measured.get(`${name} ${column}`) ?? []);
  const limit = (column: Column) => figure(column.startsWith("JSON") ? "echo of text" : "echo of bytes", column);
  const cells = (peer: Peer) =>
    columns.map((column) => {
      const value = figure(peer.name, column);
      return Number.isNaN(value) ? "–" : `${(value / 1000).toFixed(1)}k (${(value / limit(column)).toFixed(2)})`;
    });
  const title = "Requests a second, thousands, and in parentheses the share of the echo";
  print(
    title,
    ["", ...columns],
    peers.map((peer) => [peer.name, ...cells(peer)]),
  );
  const verdicts = columns.flatMap((column) => {
    const bar = bars[column];
    const share = figure("specta", column) / limit(column);
    return bar === undefined ? [] : [[column, bar.toFixed(2), share.toFixed(2), share >= bar ? "met" : "not met"]];
  });
  print("Bars", ["specta on one core", "at least", "is", ""], verdicts);
}

/** Specta alone: requests by the number of actions are the columns above; here latency under a light load. */
function latencies(peers: readonly Peer[]): void {
  const rows = peers.map((peer) => {
    const target = peer.target("JSON, 1");
    if (target === undefined) return [peer.name, "–", "–"];
    const { p50, p99 } = load(target, seconds, 4);
    return [peer.name, p50, p99];
  });
  print("Latency of one JSON action over 4 connections", ["", "p50", "p99"], rows);
}

/** A configuration with that many series of one counter. */
function seriesConfig(count: number): string {
  const values = Array.from({ length: count }, (_, index) => `v${index}`);
  const page = { kind: "histogram", help: "page", labels: { page: ["root"] }, buckets: [0.1, 0.5, 1, 5] };
  const wide = { kind: "counter", help: "wide", labels: { value: values } };
  return JSON.stringify({ metrics: { [metric]: page, wide_total: wide } });
}

async function scrapes(binary: string): Promise<void> {
  const rows: string[][] = [];
  for (const count of [10, 1000, 10_000, 50_000]) {
    await using daemon = await startDaemon({ binary, config: seriesConfig(count), env: { SPECTA_LOG_LEVEL: "info" } });
    const times: number[] = [];
    let longest = 0;
    let isOver = false;
    const body = JSON.stringify({ action: [{ metric, number: 1 }] });
    const headers = { "content-type": "application/json" };
    const pushing = (async () => {
      while (!isOver) {
        const start = performance.now();
        await (await fetch(`${daemon.url}/metrics.API/Histogram`, { method: "POST", headers, body })).text();
        longest = Math.max(longest, performance.now() - start);
      }
    })();
    for (let scrape = 0; scrape < 20; scrape += 1) {
      const start = performance.now();
      await (await fetch(`${daemon.url}/metrics`, { headers: { "accept-encoding": "identity" } })).arrayBuffer();
      times.push(performance.now() - start);
    }
    isOver = true;
    await pushing;
    rows.push([
      count.toLocaleString("en"),
      `${median(times).toFixed(1)} ms`,
      `${longest.toFixed(1)} ms`,
      megabytes(daemon.pid),
    ]);
  }
  print("Scrape while one client pushes", ["series", "scrape, median of 20", "longest push", "memory after"], rows);
}

async function start(binary: string): Promise<void> {
  const times: number[] = [];
  for (let round = 0; round < 9; round += 1) {
    const begun = performance.now();
    await using daemon = await startDaemon({ binary, env: { SPECTA_LOG_LEVEL: "info" } });
    await (await fetch(`${daemon.url}/`)).text();
    times.push(performance.now() - begun);
  }
  const versions = Array.from({ length: 9 }, () => {
    const begun = performance.now();
    Bun.spawnSync([binary, "version"]);
    return performance.now() - begun;
  });
  await using daemon = await startDaemon({ binary, env: { SPECTA_LOG_LEVEL: "info" } });
  await daemon.line("worker is executing tasks");
  await Bun.sleep(99);
  const rest = megabytes(daemon.pid);
  const target = {
    url: `${daemon.url}/metrics.API/Histogram`,
    contentType: "application/json",
    body: new TextEncoder().encode(JSON.stringify({ action: [{ metric, number: 1 }] })),
  };
  load(target, seconds * rounds);
  const size = `${(statSync(binary).size / 1e6).toFixed(0)} MB`;
  print(
    "Start and memory, the embedded default",
    ["version", "daemon to its first answer", "memory at rest", "after load", "size of the binary"],
    [[`${median(versions).toFixed(0)} ms`, `${median(times).toFixed(0)} ms`, rest, megabytes(daemon.pid), size]],
  );
}

const binary = compiled();
await using resources = new AsyncDisposableStack();
const reference = process.env.SPECTA_BENCH_REFERENCE;
const peers: Peer[] = [
  resources.use(await startScript("echo of text", "echo.ts", "text")),
  resources.use(await startScript("echo of bytes", "echo.ts", "bytes")),
  resources.use(await startSpecta(binary, 1)),
  resources.use(await startSpecta(binary, 2)),
  resources.use(await startScript("connect-es on Bun", "connect.ts", "")),
  resources.use(await startPushgateway()),
  ...(reference === undefined ? [] : [resources.use(await startReference(reference))]),
];
process.stdout.write(
  `${cpus()[0]?.model}, ${cpus().length} cores, ${process.platform}, Bun ${Bun.version}; ${rounds} rounds of ${seconds} s\n`,
);
await throughput(peers);
latencies(peers);
await scrapes(binary);
await start(binary);
