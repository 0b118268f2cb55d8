/** Requests a second, side by side: rounds of all peers in turn, so that what disturbs the machine disturbs all. */
import { type Column, columns, json, proto } from "./bodies.ts";
import { type Peer, startSpecta } from "./peers.ts";
import { type Bar, median, ms, print, progress, thousands } from "./table.ts";
import { type Load, load, type Target } from "./wrk.ts";

export interface Rounds {
  readonly rounds: number;
  readonly seconds: number;
}

/** At least this share of the echo. */
const bars: Readonly<Partial<Record<Column, number>>> = {
  "JSON, 1": 0.93,
  "JSON, 100": 0.5,
  "protobuf, 1": 0.9,
  "protobuf, 100": 0.6,
};

/** At least this much more with two threads. */
const threadsBar = 1.35;

/** Connections at half load rest so long after each answer (ms). */
const restMs = 10;

/** A rejected batch may be this much slower than an accepted one: what two equal figures differ by from run to run. */
const noise = 0.03;

/** What each target takes, round by round in turn. */
async function inTurns(
  targets: readonly Target[],
  { rounds, seconds }: Rounds,
  sharesCores = false,
): Promise<number[][]> {
  const measured: number[][] = targets.map(() => []);
  for (let round = 0; round < rounds; round += 1) {
    for (const [index, target] of targets.entries()) {
      const options = sharesCores ? { seconds, sharesCores, connections: 64 } : { seconds };
      measured[index]!.push((await load(target, options)).perSecond);
    }
  }
  return measured;
}

/** The median of the ratios of each round: what slows one round slows both. */
function ratio(measured: readonly number[], to: readonly number[]): number {
  return median(measured.map((figure, round) => figure / to[round]!));
}

/** Rates, round by round, by peer and column. */
export type Rates = ReadonlyMap<Peer, ReadonlyMap<Column, readonly number[]>>;

export async function measureThroughput(peers: readonly Peer[], options: Rounds): Promise<Rates> {
  const rates = new Map(peers.map((peer) => [peer, new Map<Column, readonly number[]>()]));
  for (const column of columns) {
    progress(`requests a second: ${column}`);
    const able = peers.filter((peer) => peer.target(column) !== undefined);
    const figures = await inTurns(
      able.map((peer) => peer.target(column)!),
      options,
    );
    for (const [index, peer] of able.entries()) rates.get(peer)!.set(column, figures[index]!);
  }
  return rates;
}

export function printThroughput(rates: Rates): Bar[] {
  const [echo, specta] = [...rates.keys()];
  const limitOf = (column: Column) => rates.get(echo!)!.get(column)!;
  const rows = [...rates].map(([peer, figures]) => {
    const cells = columns.map((column) => {
      const figure = figures.get(column);
      if (figure === undefined) return "–";
      return `${thousands(median(figure))} (${ratio(figure, limitOf(column)).toFixed(2)})`;
    });
    return [peer.name, ...cells];
  });
  print("Requests a second on one core, and their share of the echo, by encoding and actions:", ["", ...columns], rows);
  const own = rates.get(specta!)!;
  const shareOf = (column: Column) => ratio(own.get(column)!, limitOf(column));
  const shares = columns.flatMap((column): Bar[] => {
    const bar = bars[column];
    if (bar === undefined) return [];
    const share = shareOf(column);
    return [{ what: column, bar: `${bar} of the echo`, is: share.toFixed(2), isMet: share >= bar }];
  });
  // Measured in rounds of their own, so by their shares of the echo.
  const rejected = shareOf("JSON, 100, last bad") / shareOf("JSON, 100");
  const rejectedBar = { what: "a rejected batch of 100", bar: "as quick as an accepted one", is: rejected.toFixed(2) };
  return [...shares, { ...rejectedBar, isMet: rejected >= 1 - noise }];
}

export async function threads(binary: string, options: Rounds): Promise<Bar[]> {
  await using one = await startSpecta(binary, 1, true);
  await using two = await startSpecta(binary, 2, true);
  const measured: string[][] = [];
  let bar: Bar[] = [];
  for (const column of columns) {
    progress(`threads: ${column}`);
    const targets = [one.target(column)!, two.target(column)!];
    const [alone = [], both = []] = await inTurns(targets, options, true);
    const more = ratio(both, alone);
    measured.push([column, thousands(median(alone)), thousands(median(both)), more.toFixed(2)]);
    if (column !== "JSON, 100") continue;
    const is = more.toFixed(2);
    bar = [{ what: "two threads against one, JSON, 100", bar: `${threadsBar}`, is, isMet: more >= threadsBar }];
  }
  const head = ["requests a second", "1 thread", "2 threads", "ratio"];
  print("Threads, with the load on the same two cores:", head, measured);
  return bar;
}

export async function latencies(peers: readonly Peer[], rates: Rates, { seconds }: Rounds): Promise<void> {
  const measured = ["JSON, 1", "JSON, 100"] as const;
  const rows: string[][] = [];
  for (const peer of peers) {
    progress(`latency: ${peer.name}`);
    const cells: string[] = [];
    for (const column of measured) {
      const target = peer.target(column);
      const rate = rates.get(peer)?.get(column);
      const seen = target && rate ? await halfLoad(target, median(rate), seconds) : undefined;
      cells.push(seen ? ms(seen.p50Ms) : "–", seen ? ms(seen.p99Ms) : "–");
    }
    rows.push([peer.name, ...cells]);
  }
  const head = ["", ...measured.flatMap((column) => [`${column}: p50`, "p99"])];
  print("Latency at half of what each can take:", head, rows);
}

/** Half of the rate: so many connections that all of them, with their rests, ask for that much. */
function halfLoad(target: Target, rate: number, seconds: number): Promise<Load> {
  const connections = Math.max(1, Math.round((rate / 2) * (restMs / 1000)));
  return load(target, { seconds, connections, restMs });
}

export async function byActions(binary: string, options: Rounds): Promise<void> {
  await using specta = await startSpecta(binary);
  const { url } = specta.target("JSON, 1")!;
  const counts = [1, 10, 50, 100];
  const targets = counts.flatMap((count) => [json(count), proto(count)].map((body) => ({ url, ...body })));
  progress("requests a second by actions");
  const figures = (await inTurns(targets, options)).map(median);
  const rows = counts.map((count, index) => {
    const [asJson = Number.NaN, asProto = Number.NaN] = figures.slice(index * 2, index * 2 + 2);
    const perSecond = [asJson, asProto].flatMap((figure) => [
      thousands(figure),
      `${((figure * count) / 1e6).toFixed(2)}M`,
    ]);
    return [String(count), ...perSecond];
  });
  const head = ["actions in a request", "JSON: requests a second", "actions", "protobuf: requests a second", "actions"];
  print("Requests against actions:", head, rows);
}
