/** The clients that people have, unchanged, over real sockets. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { Code, ConnectError, createClient, type Interceptor, type Transport } from "@connectrpc/connect";
import { createConnectTransport, createGrpcWebTransport } from "@connectrpc/connect-web";
import { MessageType, ScalarType } from "@protobuf-ts/runtime";
import { RpcError, type RpcTransport, ServiceType, stackIntercept } from "@protobuf-ts/runtime-rpc";
import { TwirpFetchTransport } from "@protobuf-ts/twirp-transport";
import { API } from "../../src/gen/metrics/api_pb.ts";
import { ReasonSchema } from "../../src/gen/metrics/common_pb.ts";
import { root } from "../harness/build.ts";
import { startTestServer, type TestServer } from "../harness/server.ts";
import { testWith, tool } from "../harness/tools.ts";

const metric = "page_ready_duration_seconds";
const labels = { page: "root" };
const unknownMetric = `action[0].metric must be one of ${metric}: current value is "nobody_knows"`;

let specta: TestServer;
beforeAll(async () => {
  specta = await startTestServer();
});
afterAll(() => specta.server.stop(0));

const sum = async () => (await specta.scrape()).value(`${metric}_sum`, { env: "testing", ...labels }) ?? 0;

describe("a Connect client", () => {
  const gzipped: typeof globalThis.fetch = Object.assign(
    async (input: string | URL | Request, init?: RequestInit) => {
      const body = new Uint8Array(gzipSync(await new Response(init?.body ?? null).bytes()));
      const headers = new Headers(init?.headers);
      headers.set("content-encoding", "gzip");
      return globalThis.fetch(input, { ...init, body, headers });
    },
    { preconnect: () => {} },
  );
  const transports: Readonly<Record<string, () => Transport>> = {
    JSON: () => createConnectTransport({ baseUrl: specta.url }),
    binary: () => createConnectTransport({ baseUrl: specta.url, useBinaryFormat: true }),
    "JSON, gzip": () => createConnectTransport({ baseUrl: specta.url, fetch: gzipped }),
    "binary, gzip": () => createConnectTransport({ baseUrl: specta.url, useBinaryFormat: true, fetch: gzipped }),
    "JSON with a timeout": () => createConnectTransport({ baseUrl: specta.url, defaultTimeoutMs: 10_000 }),
    "gRPC-web": () => createGrpcWebTransport({ baseUrl: specta.url }),
    "gRPC-web, JSON": () => createGrpcWebTransport({ baseUrl: specta.url, useBinaryFormat: false }),
    "gRPC-web with a timeout": () => createGrpcWebTransport({ baseUrl: specta.url, defaultTimeoutMs: 10_000 }),
  };

  for (const [name, transport] of Object.entries(transports)) {
    test(`${name}: a push is in the next scrape`, async () => {
      const before = await sum();
      const answer = await createClient(API, transport()).histogram({
        action: [
          { metric, labels, number: 0.25 },
          { metric, labels, number: 0.5 },
        ],
      });
      expect(answer.result.map((result) => result.status)).toEqual(["success", "success"]);
      expect((await sum()) - before).toBe(0.75);
    });

    test(`${name}: a rejection is an error with its reason`, async () => {
      const before = await sum();
      const call = createClient(API, transport()).histogram({ action: [{ metric: "nobody_knows" }] });
      const error = await call.then(
        () => undefined,
        (thrown: unknown) => ConnectError.from(thrown),
      );
      expect(error?.code).toBe(Code.InvalidArgument);
      expect(error?.rawMessage).toBe(unknownMetric);
      expect(error?.findDetails(ReasonSchema)[0]).toMatchObject({ info: unknownMetric, kind: "metric_unknown" });
      expect(await sum()).toBe(before);
    });
  }

  test("one method that is not there is unimplemented", async () => {
    const elsewhere: Interceptor = (next) => (request) =>
      next({ ...request, url: request.url.replace(/Histogram$/, "Summary") } as typeof request);
    for (const create of [createConnectTransport, createGrpcWebTransport]) {
      const transport = create({ baseUrl: specta.url, interceptors: [elsewhere] });
      const call = createClient(API, transport).histogram({ action: [{ metric }] });
      const error = await call.then(
        () => undefined,
        (thrown: unknown) => ConnectError.from(thrown),
      );
      expect(error?.code).toBe(Code.Unimplemented);
    }
  });
});

describe("protobuf-ts' Twirp client", () => {
  interface Action {
    metric: string;
    number: number;
    labels: Record<string, string>;
  }
  const Action = new MessageType<Action>("metrics.Action", [
    { no: 100, name: "labels", kind: "map", K: ScalarType.STRING, V: { kind: "scalar", T: ScalarType.STRING } },
    { no: 200, name: "metric", kind: "scalar", T: ScalarType.STRING },
    { no: 300, name: "number", kind: "scalar", T: ScalarType.DOUBLE },
  ]);
  const Result = new MessageType<{ status: string }>("metrics.Result", [
    { no: 200, name: "status", kind: "scalar", T: ScalarType.STRING },
  ]);
  const Input = new MessageType<{ action: Action[] }>("metrics.HistogramI", [
    { no: 100, name: "action", kind: "message", repeat: 1, T: () => Action },
  ]);
  const Output = new MessageType<{ result: { status: string }[] }>("metrics.HistogramO", [
    { no: 100, name: "result", kind: "message", repeat: 1, T: () => Result },
  ]);
  const service = new ServiceType("metrics.API", [{ name: "Histogram", options: {}, I: Input, O: Output }]);

  const call = (transport: RpcTransport, action: Action[]) => {
    const method = service.methods[0]!;
    return stackIntercept<{ action: Action[] }, { result: { status: string }[] }>(
      "unary",
      transport,
      method,
      transport.mergeOptions({}),
      { action },
    );
  };

  for (const sendJson of [true, false]) {
    const name = sendJson ? "JSON" : "protobuf";

    test(`${name}: a push is in the next scrape`, async () => {
      const before = await sum();
      const transport = new TwirpFetchTransport({ baseUrl: specta.url, sendJson });
      const { response } = await call(transport, [{ metric, labels, number: 0.25 }]);
      expect(response).toEqual({ result: [{ status: "success" }] });
      expect((await sum()) - before).toBe(0.25);
    });

    test(`${name}: a rejection is an error with its code and message`, async () => {
      const transport = new TwirpFetchTransport({ baseUrl: specta.url, sendJson });
      const error = await call(transport, [{ metric: "nobody_knows", labels, number: 1 }]).then(
        () => undefined,
        (thrown: unknown) => thrown,
      );
      expect(error).toBeInstanceOf(RpcError);
      expect(error).toMatchObject({ code: "invalid_argument", message: unknownMetric });
    });
  }
});

describe("Twirp's Go client", () => {
  testWith(
    ["go"],
    "reads values and errors, by JSON and by protobuf",
    async () => {
      const folder = mkdtempSync(join(tmpdir(), "specta-twirp-"));
      try {
        cpSync(join(root, "tests/fixtures/twirp-go"), folder, { recursive: true });
        const run = async (...command: string[]) => {
          const child = Bun.spawn(command, { cwd: folder, stdin: "ignore", stdout: "pipe", stderr: "pipe" });
          const [out, err] = await Promise.all([child.stdout.text(), child.stderr.text()]);
          expect({ command, err, code: await child.exited }).toMatchObject({ code: 0 });
          return out;
        };
        const files = ["api", "common", "counter", "gauge", "histogram"].map((file) => `metrics/${file}.proto`);
        const opt = ["paths=source_relative", ...files.map((file) => `M${file}=twirpclient/metrics`)];
        const plugin = (name: string) => ({ local: [tool("go"), "tool", name], out: ".", opt });
        const template = { version: "v2", plugins: [plugin("protoc-gen-go"), plugin("protoc-gen-twirp")] };
        const buf = join(root, "node_modules/.bin/buf");
        await run(buf, "generate", join(root, "proto"), "--template", JSON.stringify(template));
        await run(tool("go"), "build", "-o", "client", ".");
        const before = await sum();
        const lines = (await run(join(folder, "client"), specta.url)).trim().split("\n");
        const good = { status: ["success"] };
        const bad = {
          code: "invalid_argument",
          msg: unknownMetric,
          meta: { kind: "metric_unknown", info: unknownMetric },
        };
        expect(lines.map((line) => JSON.parse(line))).toEqual([good, bad, good, bad]);
        expect((await sum()) - before).toBe(0.5);
      } finally {
        rmSync(folder, { recursive: true, force: true });
      }
    },
    180_000,
  );
});

describe("buf curl", () => {
  const curl = async (protocol: string, action: unknown) => {
    const command = [
      join(root, "node_modules/.bin/buf"),
      ...["curl", "--protocol", protocol, "--schema", join(root, "proto")],
      ...["--data", JSON.stringify({ action: [action] }), `${specta.url}/metrics.API/Histogram`],
    ];
    const child = Bun.spawn(command, { stdin: "ignore", stdout: "pipe", stderr: "pipe" });
    const [out, err] = await Promise.all([child.stdout.text(), child.stderr.text()]);
    return { out, err, code: await child.exited };
  };

  for (const protocol of ["connect", "grpcweb"]) {
    test(`--protocol ${protocol} pushes, and shows an error with its reason`, async () => {
      const before = await sum();
      const good = await curl(protocol, { metric, labels, number: 0.25 });
      expect(good).toMatchObject({ code: 0 });
      expect(JSON.parse(good.out)).toEqual({ result: [{ status: "success" }] });
      expect((await sum()) - before).toBe(0.25);
      const bad = await curl(protocol, { metric: "nobody_knows" });
      expect(bad.code).not.toBe(0);
      expect(JSON.parse(bad.err)).toMatchObject({ code: "invalid_argument", message: unknownMetric });
    });
  }
});
