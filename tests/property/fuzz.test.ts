/**
 * The daemon is sent whatever bytes there are. It answers or hangs up, records what it has acknowledged and nothing
 * else, and goes on.
 */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import fc from "fast-check";
import { compiled } from "../harness/build.ts";
import { type Daemon, push, scrape, startDaemon } from "../harness/daemon.ts";
import { fuzzMetric, rawOf } from "../harness/fuzz.ts";
import { Line, statusesIn } from "../harness/hostile.ts";
import { Choices } from "../harness/pushes.ts";

/** Connections to each daemon. More, or others, are asked for by these variables. */
const runs = Number(process.env.SPECTA_TEST_RUNS ?? 4000);
const seed = Number(process.env.SPECTA_TEST_SEED ?? 20_250_704);

setDefaultTimeout(Math.max(120_000, runs * 20));

/** Connections at once. */
const batch = 100;

/** How long a connection that waits for more is waited for, before it gets so much that it ends, and then (ms). */
const patienceMs = 40;
const endMs = 2000;
const filler = new Uint8Array(70_000);

const known = [100, 200, 204, 400, 404, 405, 413, 415, 429, 431, 501, 505];
const config = JSON.stringify({
  metrics: { [fuzzMetric]: { kind: "histogram", help: "pages", labels: { page: ["root"] }, buckets: [0.1, 1, 10] } },
});

/** Ends a connection whose request has ended; part of the request where it has not. */
const last = "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
/** A result of an action that was recorded, as JSON and as protobuf. */
const acknowledgements = ['"status":"success"', "\xc2\x0c\x07success"];

interface Told {
  readonly statuses: readonly number[];
  /** Actions that were acknowledged. */
  readonly acknowledged: number;
  /** It was given up, or reset: the last acknowledgements may have been lost on their way. */
  readonly isCut: boolean;
}

describe.each([1, 2])("%i server threads", (threads) => {
  let daemon: Daemon;
  let port: number;
  beforeAll(async () => {
    const env = { SPECTA_HTTP_THREADS: String(threads), SPECTA_LOG_LEVEL: "info" };
    daemon = await startDaemon({ binary: compiled(), config, env });
    port = Number(new URL(daemon.url).port);
  });
  afterAll(() => daemon.kill());

  async function tell(bytes: Uint8Array): Promise<Told> {
    const line = await Line.to(port);
    await line.send(bytes);
    await line.send(last);
    const isOpenAfter = (ms: number) => Promise.race([line.closed.then(() => false), Bun.sleep(ms).then(() => true)]);
    let isCut = await isOpenAfter(patienceMs);
    if (isCut) {
      await line.send(filler);
      isCut = await isOpenAfter(endMs);
    }
    await line.drop();
    const { received, isReset } = line;
    const acknowledged = acknowledgements.reduce((sum, text) => sum + received.split(text).length - 1, 0);
    return { statuses: statusesIn(received), acknowledged, isCut: isCut || isReset };
  }

  /** Observations of all series. */
  async function recorded(): Promise<number> {
    const series = (await scrape(daemon.url)).series(`${fuzzMetric}_count`);
    return series.reduce((sum, { value }) => sum + value, 0);
  }

  test("whatever is sent, what is recorded is what was acknowledged", async () => {
    const cases = fc.sample(fc.uint8Array({ minLength: 150, maxLength: 300, size: "max" }), { numRuns: runs, seed });
    const seen = new Map<number, number>();
    let acknowledged = 0;
    let cuts = 0;
    for (let start = 0; start < cases.length; start += batch) {
      const raws = cases.slice(start, start + batch).map((choices) => rawOf(new Choices(choices)));
      const before = await recorded();
      const told = await Promise.all(raws.map(tell));
      const grown = (await recorded()) - before;
      const sum = told.reduce((all, one) => all + one.acknowledged, 0);
      const cut = told.filter(({ isCut }) => isCut).length;
      // Of a connection that was cut more may have been heard than came back.
      if (cut === 0 ? grown !== sum : grown < sum) {
        const texts = raws.map((raw) => Buffer.from(raw).toString("latin1"));
        throw new Error(`${sum} actions were acknowledged and ${grown} recorded of ${JSON.stringify(texts)}`);
      }
      for (const status of told.flatMap(({ statuses }) => statuses)) seen.set(status, (seen.get(status) ?? 0) + 1);
      acknowledged += sum;
      cuts += cut;
    }
    expect([...seen.keys()].filter((status) => !known.includes(status))).toEqual([]);
    // The control: few were cut, much was taken, and much was refused.
    expect(cuts).toBeLessThan(runs / 50 + 10);
    expect(acknowledged).toBeGreaterThan(runs / 10);
    expect(seen.get(400)).toBeGreaterThan(runs / 10);
  });

  test("it serves as before, and nothing in its log is broken or its own fault", async () => {
    const answer = await push(daemon.url, "Histogram", [{ metric: fuzzMetric, number: 1 }]);
    expect(answer.status).toBe(200);
    expect(daemon.log.malformed).toEqual([]);
    expect(daemon.logs.filter(({ level }) => level === "error" || level === "warning")).toEqual([]);
    expect((await daemon.stop()).code).toBe(0);
  });
});
