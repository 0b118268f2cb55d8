/** What a connection may carry beside one good request: bodies that nobody reads, upgrades, half-closed ends. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { connect } from "node:net";
import { chunk, prize, prizePost, statusesIn, Target } from "../harness/hostile.ts";

// The first of them builds the binary.
setDefaultTimeout(120_000);

const length = `Content-Length: ${prize.length}\r\n`;
const good = prizePost(length);
const kept = good.replace("Connection: close\r\n", "");
/** A request that ends the connection, behind another. */
const last = "GET /version HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n";
const gzipped = Buffer.from(Bun.gzipSync(prize));
const request = (line: string, lines = "", body = "") => `${line} HTTP/1.1\r\nHost: h\r\n${lines}\r\n${body}`;
const json = "Content-Type: application/json\r\n";
const carried = `Content-Length: ${good.length}\r\n`;
const upgrade = [
  "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n",
  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n",
].join("");

/** Each has a good push as its body: whoever does not read a body must not take it for the next request. */
const unread: Readonly<Record<string, readonly [head: string, status: number]>> = {
  "GET /version": [request("GET /version", carried), 200],
  "HEAD /metrics": [request("HEAD /metrics", carried), 200],
  "PUT of an RPC": [request("PUT /metrics.API/Counter", carried), 405],
  "DELETE of a route": [request("DELETE /metrics", carried), 405],
  "OPTIONS of a route": [request("OPTIONS /", carried), 405],
  TRACE: [request("TRACE /metrics.API/Counter", carried), 405],
  "POST of a route": [request("POST /", carried), 405],
  "POST to nowhere": [request("POST /nowhere", carried), 404],
  "POST to an unknown method": [request("POST /metrics.API/Nope", json + carried), 404],
  "POST of an unknown type": [request("POST /metrics.API/Counter", `Content-Type: text/plain\r\n${carried}`), 415],
  "POST in an unknown encoding": [
    request("POST /metrics.API/Counter", `${json}Content-Encoding: br\r\n${carried}`),
    501,
  ],
  "POST of a bad JSON": [request("POST /metrics.API/Counter", json + carried), 400],
  "a preflight": [
    request("OPTIONS /metrics.API/Counter", `Origin: https://a\r\nAccess-Control-Request-Method: POST\r\n${carried}`),
    204,
  ],
};

const many = (amount: number) => new Array<number>(amount).fill(200);

/** So many pushes are in each. */
const taken: Readonly<
  Record<string, readonly [bytes: string | Uint8Array, pushes: number, statuses: readonly number[]]>
> = {
  "a push, a scrape, a push": [kept + request("GET /metrics") + good, 2, [200, 200, 200]],
  "the status page between pushes": [
    kept + request("GET /status") + kept + request("GET /status.json") + good,
    3,
    many(5),
  ],
  "five scrapes": [request("GET /metrics").repeat(4) + request("GET /metrics", "Connection: close\r\n"), 0, many(5)],
  "gzip, then plain": [
    Buffer.concat([
      Buffer.from(
        request("POST /metrics.API/Counter", `${json}Content-Encoding: gzip\r\nContent-Length: ${gzipped.length}\r\n`),
      ),
      gzipped,
      Buffer.from(good),
    ]),
    2,
    many(2),
  ],
  "HTTP/1.0 with a length": [prizePost(length, prize, "POST /metrics.API/Counter HTTP/1.0"), 1, [200]],
  "HTTP/1.0 without a Host": ["GET /version HTTP/1.0\r\n\r\n", 0, [200]],
  "a wish for WebSockets": [request("GET /", upgrade) + good, 1, many(2)],
  "a wish for WebSockets where pushes go": [request("GET /metrics.API/Counter", upgrade) + good, 1, [405, 200]],
  "a wish for HTTP/2": [
    request("GET /version", "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARA\r\n") +
      last,
    0,
    many(2),
  ],
  "headers named as an object's own": [
    prizePost(`__proto__: a\r\nconstructor: b\r\nhasOwnProperty: c\r\n${length}`),
    1,
    [200],
  ],
  "a length with an underscore": [prizePost(`Content_Length: 5\r\n${length}`), 1, [200]],
  "a last chunk of many zeros": [prizePost("Transfer-Encoding: chunked\r\n", `${chunk(prize)}0000\r\n\r\n`), 1, [200]],
};

const refused: Readonly<Record<string, string>> = {
  ...Object.fromEntries(
    ["X(A)", 'X"A', "X/A", "X=A", "X;A", "X@A", "X\x7fA", "X\x01A", "X\x80A", "{X}", "X\\A"].map((name) => [
      `a header named ${JSON.stringify(name)}`,
      prizePost(`${name}: b\r\n${length}`),
    ]),
  ),
  "an encoding behind a lone CR": prizePost(`X: a\rTransfer-Encoding: chunked\r\n${length}`),
  "an encoding behind a lone LF": prizePost(`X: a\nTransfer-Encoding: chunked\r\n${length}`),
  "an encoding on a folded line": prizePost(`Transfer-Encoding:\r\n chunked\r\n${length}`),
  "an encoding behind a vertical tab": prizePost("Transfer-Encoding: \x0bchunked\r\n", `${chunk(prize)}0\r\n\r\n`),
  "an encoding in quotes": prizePost('Transfer-Encoding: "chunked"\r\n', `${chunk(prize)}0\r\n\r\n`),
  "an encoding with NUL behind it": prizePost(`Transfer-Encoding: chunked\0\r\n${length}`),
  "an empty encoding beside a length": prizePost(`Transfer-Encoding: \r\n${length}`),
  "an extension with a lone LF": prizePost("Transfer-Encoding: chunked\r\n", `31;a\nb\r\n${prize}\r\n0\r\n\r\n`),
  "a size with a space behind it": prizePost("Transfer-Encoding: chunked\r\n", `31 \r\n${prize}\r\n0\r\n\r\n`),
  "a size with a plus": prizePost("Transfer-Encoding: chunked\r\n", `+31\r\n${prize}\r\n0\r\n\r\n`),
  "an empty size": prizePost("Transfer-Encoding: chunked\r\n", `\r\n${prize}\r\n0\r\n\r\n`),
  "a length with a space in it": prizePost("Content-Length: 4 9\r\n"),
  "a length with letters behind it": prizePost(`Content-Length: ${prize.length}abc\r\n`),
  "two spaces in front of the target": prizePost(length, prize, "POST  /metrics.API/Counter HTTP/1.1"),
  "backslashes for slashes": prizePost(length, prize, "POST \\metrics.API\\Counter HTTP/1.1"),
};

describe.each([1, 2])("%i server threads", (threads) => {
  let target: Target;
  beforeAll(async () => {
    target = await Target.start({ env: { SPECTA_HTTP_THREADS: String(threads) } });
  });
  afterAll(() => target[Symbol.asyncDispose]());

  test.each(Object.keys(unread))("a body that is a request is none: %s", async (name) => {
    const [head, status] = unread[name]!;
    const statuses = await target.withstands(() => target.statuses(head + good + last));
    // Where an answer must wait, Bun closes the connection when more comes.
    expect([[status, 200], [status], []]).toContainEqual([...statuses]);
  });

  test.each(Object.keys(taken))("control: what is good HTTP is answered, and recorded: %s", async (name) => {
    const [bytes, pushes, statuses] = taken[name]!;
    let text = "";
    const grown = await target.prizes(async () => {
      text = (await (await target.open(bytes)).closed).replaceAll("HTTP/1.0 ", "HTTP/1.1 ");
    });
    const got = statusesIn(text);
    if (threads === 1 && !name.startsWith("gzip"))
      expect({ grown, got }).toEqual({ grown: pushes, got: [...statuses] });
    // What must wait for another thread, or for gzip, has its connection closed when the next request comes too early.
    expect(statuses.slice(0, got.length)).toEqual([...got]);
    expect(grown).toBeWithin(text.split('"status":"success"').length - 1, pushes + 1);
  });

  test("what follows a wish for a tunnel is no request", async () => {
    await target.withstands(async () => {
      const line = await target.open(request("CONNECT h:1", carried) + good + last);
      while (line.received === "") await Bun.sleep(1);
      await target.serves();
      expect(statusesIn(line.received)).toEqual([404]);
      await line.drop();
    }, 2);
  });

  test.each(Object.keys(refused))("refused: %s", async (name) => {
    const bytes = new Uint8Array(Buffer.from(refused[name]!, "latin1"));
    expect(await target.withstands(() => target.statuses(bytes))).toEqual([400]);
  });

  test("a client that has closed its half gets its answer, when its request was whole", async () => {
    const half = (bytes: string) =>
      new Promise<string>((resolve, reject) => {
        let text = "";
        const socket = connect({ port: target.port, host: "127.0.0.1", allowHalfOpen: true }, () => socket.end(bytes));
        socket.setEncoding("latin1").on("data", (piece) => {
          text += piece;
        });
        socket.on("error", reject).on("end", () => resolve(text));
      });
    for (const broken of [kept.slice(0, -3), "POST /metrics.API/Counter HTTP/1.1\r\nHost: h\r\n"]) {
      expect(await target.withstands(() => half(broken))).toBe("");
    }
    const grown = await target.prizes(async () => expect(statusesIn(await half(kept))).toEqual([200]));
    expect(grown).toBe(1);
  });

  test("nothing of it was specta's fault", () => {
    expect(target.daemon.log.malformed).toEqual([]);
    expect(target.daemon.logs.filter(({ level }) => level === "error" || level === "warning")).toEqual([]);
  });
});
