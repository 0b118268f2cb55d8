/** Requests whose shape is meant to be read in two ways: none of them is recorded, and good ones still are. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { chunk, prize, prizePost, Target } from "../harness/hostile.ts";

// The first of them builds the binary.
setDefaultTimeout(120_000);

const length = `Content-Length: ${prize.length}\r\n`;
const chunked = "Transfer-Encoding: chunked\r\n";
const whole = `${chunk(prize)}0\r\n\r\n`;
const wide = (text: string) => new Uint8Array(Buffer.from(text, "latin1"));
const get = (target: string, lines = "") =>
  wide(`GET ${target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n${lines}\r\n`);

/** What each is answered with; an unknown method closes the connection without a word. */
const refused: Readonly<Record<string, readonly [bytes: string | Uint8Array, ...statuses: number[]]>> = {
  "a length and chunks": [prizePost(length + chunked, whole), 400],
  "chunks and a length that hides a second request": [
    prizePost(`Content-Length: 4\r\n${chunked}`, whole + prizePost(length)),
    400,
  ],
  "a length that hides a second request, and chunks": [
    prizePost(`${chunked}Content-Length: 5\r\n`, `0\r\n\r\n${prizePost(length)}`),
    400,
  ],
  "two lengths that differ": [prizePost(`${length}Content-Length: 5\r\n`), 400],
  "a list of lengths": [prizePost(`Content-Length: ${prize.length}, ${prize.length}\r\n`), 400],
  "a length with a plus": [prizePost(`Content-Length: +${prize.length}\r\n`), 400],
  "a negative length": [prizePost("Content-Length: -1\r\n"), 400],
  "a hexadecimal length": [prizePost("Content-Length: 0x31\r\n"), 400],
  "a length beyond all numbers": [prizePost(`Content-Length: ${"9".repeat(30)}\r\n`), 400],
  "a length that is right but for 2^64": [prizePost(`Content-Length: ${2n ** 64n + BigInt(prize.length)}\r\n`), 400],
  "an empty length": [prizePost("Content-Length: \r\n"), 400],
  "a space before the colon of a length": [prizePost(`Content-Length : ${prize.length}\r\n`), 400],
  "a space before the colon of an encoding": [prizePost(`${length}Transfer-Encoding : chunked\r\n`), 400],
  "an encoding that is nearly chunked": [prizePost("Transfer-Encoding: xchunked\r\n", whole), 400],
  "an encoding of identity": [prizePost(`${length}Transfer-Encoding: identity\r\n`), 400],
  "chunked in front of another encoding": [prizePost("Transfer-Encoding: chunked, identity\r\n", whole), 400],
  "chunked behind another encoding": [prizePost("Transfer-Encoding: gzip, chunked\r\n", whole), 400],
  "chunked twice": [prizePost(chunked + chunked, whole), 400],
  "chunks in HTTP/1.0": [prizePost(chunked, whole, "POST /metrics.API/Counter HTTP/1.0"), 400],
  "a header that is folded": [prizePost(`X-A: b\r\n c\r\n${length}`), 400],
  "line feeds alone": [prizePost(length).replaceAll("\r\n", "\n"), 505],
  "a carriage return in a header": [prizePost(`X-A: b\r${length}`), 400],
  "NUL in a header's value": [prizePost(`X-A: b\0c\r\n${length}`), 400],
  "NUL in a header's name": [prizePost(`X\0A: b\r\n${length}`), 400],
  "NUL in the target": [prizePost(length, prize, "POST /metrics.API/Counter\0 HTTP/1.1"), 505],
  "a space in a header's name": [prizePost(`X A: b\r\n${length}`), 400],
  "a header without a colon": [prizePost(`XA\r\n${length}`), 400],
  "a header without a name": [prizePost(`: b\r\n${length}`), 400],
  "a size that is no number": [prizePost(chunked, `zz\r\n${prize}\r\n0\r\n\r\n`), 400],
  "a size that is negative": [prizePost(chunked, `-1\r\n${prize}\r\n0\r\n\r\n`), 400],
  "a size with a prefix": [prizePost(chunked, `0x31\r\n${prize}\r\n0\r\n\r\n`), 400],
  "a size of 2^64 - 1": [prizePost(chunked, `${"f".repeat(16)}\r\n${prize}\r\n0\r\n\r\n`), 400],
  "a size that is right but for 2^64": [prizePost(chunked, `1${"0".repeat(14)}31\r\n${prize}\r\n0\r\n\r\n`), 400],
  "a size below that of its chunk": [prizePost(chunked, `2\r\n${prize}\r\n0\r\n\r\n`), 400],
  "a chunk without its end": [prizePost(chunked, `${prize.length.toString(16)}\r\n${prize}0\r\n\r\n`), 400],
  "chunks that end in line feeds": [prizePost(chunked, `${whole.replaceAll("\r\n", "\n")}`), 400],
  "an extension of 100,000 characters": [
    prizePost(chunked, `${prize.length.toString(16)};${"a".repeat(100_000)}\r\n${prize}\r\n0\r\n\r\n`),
    413,
  ],
  "no Host": [`POST /metrics.API/Counter HTTP/1.1\r\n${length}\r\n${prize}`, 400],
  "an empty line in front": [`\r\n${prizePost(length)}`, 400],
  "a header of 20,000 characters": [prizePost(`X-A: ${"a".repeat(20_000)}\r\n${length}`), 431],
  "a header of a million": [prizePost(`X-A: ${"a".repeat(1_000_000)}\r\n${length}`), 431],
  "300 headers": [prizePost(Array.from({ length: 300 }, (_, at) => `X-${at}: a\r\n`).join("") + length), 431],
  "a target of 100,000 characters": [get(`/${"a".repeat(100_000)}`), 431],
  "HTTP/0.9": ["GET /version\r\n", 505],
  "HTTP/1.2": [prizePost(length, prize, "POST /metrics.API/Counter HTTP/1.2"), 505],
  "HTTP/2.0": [prizePost(length, prize, "POST /metrics.API/Counter HTTP/2.0"), 505],
  "the preface of HTTP/2": ["PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400],
  "the hello of TLS": [new Uint8Array(Buffer.from("16030100ca010000c60303", "hex")), 400],
  "bytes of all kinds": [Uint8Array.from({ length: 1000 }, (_, at) => (at * 7) & 255), 400],
  "an unknown method": [prizePost(length, prize, "PUSH /metrics.API/Counter HTTP/1.1")],
  "a method in small letters": [prizePost(length, prize, "post /metrics.API/Counter HTTP/1.1")],
  "a space in the target": [prizePost(length, prize, "POST /metrics.API/ Counter HTTP/1.1"), 505],
  "a target without a slash": [get("version"), 400],
  "a target of another scheme": [get("ftp://localhost/version"), 400],
  "an asterisk": [prizePost("", "", "OPTIONS * HTTP/1.1"), 400],
  "a tunnel": [prizePost("", "", "CONNECT localhost:443 HTTP/1.1"), 404],
  "a tunnel to half an address": [prizePost("", "", "CONNECT [::1 HTTP/1.1"), 404],
  "a tunnel to a path": [prizePost("", "", "CONNECT x/metrics HTTP/1.1"), 404],
  "a page with a value beyond ASCII": [get("/x", "X-A: \xff\xfe\r\n"), 404],
  "a method that repeats its request": [prizePost("", "", "TRACE / HTTP/1.1"), 405],
  "two slashes and a host": [get("//localhost/version"), 404],
  "an encoded letter": [get("/%76ersion"), 404],
  "an encoded slash": [get("/%2fversion"), 404],
  "an encoding that is none": [get("/%zz"), 404],
  "an encoded NUL": [get("/version%00"), 404],
  "bytes beyond ASCII": [get("/v\u00e9rsion"), 404],
  "a slash too much": [get("/metrics/"), 404],
  "a parameter of the path": [get("/metrics;a=b"), 404],
  "a path in the Host": [wide("GET /x HTTP/1.1\r\nHost: h/metrics?\r\nConnection: close\r\n\r\n"), 404],
};

/** What looks odd and is good HTTP: each is recorded once. They are the controls of what is above. */
const taken: Readonly<Record<string, string | Uint8Array>> = {
  "a length": prizePost(length),
  "the same length twice": prizePost(length + length),
  "a length between white space": prizePost(`Content-Length: \t${prize.length} \r\n`),
  chunks: prizePost(chunked, whole),
  "chunks in capital letters": prizePost("Transfer-Encoding: CHUNKED\r\n", whole),
  "chunks of one byte": prizePost(chunked, `${[...prize].map(chunk).join("")}0\r\n\r\n`),
  "a size with zeros in front": prizePost(chunked, `0000${whole}`),
  "an extension of a chunk": prizePost(chunked, whole.replace("\r\n", ";a=b\r\n")),
  "90 headers": prizePost(Array.from({ length: 90 }, (_, at) => `X-${at}: a\r\n`).join("") + length),
  "a value beyond ASCII": wide(prizePost(`X-A: \xff\xfe\r\n${length}`)),
  "a whole URL as target": prizePost(length, prize, "POST http://elsewhere.example/metrics.API/Counter HTTP/1.1"),
  "a Host that is none": prizePost(length).replace("Host: localhost", "Host: a b"),
  "an empty Host": prizePost(length).replace("Host: localhost", "Host: "),
  "half an IPv6 address as Host": prizePost(length).replace("Host: localhost", "Host: [::1"),
  "a query": prizePost(length, prize, "POST /metrics.API/Counter?/metrics.API/Gauge HTTP/1.1"),
  "a wish to go on": prizePost(`Expect: 100-continue\r\n${length}`),
};

describe.each([1, 2])("%i server threads", (threads) => {
  let target: Target;
  beforeAll(async () => {
    target = await Target.start({ env: { SPECTA_HTTP_THREADS: String(threads) } });
  });
  afterAll(() => target[Symbol.asyncDispose]());

  test.each(Object.keys(refused))("refused, and not recorded: %s", async (name) => {
    const [bytes, ...statuses] = refused[name]!;
    expect(await target.withstands(() => target.statuses(bytes))).toEqual(statuses);
  });

  test.each(Object.keys(taken))("control, recorded once: %s", async (name) => {
    const statuses = () => target.statuses(taken[name]!).then((all) => expect(all.at(-1)).toBe(200));
    expect(await target.prizes(statuses)).toBe(1);
  });

  test("what follows a body is a request of its own: more than the length says is refused", async () => {
    const two = prizePost("Content-Length: 0\r\n".replace("0", "2"), `{}${prize}`).replace("Connection: close\r\n", "");
    expect(await target.withstands(() => target.statuses(two))).toEqual([400, 400]);
  });

  test("trailers end the connection after the answer, and are no request", async () => {
    for (const trailer of ["X-T: 1", prizePost(length).trimEnd(), "XXGET /version HTTP/1.1\r\nHost: h"]) {
      const kept = prizePost(chunked, `${chunk("{}")}0\r\n${trailer}\r\n\r\n`).replace("Connection: close\r\n", "");
      expect(await target.withstands(() => target.statuses(kept))).toEqual([400, 400]);
    }
  });

  test("requests in one packet are each answered, in their order, and recorded once", async () => {
    const kept = prizePost(length).replace("Connection: close\r\n", "");
    const answers: (readonly number[])[] = [];
    const packet = `${kept.repeat(9)}${prizePost(length)}`;
    expect(await target.prizes(async () => answers.push(await target.statuses(packet)))).toBe(10);
    expect(answers).toEqual([new Array<number>(10).fill(200)]);
  });

  test("a bad request in a packet ends it: what stands behind it is not read", async () => {
    const kept = prizePost(length).replace("Connection: close\r\n", "");
    const answers: (readonly number[])[] = [];
    const packet = `${kept}${prizePost("Content-Length: x\r\n")}${kept.repeat(5)}`;
    expect(await target.prizes(async () => answers.push(await target.statuses(packet)))).toBe(1);
    expect(answers).toEqual([[200, 400]]);
  });

  test("no line of the log was broken, and nothing failed by specta's fault", () => {
    expect(target.daemon.log.malformed).toEqual([]);
    expect(target.daemon.logs.filter(({ level }) => level === "error" || level === "warning")).toEqual([]);
  });
});

describe("a guarded path", () => {
  const spellings = [
    ...["/metrics", "/metrics?x", "/x/../metrics", "/./metrics", "/%2e/metrics", "/x/%2E%2e/metrics", "/;/../metrics"],
    ...[
      "/x\\..\\metrics",
      "/\\metrics",
      "//metrics",
      "/metrics/",
      "/metrics%00",
      "/METRICS",
      "/%6detrics",
      "/metrics#x",
    ],
    ...[
      "http://h/metrics",
      "http:///metrics",
      "http://u:p@h/metrics",
      "http://h/x/../metrics",
      "/status",
      "/status.json",
    ],
  ];
  const token = "let-me-in-4711";
  let target: Target;
  beforeAll(async () => {
    const env = { SCRAPE_TOKEN: token };
    target = await Target.start({ env }, { server: { scrape: { tokens: ["${SCRAPE_TOKEN}"] } } });
  });
  afterAll(() => target[Symbol.asyncDispose]());

  test.each(spellings)("is guarded however it is spelled: %s", async (spelling) => {
    const [status] = await target.statuses(get(spelling));
    expect([401, 404]).toContain(status!);
    // The control: the token opens what exists.
    const [opened] = await target.statuses(get(spelling, `Authorization: Bearer ${token}\r\n`));
    expect(opened).toBe(status === 401 ? 200 : 404);
  });

  test("and most of these spellings lead to it", async () => {
    const all = await Promise.all(spellings.map((spelling) => target.statuses(get(spelling))));
    expect(all.filter(([status]) => status === 401).length).toBeGreaterThan(spellings.length / 2);
  });
});
