/** Clients that take their time, break off, or come in thousands: good ones are served all the while. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { gzipSync } from "node:zlib";
import { chunk, Line, prize, prizePost, statusesIn, Target } from "../harness/hostile.ts";
import { startTestServer } from "../harness/server.ts";

// The first of them builds the binary.
setDefaultTimeout(120_000);

const length = `Content-Length: ${prize.length}\r\n`;
const head = prizePost("", "").slice(0, -2);

/** Requests that never end, each as far as it gets. */
const halves: Readonly<Record<string, string>> = {
  nothing: "",
  "half a line": "POST /metrics.API/Cou",
  "half the headers": head,
  "half a body": `${head}Content-Length: 6400\r\n\r\n${" ".repeat(3000)}`,
  "half a chunk": `${head}Transfer-Encoding: chunked\r\n\r\nffff\r\n${" ".repeat(3000)}`,
  "a body without its last byte": `${head}${length}\r\n${prize.slice(0, -1)}`,
  "all chunks but the last": `${head}Transfer-Encoding: chunked\r\n\r\n${chunk(prize)}`,
};

let target: Target;
beforeAll(async () => {
  target = await Target.start({ env: { SPECTA_LOG_LEVEL: "info" } });
});
afterAll(() => target[Symbol.asyncDispose]());

test.each(Object.keys(halves))("a client that breaks off after %s is not recorded", async (name) => {
  await target.withstands(async () => {
    const line = await target.open(halves[name]!);
    await target.serves();
    expect(line.isClosed).toBe(false);
    await line.drop();
  }, 2);
});

test("control: what was broken off is recorded when its last byte comes", async () => {
  const grown = await target.prizes(async () => {
    const line = await target.open(halves["a body without its last byte"]!);
    await target.serves();
    await line.send(prize.slice(-1));
    expect(statusesIn(await line.closed)).toEqual([200]);
  });
  expect(grown).toBe(1);
});

describe("a byte at a time", () => {
  const gzipped = new Uint8Array(gzipSync(prize));
  const requests: Readonly<Record<string, Uint8Array>> = {
    "a plain request": Buffer.from(prizePost(length)),
    chunks: Buffer.from(prizePost("Transfer-Encoding: chunked\r\n", `${chunk(prize)}0\r\n\r\n`)),
    gzip: Buffer.concat([
      Buffer.from(prizePost(`Content-Encoding: gzip\r\nContent-Length: ${gzipped.length}\r\n`, "")),
      gzipped,
    ]),
  };

  /** Of a body in chunks: the last one, and the empty line. */
  const endBytes = 5;

  test.each(Object.keys(requests))("%s is recorded once", async (name) => {
    const grown = await target.prizes(async () => {
      const line = await target.open();
      const request = requests[name]!;
      // The end at once: what comes behind an answer that closes the connection would reset it, and the answer with it.
      for (const byte of request.subarray(0, -endBytes)) await line.send(Uint8Array.of(byte));
      await line.send(request.slice(-endBytes));
      expect(statusesIn(await line.closed)).toEqual([200]);
    });
    expect(grown).toBe(1);
  });
});

/** Ten thousand connections, and a round of them at a time: what one client's ports and files allow. */
const rounds = 5;
const linesARound = 2000;

/** What a container of this size is given; five rounds take about 120. */
const mostMiB = 400;

test("10,000 connections that send half a request each, in rounds of 2,000: others are served, and nothing is left", async () => {
  const idle = target.openFiles();
  const texts = Object.values(halves);
  for (let round = 0; round < rounds; round += 1) {
    await target.withstands(async () => {
      const lines: Line[] = [];
      while (lines.length < linesARound) {
        lines.push(
          ...(await Promise.all(Array.from({ length: 100 }, (_, at) => target.open(texts[at % texts.length])))),
        );
      }
      // A machine that is slow to make them sees the first ones go, for a request must begin within 10 s.
      await target.untilFiles((count) => count >= idle + linesARound / 2);
      await target.serves();
      await Promise.all(lines.map((line) => line.drop()));
      await target.untilFiles((count) => count <= idle + 10);
    }, 2);
    expect(target.memoryMiB()).toBeLessThan(mostMiB);
  }
});

test("connections beyond the files that a process may open wait, and are served once others have left", async () => {
  const files = 64;
  const prefix = ["sh", "-c", `ulimit -n ${files}; exec "$0" "$@"`];
  await using small = await Target.start({ prefix });
  // A connection is accepted when its first byte comes, or a second later.
  const taking = await Promise.all(Array.from({ length: files * 2 }, () => small.open("P")));
  await small.untilFiles((count) => count >= files - 2);
  let isServed = false;
  const asked = small.statuses("GET /version HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
  const waiting = asked.then((statuses) => {
    isServed = true;
    expect(statuses).toEqual([200]);
  });
  // The control: it does wait.
  for (let turn = 0; turn < 20; turn += 1) await Bun.sleep(10);
  expect(isServed).toBe(false);
  await Promise.all(taking.map((line) => line.drop()));
  await waiting;
  await small.withstands(async () => {});
  expect((await small.daemon.stop()).code).toBe(0);
});

/** Sends one byte after the other until the connection ends. */
async function trickle(line: Line): Promise<void> {
  while (!line.isClosed) {
    await line.send("a");
    await Bun.sleep(20);
  }
}

describe("a connection is not held for ever", () => {
  test("by one that sends no request, half of one, or its headers a byte at a time", async () => {
    const kept = await target.open(`GET /version HTTP/1.1\r\nHost: h\r\n\r\n`);
    const lines = await Promise.all(
      ["nothing", "half a line", "half the headers"].map((name) => target.open(halves[name])),
    );
    const slow = await target.open(`${head}X-A: `);
    await Promise.all([...lines.map(({ closed }) => closed), trickle(slow)]);
    for (const { received } of [...lines, slow]) expect(received).toBe("");
    // The control: a connection whose request was answered is kept.
    expect(kept.isClosed).toBe(false);
    await kept.drop();
  });

  test("nor by a body a byte at a time, nor after its request", async () => {
    await using server = await startTestServer({ idleSeconds: 4 });
    const open = async (first: string) => {
      const line = await Line.to(server.server.port);
      await line.send(first);
      return line;
    };
    const [body, chunks, kept, stalled] = await Promise.all([
      open(`${head}Content-Length: 64000\r\n\r\n`),
      open(`${head}Transfer-Encoding: chunked\r\n\r\nffff\r\n`),
      open("GET /version HTTP/1.1\r\nHost: h\r\n\r\n"),
      open(halves["half a body"]!),
    ]);
    await Promise.all([trickle(body), trickle(chunks), kept.closed, stalled.closed]);
    for (const { received } of [body, chunks, stalled]) expect(received).toBe("");
    expect(statusesIn(kept.received)).toEqual([200]);
  });
});
