/** Several server threads on one port: one server to its callers, exact to its scrapers, also while threads die. */
import { afterEach, describe, expect, test } from "bun:test";
import { Secret } from "../../src/base/secret.ts";
import { push } from "../harness/daemon.ts";
import { checkRpcCase, rpcCases } from "../harness/rpc-cases.ts";
import { manyPushed, startTestServer } from "../harness/server.ts";

/** The workers that were started, so that a test can end one as a fault would. */
const workers: Worker[] = [];
const RealWorker = globalThis.Worker;
globalThis.Worker = class extends RealWorker {
  constructor(...args: ConstructorParameters<typeof RealWorker>) {
    super(...args);
    workers.push(this);
  }
};
afterEach(() => {
  workers.length = 0;
});

const metric = "page_ready_duration_seconds";
const one = [{ metric, number: 1 }];

/** Each request on a connection of its own: the kernel spreads connections over the threads. */
const alone = { Connection: "close" };

describe("three threads", () => {
  test("answer every request as one does", async () => {
    await using specta = await startTestServer({ threads: 3 });
    expect(workers.length).toBe(2);
    for (const each of rpcCases) await checkRpcCase(specta.url, each);
  });

  test("a scrape has what all of them recorded, to the last action", async () => {
    await using specta = await startTestServer({ threads: 3, pushed: manyPushed });
    const turns = 300;
    let sum = 0;
    await Promise.all(
      Array.from({ length: 8 }, async (_, client) => {
        for (let turn = 0; turn < turns / 8; turn += 1) {
          const number = client * 8 + turn;
          sum += number;
          const action = [
            { metric, number },
            { metric: metric, number: 0, labels: { page: "root" } },
          ];
          expect((await push(specta.url, "Histogram", action, alone)).status).toBe(200);
        }
      }),
    );
    const exposition = await specta.scrape();
    const count = Math.ceil(turns / 8) * 8;
    expect(exposition.value(`${metric}_sum`, { env: "testing" })).toBe(sum);
    expect(exposition.value(`${metric}_count`, { env: "testing" })).toBe(count);
    expect(exposition.value(`${metric}_count`, { env: "testing", page: "root" })).toBe(count);
  });

  test("a scrape sees each series as it was between two batches, while all of them write", async () => {
    await using specta = await startTestServer({ threads: 3 });
    // A batch leaves the sum of a series at 50 times its count; half a batch does not.
    const batch = Array.from({ length: 100 }, (_, index) => ({ metric, number: index % 2 === 0 ? 0 : 100 }));
    let isOver = false;
    const writers = Array.from({ length: 6 }, async () => {
      while (!isOver) await push(specta.url, "Histogram", batch, alone);
    });
    let last = 0;
    for (let scrapes = 0; scrapes < 40; scrapes += 1) {
      const exposition = await specta.scrape();
      const count = exposition.value(`${metric}_count`, { env: "testing" }) ?? 0;
      expect(count % 100).toBe(0);
      expect(exposition.value(`${metric}_sum`, { env: "testing" }) ?? 0).toBe(count * 50);
      expect(count).toBeGreaterThanOrEqual(last);
      last = count;
    }
    isOver = true;
    await Promise.all(writers);
    expect(last).toBeGreaterThan(0);
  });

  test("a gauge has the newest value whichever thread was told it", async () => {
    await using specta = await startTestServer({ threads: 3, pushed: manyPushed });
    for (let number = 0; number < 30; number += 1) {
      await push(specta.url, "Gauge", [{ metric: "queue_length", labels: { queue: "mail" }, number }], alone);
      const exposition = await specta.scrape();
      expect(exposition.value("queue_length", { env: "testing", queue: "mail" })).toBe(number);
    }
  });

  test("a key is recorded once whichever thread gets it", async () => {
    await using specta = await startTestServer({ threads: 3 });
    const keyed = (key: string) => push(specta.url, "Histogram", one, { ...alone, "Idempotency-Key": key });
    const answers = await Promise.all(Array.from({ length: 20 }, () => keyed("k1")));
    expect(answers.map((answer) => answer.status)).toEqual(Array(20).fill(200));
    await keyed("k2");
    const other = await push(specta.url, "Histogram", [{ metric, number: 2 }], { ...alone, "Idempotency-Key": "k1" });
    expect(other.status).toBe(400);
    expect((await specta.scrape()).value(`${metric}_count`, { env: "testing" })).toBe(2);
  });

  test("tokens are asked for, and a rate is one for all threads", async () => {
    const rateLimit = { requestsPerSecond: 0.001, burst: 5 };
    await using specta = await startTestServer({
      threads: 3,
      config: { pushTokens: [new Secret("a-token")], rateLimit },
    });
    const statuses = [];
    for (let turn = 0; turn < 12; turn += 1) {
      statuses.push((await push(specta.url, "Histogram", one, { ...alone, Authorization: "Bearer a-token" })).status);
    }
    expect(statuses).toEqual([...Array(5).fill(200), ...Array(7).fill(429)]);
    await using open = await startTestServer({ threads: 3, config: { pushTokens: [new Secret("a-token")] } });
    for (let turn = 0; turn < 12; turn += 1) expect((await push(open.url, "Histogram", one, alone)).status).toBe(401);
  });

  test("what a thread logs is in the log", async () => {
    await using specta = await startTestServer({ threads: 3 });
    const bad = [{ metric: "nobody_knows", number: 1 }];
    for (let turn = 0; turn < 30; turn += 1) await push(specta.url, "Histogram", bad, alone);
    const lines = () => specta.log.entries.filter((entry) => entry.message === "request failed").length;
    while (lines() < 30) await specta.scrape();
    expect(lines()).toBe(30);
  });

  test("a drain is seen on every connection, and nobody's request is lost by the stop", async () => {
    const specta = await startTestServer({ threads: 3 });
    await specta.server.drain();
    for (let turn = 0; turn < 12; turn += 1) {
      const live = await fetch(specta.url, { headers: alone });
      expect(live.status).toBe(503);
      expect((await push(specta.url, "Histogram", one)).headers.get("connection")).toBe("close");
    }
    await specta.server.stop(10_000);
    expect(fetch(specta.url)).rejects.toThrow();
  });
});

describe("a thread that dies", () => {
  test("is replaced, and nothing that was acknowledged is lost", async () => {
    await using specta = await startTestServer({ threads: 2 });
    let acknowledged = 0;
    const pushMany = async (times: number) => {
      for (let turn = 0; turn < times; turn += 1) {
        const answer = await push(specta.url, "Histogram", one, alone).catch(() => undefined);
        if (answer?.status === 200) acknowledged += 1;
      }
    };
    await pushMany(40);
    for (let death = 1; death <= 2; death += 1) {
      workers.at(-1)?.terminate();
      // Until there is another, the main thread alone is the server.
      while (workers.length === death) await pushMany(1);
      await pushMany(40);
    }
    expect((await specta.scrape()).value(`${metric}_count`, { env: "testing" })).toBe(acknowledged);
    const replaced = specta.log.entries.filter((entry) => entry.message === "server thread is replaced");
    expect(replaced.map((entry) => entry.keys.thread)).toEqual(["1", "1"]);
  });
});
