/** Content types, sizes, encodings, timeouts and errors of the RPCs, byte by byte. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { gzipSync } from "node:zlib";
import { fromBinary } from "@bufbuild/protobuf";
import { base64Decode } from "@bufbuild/protobuf/wire";
import { looseObject, parse, string } from "valibot";
import { ReasonSchema } from "../../src/gen/metrics/common_pb.ts";
import { HistogramOSchema } from "../../src/gen/metrics/histogram_pb.ts";
import { startTestServer, type TestServer } from "../harness/server.ts";
import { actionFields, delimited, grpcFrame, input, tag } from "../harness/wire.ts";

const metric = "page_ready_duration_seconds";
const success = { result: [{ status: "success" }] };
const goodJson = JSON.stringify({ action: [{ metric, number: 1 }] });
const goodProto = input(actionFields(metric, 1));
const json = { "Content-Type": "application/json" };
const proto = { "Content-Type": "application/proto" };

let specta: TestServer;
beforeAll(async () => {
  specta = await startTestServer();
});
afterAll(() => specta.server.stop(0));

type Body = string | Uint8Array<ArrayBuffer>;

const errorOf = async (answer: Response) =>
  parse(looseObject({ code: string(), message: string() }), await answer.json());

const post = (headers: Record<string, string>, body: Body, method = "Histogram") =>
  fetch(`${specta.url}/metrics.API/${method}`, { method: "POST", headers, body });

const count = async () => (await specta.scrape()).value(`${metric}_count`, { env: "testing" }) ?? 0;

/** Runs the call; gives its answer and by how much the series without labels has grown. */
async function growth(call: () => Promise<Response>): Promise<{ answer: Response; grown: number }> {
  const before = await count();
  const answer = await call();
  return { answer, grown: (await count()) - before };
}

async function expectRejection(headers: Record<string, string>, body: Body, kind: string, says: string): Promise<void> {
  const { answer, grown } = await growth(() => post(headers, body));
  const text = await answer.text();
  expect({ status: answer.status, text }).toEqual({ status: 400, text });
  const error = JSON.parse(text);
  expect(error.code).toBe("invalid_argument");
  expect(error.message).toContain(says);
  const [detail] = error.details;
  expect(detail.type).toBe("metrics.Reason");
  const reason = fromBinary(ReasonSchema, base64Decode(detail.value));
  expect({ kind: reason.kind, info: reason.info }).toEqual({ kind, info: error.message });
  expect(grown).toBe(0);
}

/** Connect's conformance suite wants this error without details. */
async function expectTooLarge(headers: Record<string, string>, body: Body): Promise<void> {
  const { answer, grown } = await growth(() => post(headers, body));
  expect(answer.status).toBe(429);
  const message = "the body must have at most 65536 bytes, on the wire and inflated";
  expect(await answer.json()).toEqual({ code: "resource_exhausted", message, msg: message });
  expect(grown).toBe(0);
}

describe("content types", () => {
  for (const [type, answered] of [
    ["application/json", "application/json"],
    ["application/json; charset=utf-8", "application/json"],
    ["APPLICATION/JSON;foo=bar", "application/json"],
    ["Application/Json ; charset=latin1", "application/json"],
    ["application/proto", "application/proto"],
    ["application/proto; charset=utf-8", "application/proto"],
    ["application/protobuf", "application/protobuf"],
    ["application/PROTOBUF; x=y", "application/protobuf"],
  ] as const) {
    test(`${type} is taken`, async () => {
      const isJson = type.toLowerCase().includes("json");
      const { answer, grown } = await growth(() => post({ "Content-Type": type }, isJson ? goodJson : goodProto));
      expect(answer.status).toBe(200);
      expect(answer.headers.get("content-type")).toBe(answered);
      const bytes = await answer.bytes();
      const result = isJson ? JSON.parse(new TextDecoder().decode(bytes)) : fromBinary(HistogramOSchema, bytes);
      expect(result).toMatchObject(success);
      expect(grown).toBe(1);
    });
  }

  for (const type of ["application/grpc-web", "application/grpc-web+proto", "application/grpc-web+json"]) {
    test(`${type} is taken`, async () => {
      const body = type.endsWith("json") ? new TextEncoder().encode(goodJson) : goodProto;
      const { answer, grown } = await growth(() => post({ "Content-Type": type }, grpcFrame(body)));
      expect(answer.status).toBe(200);
      expect(answer.headers.get("content-type")).toBe(type);
      expect(await answer.text()).toContain("grpc-status: 0");
      expect(grown).toBe(1);
    });
  }

  for (const type of [
    "text/plain",
    "application/jsonp",
    "application/grpc",
    "application/connect+json",
    "multipart/form-data; boundary=x",
  ]) {
    test(`${type} is unsupported`, async () => {
      const { answer, grown } = await growth(() => post({ "Content-Type": type }, goodJson));
      expect(answer.status).toBe(415);
      const error = await errorOf(answer);
      expect(error.code).toBe("unknown");
      expect(error.message).toContain(JSON.stringify(type));
      expect(grown).toBe(0);
    });
  }

  test("none at all is unsupported", async () => {
    const answer = await post({}, new Uint8Array(goodProto));
    expect(answer.status).toBe(415);
  });
});

describe("the form of errors", () => {
  const bad = "{}";

  test("Connect's, with msg added for a caller that says nothing of itself", async () => {
    const error = await errorOf(await post(json, bad));
    expect(Object.keys(error).sort()).toEqual(["code", "details", "message", "msg"]);
    expect(error.msg).toBe(error.message);
  });

  test("Connect's alone for one that speaks Connect", async () => {
    const answer = await post({ ...json, "Connect-Protocol-Version": "1" }, bad);
    expect(Object.keys(await errorOf(answer)).sort()).toEqual(["code", "details", "message"]);
  });

  for (const [name, headers, body] of [
    ["a Twirp-Version", { ...json, "Twirp-Version": "v8.1.0" }, bad],
    ["Twirp's content type", { "Content-Type": "application/protobuf" }, new Uint8Array(0)],
  ] as const) {
    test(`Twirp's for ${name}`, async () => {
      const answer = await post(headers, body);
      expect(answer.status).toBe(400);
      expect(answer.headers.get("content-type")).toBe("application/json");
      const info = "action must be a list of 1 to 100 elements: current value is 0";
      expect(await answer.json()).toEqual({
        code: "invalid_argument",
        msg: info,
        meta: { info, kind: "action_count" },
      });
    });
  }

  test("JSON for protobuf callers too", async () => {
    const answer = await post(proto, new Uint8Array(0));
    expect(answer.headers.get("content-type")).toBe("application/json");
    expect(await answer.json()).toMatchObject({ code: "invalid_argument" });
  });

  test("trailers for gRPC-web", async () => {
    const answer = await post({ "Content-Type": "application/grpc-web+proto" }, grpcFrame(new Uint8Array(0)));
    expect(answer.status).toBe(200);
    const text = await answer.text();
    expect(text).toContain("grpc-status: 3\r\n");
    expect(text).toContain(
      "grpc-message: action%20must%20be%20a%20list%20of%201%20to%20100%20elements%3A%20current%20value%20is%200",
    );
  });

  test("an unknown method is not found, and unimplemented", async () => {
    const answer = await post({ ...json, "Twirp-Version": "v8.1.0" }, goodJson, "Summary");
    expect(answer.status).toBe(404);
    expect(await answer.json()).toMatchObject({
      code: "unimplemented",
      msg: expect.stringContaining("/metrics.API/Counter"),
    });
  });

  test("a wrong HTTP method says so in JSON", async () => {
    const answer = await fetch(`${specta.url}/metrics.API/Histogram?encoding=json&message=%7B%7D&connect=v1`);
    expect(answer.status).toBe(405);
    expect(answer.headers.get("allow")).toBe("POST");
    expect(await answer.json()).toMatchObject({ code: "unknown", message: expect.stringContaining("GET") });
  });
});

describe("size", () => {
  const padded = (bytes: number) => goodJson + " ".repeat(bytes - goodJson.length);
  const paddedProto = (bytes: number) => {
    const head = [...goodProto, ...tag(7, 2)];
    // Three bytes of length.
    return new Uint8Array([...head, ...delimited(7, new Array<number>(bytes - head.length - 3).fill(0)).slice(1)]);
  };

  test("65,536 bytes are taken, one more is too large", async () => {
    expect((await post(json, padded(65_536))).status).toBe(200);
    await expectTooLarge(json, padded(65_537));
    expect(paddedProto(65_536).length).toBe(65_536);
    expect((await post(proto, paddedProto(65_536))).status).toBe(200);
    await expectTooLarge(proto, paddedProto(65_537));
  });

  test("the same when inflated, and for frames", async () => {
    const gzip = { ...json, "Content-Encoding": "gzip" };
    expect((await post(gzip, new Uint8Array(gzipSync(padded(65_536))))).status).toBe(200);
    await expectTooLarge(gzip, new Uint8Array(gzipSync(padded(65_537))));
    await expectTooLarge(gzip, new Uint8Array(gzipSync(" ".repeat(20_000_000))));
    const framed = { "Content-Type": "application/grpc-web+json" };
    const encode = (text: string) => new TextEncoder().encode(text);
    expect(await (await post(framed, grpcFrame(encode(padded(65_536))))).text()).toContain("grpc-status: 0");
    const tooLarge = await (await post(framed, grpcFrame(encode(padded(65_537))))).text();
    expect(tooLarge).toContain("grpc-status: 8");
    expect(decodeURIComponent(tooLarge)).toContain("the body must have at most 65536 bytes");
    const gzipFrames = { ...framed, "Grpc-Encoding": "gzip" };
    const bomb = grpcFrame(new Uint8Array(gzipSync(padded(65_537))), 1);
    expect(await (await post(gzipFrames, bomb)).text()).toContain("grpc-status: 8");
  });

  test("a chunked body is bounded too", async () => {
    const chunked = (bytes: number) =>
      fetch(`${specta.url}/metrics.API/Histogram`, {
        method: "POST",
        headers: json,
        body: new Blob([padded(bytes)]).stream(),
      });
    expect((await chunked(65_536)).status).toBe(200);
    const answer = await chunked(65_537);
    expect(answer.status).toBe(429);
    expect(await answer.json()).toMatchObject({ code: "resource_exhausted" });
  });

  test("a configured limit holds", async () => {
    await using small = await startTestServer({ config: { maxBodyBytes: 100 } });
    const send = (body: string) => fetch(`${small.url}/metrics.API/Histogram`, { method: "POST", headers: json, body });
    expect((await send(padded(100))).status).toBe(200);
    expect(await (await send(padded(101))).json()).toMatchObject({ code: "resource_exhausted" });
  });
});

describe("encodings", () => {
  const gzip = { ...json, "Content-Encoding": "gzip" };
  const zipped = new Uint8Array(gzipSync(goodJson));

  test("gzip is inflated", async () => {
    const { answer, grown } = await growth(() => post(gzip, zipped));
    expect(await answer.json()).toEqual(success);
    expect(grown).toBe(1);
  });

  test("the case of an encoding does not matter, and an empty one is none", async () => {
    expect(await (await post({ ...json, "Content-Encoding": "GZip" }, zipped)).json()).toEqual(success);
    expect(await (await post({ ...json, "Content-Encoding": "" }, goodJson)).json()).toEqual(success);
  });

  test("truncated gzip is the caller's fault", async () => {
    await expectRejection(gzip, zipped.slice(0, -9), "body_malformed", "gzip");
    await expectRejection(gzip, new TextEncoder().encode(goodJson), "body_malformed", "gzip");
    await expectRejection({ ...proto, "Content-Encoding": "gzip" }, zipped, "body_malformed", "protobuf");
  });

  test("an unknown encoding is unimplemented, and says which are known", async () => {
    const { answer, grown } = await growth(() => post({ ...json, "Content-Encoding": "br" }, goodJson));
    expect(answer.status).toBe(501);
    expect(await answer.json()).toMatchObject({ code: "unimplemented", message: expect.stringContaining("gzip") });
    expect(grown).toBe(0);
  });
});

describe("timeouts", () => {
  for (const [header, value] of [
    ["Connect-Timeout-Ms", "9999999999"],
    ["Connect-Timeout-Ms", "99999999999999999999"],
    ["Connect-Timeout-Ms", "2147483647"],
    ["Grpc-Timeout", "99999999H"],
  ] as const) {
    test(`${header}: ${value} is as good as none`, async () => {
      const framed = header === "Grpc-Timeout";
      const headers = { "Content-Type": framed ? "application/grpc-web+proto" : "application/proto", [header]: value };
      const { answer, grown } = await growth(() => post(headers, framed ? grpcFrame(goodProto) : goodProto));
      expect(answer.status).toBe(200);
      expect(grown).toBe(1);
    });
  }

  test("one that is no number is the caller's fault", async () => {
    const { answer, grown } = await growth(() => post({ ...json, "Connect-Timeout-Ms": "soon" }, goodJson));
    expect(await answer.json()).toMatchObject({ code: "invalid_argument", message: expect.stringContaining("soon") });
    expect(grown).toBe(0);
  });
});

describe("JSON", () => {
  const taken: Readonly<Record<string, string>> = {
    "a byte order mark": `\ufeff${goodJson}`,
    "white space around everything": ` {\n"action"\t: [ {"metric" : "${metric}" , "number" : 1 } ] }\r\n`,
    "a number as text": `{"action":[{"metric":"${metric}","number":"1e0"}]}`,
    "escapes in names": `{"act\\u0069on":[{"metric":"page\\u005fready_duration_seconds","number":1}]}`,
    "unknown fields": `{"action":[{"metric":"${metric}","number":1,"unit":{"a":[1,null,"\u00e9"]}}],"z":[[]]}`,
    "an empty list of labels": `{"action":[{"metric":"${metric}","number":1,"labels":{}}]}`,
  };
  for (const [name, body] of Object.entries(taken)) {
    test(`${name}: taken`, async () => {
      const { answer, grown } = await growth(() => post(json, body));
      expect(await answer.json()).toEqual(success);
      expect(grown).toBe(1);
    });
  }

  const refused: Readonly<Record<string, Body>> = {
    "a duplicate key": `{"action":[{"metric":"${metric}","metric":"${metric}"}]}`,
    "a duplicate list": `{"action":[],"action":[{"metric":"${metric}"}]}`,
    "a duplicate label": `{"action":[{"metric":"${metric}","labels":{"page":"root","page":"root"}}]}`,
    "a list as the message": `[${goodJson}]`,
    "null as the message": "null",
    "text behind it": `${goodJson}x`,
    "a comma too much": `{"action":[{"metric":"${metric}"},]}`,
    "a single quote": `{'action':[]}`,
    "a number with a leading zero": `{"action":[{"metric":"${metric}","number":01}]}`,
    "a number in hexadecimal": `{"action":[{"metric":"${metric}","number":0x1}]}`,
    "a control character in text": `{"action":[{"metric":"${metric}\u0000"}]}`,
    "deep nesting": `{"action":${"[".repeat(60_000)}`,
    "invalid UTF-8": new Uint8Array([...new TextEncoder().encode('{"x":"'), 0xff, ...new TextEncoder().encode('"}')]),
  };
  for (const [name, body] of Object.entries(refused)) {
    test(`${name}: refused`, () => expectRejection(json, body, "body_malformed", "JSON"));
  }

  test("deep nesting in an unknown field neither crashes nor counts as ours", async () => {
    const answer = await post(
      json,
      `{"action":[{"metric":"${metric}"}],"x":${"[".repeat(20_000)}${"]".repeat(20_000)}}`,
    );
    expect([200, 400]).toContain(answer.status);
    expect((await post(json, goodJson)).status).toBe(200);
  });
});

describe("what a rejection repeats", () => {
  test("a long value is cut", async () => {
    const body = JSON.stringify({ action: [{ metric, labels: { page: "x".repeat(5000) } }] });
    const message = `action[0].labels.page must be one of root: current value is "${"x".repeat(64)}…"`;
    await expectRejection(json, body, "label_value", message);
  });

  test("half a surrogate pair is no text", async () => {
    const body = `{"action":[{"metric":"${metric}","labels":{"page":"a\\ud800b"}}]}`;
    const message = 'action[0].labels.page must be text in valid Unicode: current value is "a\\ud800b"';
    await expectRejection(json, body, "body_malformed", message);
  });

  test("a value of the wrong type has the place that its caller wrote", async () => {
    const body = `{"action":[{"metric":"${metric}"},{"number":1e309}]}`;
    const message = "action[1].number must be a finite number: current value is Infinity";
    await expectRejection(json, body, "body_malformed", message);
  });

  for (const [name, action, kind, message] of [
    [
      "an unknown metric",
      { metric: "pages" },
      "metric_unknown",
      `action[0].metric must be one of ${metric}: current value is "pages"`,
    ],
    ["no metric", {}, "metric_name", 'action[0].metric must be 1 to 255 bytes long: current value is ""'],
    [
      "an unknown key",
      { metric, labels: { site: "a" } },
      "label_key",
      'a key of action[0].labels must be one of page: current value is "site"',
    ],
    [
      "a negative number",
      { metric, number: -2 },
      "number",
      "action[0].number must be finite and not negative: current value is -2",
    ],
    [
      "NaN",
      { metric, number: "NaN" },
      "number",
      "action[0].number must be finite and not negative: current value is NaN",
    ],
  ] as const) {
    test(name, () => expectRejection(json, JSON.stringify({ action: [action] }), kind, message));
  }

  test("a metric of another kind", async () => {
    const answer = await post(json, goodJson, "Gauge");
    expect((await errorOf(answer)).message).toBe(
      `action[0].metric must be a gauge: current value is "${metric}", a histogram`,
    );
  });
});
