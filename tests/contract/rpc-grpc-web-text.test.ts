/** The text mode of gRPC-web, which Google's clients for browsers send unless told: frames as base64, both ways. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { fromBinary } from "@bufbuild/protobuf";
import { HistogramOSchema } from "../../src/gen/metrics/histogram_pb.ts";
import { startTestServer, type TestServer } from "../harness/server.ts";
import { actionFields, delimited, grpcFrame, input, tag } from "../harness/wire.ts";

const metric = "page_ready_duration_seconds";
const goodProto = input(actionFields(metric, 1));

let specta: TestServer;
beforeAll(async () => {
  specta = await startTestServer();
});
afterAll(() => specta.server.stop(0));

/** What comes back, decoded, and by how much the series without labels has grown. */
async function send(body: string, type = "application/grpc-web-text") {
  const count = async () => (await specta.scrape()).value(`${metric}_count`, { env: "testing" }) ?? 0;
  const before = await count();
  const answer = await fetch(`${specta.url}/metrics.API/Histogram`, {
    method: "POST",
    headers: { "Content-Type": type },
    body,
  });
  expect(answer.status).toBe(200);
  expect(answer.headers.get("content-type")).toBe(type);
  const frames = Buffer.from(await answer.text(), "base64");
  return { frames, text: frames.toString(), grown: (await count()) - before };
}

const framed = Buffer.from(grpcFrame(goodProto));

for (const type of ["application/grpc-web-text", "application/grpc-web-text+proto"]) {
  for (const [name, body] of [
    ["whole", framed.toString("base64")],
    ["in parts, each padded", framed.subarray(0, 7).toString("base64") + framed.subarray(7).toString("base64")],
  ] as const) {
    test(`${type} is taken ${name}, and answered in base64`, async () => {
      const { frames, grown } = await send(body, type);
      expect(frames.subarray(0, 5)).toEqual(Buffer.of(0, 0, 0, 0, 13));
      expect(fromBinary(HistogramOSchema, frames.subarray(5, 18))).toMatchObject({ result: [{ status: "success" }] });
      expect(frames.subarray(18).toString()).toContain("grpc-status: 0");
      expect(grown).toBe(1);
    });
  }
}

for (const [name, body, says] of [
  ["a character that is not of it", "AAAA*AAA", "base64"],
  ["a length that is not of it", "AAA", "base64"],
  ["more padding than it has", "A===", "base64"],
  ["a frame without an action", "AAAAAAA=", "action"],
] as const) {
  test(`${name} is refused in base64`, async () => {
    const { text, grown } = await send(body);
    expect(text).toContain("grpc-status: 3");
    expect(text).toContain(says);
    expect(grown).toBe(0);
  });
}

test("65,536 bytes are taken in it, one more is too large", async () => {
  const padded = (bytes: number) => {
    const head = [...goodProto, ...tag(7, 2)];
    // Three bytes of length.
    const rest = delimited(7, new Array<number>(bytes - head.length - 3).fill(0)).slice(1);
    return Buffer.from(grpcFrame(new Uint8Array([...head, ...rest]))).toString("base64");
  };
  expect((await send(padded(65_536))).text).toContain("grpc-status: 0");
  const { text, grown } = await send(padded(65_537));
  expect(text).toContain("grpc-status: 8");
  expect(grown).toBe(0);
});
