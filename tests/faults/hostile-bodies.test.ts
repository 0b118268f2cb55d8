/** Bodies that are meant to break whoever reads them. Nothing of them is recorded, in any protocol. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { gzipSync } from "node:zlib";
import { maxLabelValueBytes } from "../../src/base/limits.ts";
import { push, scrape } from "../harness/daemon.ts";
import { prize, Target } from "../harness/hostile.ts";
import { naughtyStrings, prototypeNames } from "../harness/naughty.ts";
import { actionFields, delimited, grpcFrame, input, tag, varint } from "../harness/wire.ts";

// The first of them builds the binary.
setDefaultTimeout(120_000);

/** Values of a label that are as odd as they come, and configured. */
const values = naughtyStrings.filter((value) => Buffer.byteLength(value) <= maxLabelValueBytes);
/** As a configuration writes them, where a brace behind a dollar sign begins a variable's name. */
const written = values.map((value) => value.split("${").join("$${"));
const odd = { odd_total: { kind: "counter", help: "odd", labels: { value: written } } } as const;

let target: Target;
beforeAll(async () => {
  target = await Target.start({}, { more: odd });
});
afterAll(() => target[Symbol.asyncDispose]());

type Bytes = Uint8Array<ArrayBuffer>;
const bytesOf = (text: string): Bytes => new TextEncoder().encode(text);
const gzip = (bytes: string | Uint8Array): Bytes => new Uint8Array(gzipSync(bytes));

async function post(type: string, body: Bytes, headers: Readonly<Record<string, string>> = {}) {
  const answer = await fetch(`${target.daemon.url}/metrics.API/Counter`, {
    method: "POST",
    headers: { "Content-Type": type, ...headers },
    body,
  });
  return { status: answer.status, text: await answer.text() };
}

/** A message in each encoding that a client may choose; the answer's code tells whether it was taken. */
const encodings = {
  json: { type: "application/json", isBinary: false, isFramed: false },
  proto: { type: "application/proto", isBinary: true, isFramed: false },
  twirp: { type: "application/protobuf", isBinary: true, isFramed: false },
  "grpc-web": { type: "application/grpc-web+proto", isBinary: true, isFramed: true },
  "grpc-web json": { type: "application/grpc-web+json", isBinary: false, isFramed: true },
} as const;
type Encoding = keyof typeof encodings;
const names = Object.keys(encodings) as Encoding[];

interface Pushed {
  readonly metric: string;
  readonly labels: Readonly<Record<string, string>>;
}

/** Sends one action; true when it was taken. */
async function take(encoding: Encoding, { metric, labels }: Pushed): Promise<boolean> {
  const { type, isBinary, isFramed } = encodings[encoding];
  const plain = isBinary
    ? input(actionFields(metric, 1, labels))
    : // An own key even where it is the name of the prototype.
      bytesOf(`{"action":[{"metric":${JSON.stringify(metric)},"number":1,"labels":${JSON.stringify(labels)}}]}`);
  const { status, text } = await post(type, isFramed ? grpcFrame(plain) : plain);
  if (isFramed) {
    expect(status).toBe(200);
    const [, code] = /grpc-status: (\d+)\r\n/.exec(text) ?? [];
    expect(["0", "3"]).toContain(code!);
    return code === "0";
  }
  if (status !== 200) {
    expect({ status, ...(JSON.parse(text) as object) }).toMatchObject({ status: 400, code: "invalid_argument" });
  }
  return status === 200;
}

const withKey = (key: string, value: string) => Object.fromEntries([[key, value]]);

describe("texts that have broken programs before", () => {
  test.each(names)("%s: as a metric, a label or a value that is not configured: refused", async (encoding) => {
    await target.withstands(async () => {
      for (const text of naughtyStrings) {
        for (const pushed of [
          { metric: text, labels: {} },
          { metric: "clicks_total", labels: withKey(text, "root") },
          { metric: "clicks_total", labels: { page: text } },
        ]) {
          if (await take(encoding, pushed)) throw new Error(`taken: ${JSON.stringify(pushed)}`);
        }
      }
    });
  });

  test.each(names)("control, %s: the same texts, configured as values, are taken and read back", async (encoding) => {
    const count = async () => {
      const series = (await scrape(target.daemon.url)).series("odd_total");
      return new Map(series.map(({ labels, value }) => [labels.value, value]));
    };
    const before = await count();
    for (const value of values) expect(await take(encoding, { metric: "odd_total", labels: { value } })).toBe(true);
    const after = await count();
    for (const value of values) expect([value, after.get(value)! - before.get(value)!]).toEqual([value, 1]);
  });

  test("names of Object.prototype are no way into it", async () => {
    await target.withstands(async () => {
      for (const name of prototypeNames) {
        const key = JSON.stringify(name);
        for (const body of [
          `{${key}:{"polluted":1}}`,
          `{"action":[{${key}:{"metric":"clicks_total"}}]}`,
          `{"action":[{"metric":"clicks_total","labels":{${key}:{"polluted":1}}}]}`,
          `{"action":{${key}:1}}`,
        ]) {
          expect((await post("application/json", bytesOf(body))).status).toBe(400);
        }
        const answer = await fetch(`${target.daemon.url}/metrics.API/${encodeURIComponent(name)}`, { method: "POST" });
        expect(answer.status).toBe(404);
        await answer.text();
      }
    });
    expect((await fetch(`${target.daemon.url}/status.json`)).status).toBe(200);
  });

  test("the log is whole: one object a line, whatever stood in the requests", () => {
    expect(target.daemon.logs.filter(({ message }) => message === "request failed").length).toBeGreaterThan(
      naughtyStrings.length,
    );
    expect(target.daemon.log.malformed).toEqual([]);
    expect(target.daemon.logs.filter(({ level }) => level === "error")).toEqual([]);
  });
});

/** 64 KiB that inflate to about a thousand times as much. */
const bombs: Readonly<Record<string, Bytes>> = {
  spaces: gzip(" ".repeat(60_000_000)),
  "a good request and spaces": gzip(prize + " ".repeat(60_000_000)),
  "two members, each within the limit": new Uint8Array(Buffer.concat([gzip(prize), gzip(" ".repeat(65_500))])),
  "a bomb in a bomb": gzip(gzip(" ".repeat(60_000_000))),
};
const broken: Readonly<Record<string, Bytes>> = {
  "a wrong checksum": gzip(prize).with(-5, gzip(prize).at(-5)! ^ 1) as Bytes,
  "a wrong length": gzip(prize).with(-1, 7) as Bytes,
  "half of it": gzip(prize).slice(0, 20),
  "no end": gzip(prize).slice(0, -8),
  "nothing in it": gzip(""),
  "no gzip": bytesOf(prize),
  "nothing at all": new Uint8Array(0),
  "bytes behind it": new Uint8Array(Buffer.concat([gzip(prize), bytesOf("garbage behind it")])),
};

describe("gzip", () => {
  const send = (body: Bytes, encoding = "gzip") => post("application/json", body, { "Content-Encoding": encoding });

  test.each(Object.keys(bombs))("that inflates too far is refused: %s", async (name) => {
    const { status, text } = await target.withstands(() => send(bombs[name]!));
    // The bomb in a bomb is small the first time, and no JSON.
    expect([429, 400]).toContain(status);
    expect(["resource_exhausted", "invalid_argument"]).toContain(JSON.parse(text).code);
  });

  test.each(Object.keys(broken))("that is broken is refused: %s", async (name) => {
    const { status, text } = await target.withstands(() => send(broken[name]!));
    expect([status, JSON.parse(text).code]).toEqual([400, "invalid_argument"]);
  });

  test("and encodings upon encodings", async () => {
    for (const encoding of ["gzip, gzip", "br", "deflate", "zstd", "GZIP, br", "x"]) {
      const { text } = await target.withstands(() => send(gzip(gzip(prize)), encoding));
      expect(JSON.parse(text).code).toBe("unimplemented");
    }
  });

  test("200 bombs at once cost no more memory than their limit says", async () => {
    await target.withstands(async () => {
      const answers = await Promise.all(Array.from({ length: 200 }, () => send(bombs.spaces!)));
      expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([429]));
    });
    // 200 times the limit, 200 times the body, and what the process has anyway; the bombs themselves are 12 GB.
    expect(target.memoryMiB()).toBeLessThan(400);
  });

  test("control: a good request in gzip is taken", async () => {
    expect(await target.prizes(() => send(gzip(prize)))).toBe(1);
  });
});

describe("nesting", () => {
  const depth = 30_000;
  const lists = "[".repeat(depth) + "]".repeat(depth);
  const maps = `${'{"a":'.repeat(10_000)}1${"}".repeat(10_000)}`;
  const json: Readonly<Record<string, string>> = {
    "lists that never end": "[".repeat(60_000),
    "lists as the message": lists,
    "lists as actions": `{"action":${lists}}`,
    "lists as a metric": `{"action":[{"metric":${lists}}]}`,
    "maps as the message": maps,
    "maps as labels": `{"action":[{"metric":"clicks_total","labels":${maps}}]}`,
    "maps that are not known, beside a metric that is not": `{"x":${maps},"action":[{"metric":"x"}]}`,
    "text that never ends": `{"action":[{"metric":"${"\\u0061".repeat(9000)}`,
    "a number that never ends": `{"action":[{"metric":"clicks_total","number":1${"0".repeat(60_000)}}]}`,
    "a thousand actions": `{"action":[${new Array<string>(1000).fill('{"metric":"clicks_total"}').join(",")}]}`,
    "ten thousand labels": `{"action":[{"metric":"clicks_total","labels":{${Array.from({ length: 5000 }, (_, at) => `"l${at}":""`).join(",")}}}]}`,
  };

  test.each(Object.keys(json))("JSON: %s", async (name) => {
    for (const type of ["application/json", "application/grpc-web+json"]) {
      const body = type === "application/json" ? bytesOf(json[name]!) : grpcFrame(bytesOf(json[name]!));
      const { status, text } = await target.withstands(() => post(type, body));
      if (type === "application/json") expect([status, JSON.parse(text).code]).toEqual([400, "invalid_argument"]);
      else expect(text).toContain("grpc-status: 3\r\n");
    }
  });

  const groups = (count: number) => [
    ...new Array<number>(count).fill(tag(7, 3)[0]!),
    ...new Array<number>(count).fill(tag(7, 4)[0]!),
  ];
  const nested = (count: number) => {
    let bytes: number[] = [];
    for (let at = 0; at < count; at += 1) bytes = delimited(100, bytes);
    return bytes;
  };
  const bad = actionFields("x", 1);
  const proto: Readonly<Record<string, readonly number[]>> = {
    "groups in groups": [...groups(30_000), ...delimited(100, bad)],
    "groups that never end": new Array<number>(60_000).fill(tag(7, 3)[0]!),
    "ends of groups": new Array<number>(60_000).fill(tag(7, 4)[0]!),
    "messages in messages": nested(3000),
    "a length beyond the body": [...tag(100, 2), ...varint(2 ** 31)],
    "a length of 2^64 - 1": [...tag(100, 2), ...varint(2n ** 64n - 1n)],
    "a number that never ends": new Array<number>(60_000).fill(0xff),
    "a thousand actions": new Array<readonly number[]>(1000)
      .fill(delimited(100, actionFields("clicks_total", 1)))
      .flat(),
    "empty actions": new Array<readonly number[]>(20_000).fill(delimited(100, [])).flat(),
    "field 0": [0, 0, 0, 0],
    "a string that runs past its message": delimited(100, [...tag(200, 2), 60, ...bytesOf("clicks_total")]),
    "a string that is no UTF-8": delimited(100, [...tag(200, 2), 2, 0xc3, 0x28]),
  };

  test.each(Object.keys(proto))("protobuf: %s", async (name) => {
    for (const type of ["application/proto", "application/protobuf", "application/grpc-web"]) {
      const plain = new Uint8Array(proto[name]!);
      const body = type === "application/grpc-web" ? grpcFrame(plain) : plain;
      const { status, text } = await target.withstands(() => post(type, body));
      if (type !== "application/grpc-web") expect([status, JSON.parse(text).code]).toEqual([400, "invalid_argument"]);
      else expect(text).toContain("grpc-status: 3\r\n");
    }
  });

  test("control: what is not known and not deep is passed over", async () => {
    const body = `{"x":[[[{"a":{"b":[]}}]]],${prize.slice(1)}`;
    expect(await target.prizes(() => post("application/json", bytesOf(body)))).toBe(1);
    const known = delimited(100, actionFields("clicks_total", 1));
    expect(await target.prizes(() => post("application/proto", new Uint8Array([...groups(20), ...known])))).toBe(1);
  });
});

test("frames of gRPC-web that lie of their length, or come twice, are refused", async () => {
  const frame = grpcFrame(input(actionFields("clicks_total", 1)));
  const cut = frame.slice(0, -1);
  const longer = frame.with(4, frame[4]! - 1) as Bytes;
  const twice = new Uint8Array(Buffer.concat([frame, frame]));
  const huge = new Uint8Array([0, 0xff, 0xff, 0xff, 0xff, ...frame.slice(5)]);
  for (const body of [cut, longer, twice, huge, frame.slice(0, 3), new Uint8Array(0), frame.with(0, 1) as Bytes]) {
    const { text } = await target.withstands(() => post("application/grpc-web+proto", body));
    expect(text).not.toContain("grpc-status: 0\r\n");
  }
  expect(await target.prizes(() => post("application/grpc-web+proto", frame))).toBe(1);
});

test("a daemon that has met all this pushes on", async () => {
  expect((await push(target.daemon.url, "Counter", [{ metric: "clicks_total", number: 1 }])).status).toBe(200);
  expect((await target.daemon.stop()).code).toBe(0);
});
