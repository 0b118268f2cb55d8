/**
 * Connect's conformance service behind the very adapter, limits and listener of specta's own service. The suite's runner
 * starts it, says on stdin what to serve and reads on stdout where; each message has its length in four bytes in front.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { create, createRegistry, fromBinary, toBinary } from "@bufbuild/protobuf";
import { anyPack } from "@bufbuild/protobuf/wkt";
import { type Code, ConnectError, type HandlerContext } from "@connectrpc/connect";
import { defaultMaxBodyBytes } from "../../src/base/limits.ts";
import { createLog } from "../../src/base/log.ts";
import { pathOf } from "../../src/server/app.ts";
import { listen } from "../../src/server/listen.ts";
import { Rpc } from "../../src/server/rpc/connect.ts";
import {
  ServerCompatRequestSchema,
  ServerCompatResponseSchema,
} from "./gen/connectrpc/conformance/v1/server_compat_pb.js";
import {
  ConformancePayload_RequestInfoSchema,
  ConformanceService,
  file_connectrpc_conformance_v1_service,
  type Header,
  type UnaryRequest,
  UnaryRequestSchema,
  type UnaryResponse,
  UnaryResponseSchema,
} from "./gen/connectrpc/conformance/v1/service_pb.js";

const wanted = fromBinary(ServerCompatRequestSchema, await readMessage());
const folder = mkdtempSync(join(tmpdir(), "specta-conformance-"));
process.on("exit", () => rmSync(folder, { recursive: true, force: true }));

const rpc = new Rpc({
  routes: (router) => router.service(ConformanceService, { unary }),
  maxBodyBytes: wanted.messageReceiveLimit || defaultMaxBodyBytes,
  types: createRegistry(file_connectrpc_conformance_v1_service),
  failed: () => undefined,
});
const listener = listen({
  host: "127.0.0.1",
  port: 0,
  share: "alone",
  tls: wanted.useTls ? tlsFiles() : undefined,
  tlsReloadMs: 60_000,
  fetch: (request) => rpc.answer(request, pathOf(request.url)),
  log: { ...createLog("error"), info: () => undefined },
});
const pemCert = wanted.serverCreds?.cert ?? new Uint8Array();
const response = create(ServerCompatResponseSchema, { host: "127.0.0.1", port: listener.port, pemCert });
writeMessage(toBinary(ServerCompatResponseSchema, response));

/** As the suite asks: the data or the error that the request defines, with what was seen of the request. */
async function unary(request: UnaryRequest, context: HandlerContext): Promise<UnaryResponse> {
  const definition = request.responseDefinition;
  const timeoutMs = context.timeoutMs();
  const requestInfo = create(ConformancePayload_RequestInfoSchema, {
    requestHeaders: [...context.requestHeader].map(([name, value]) => ({ name, value: value.split(", ") })),
    requests: [anyPack(UnaryRequestSchema, request)],
    ...(timeoutMs === undefined ? {} : { timeoutMs: BigInt(Math.round(timeoutMs)) }),
  });
  append(context.responseHeader, definition?.responseHeaders ?? []);
  append(context.responseTrailer, definition?.responseTrailers ?? []);
  if (definition !== undefined && definition.responseDelayMs > 0) await Bun.sleep(definition.responseDelayMs);
  if (definition?.response.case === "error") {
    const { code, message, details } = definition.response.value;
    const info = { desc: ConformancePayload_RequestInfoSchema, value: requestInfo };
    const error = new ConnectError(message ?? "", code as number as Code, undefined, [info]);
    error.details.push(...details.map(({ typeUrl, value }) => ({ type: typeUrl.replace(/^.*\//, ""), value })));
    throw error;
  }
  const data = definition?.response.case === "responseData" ? definition.response.value : new Uint8Array();
  return create(UnaryResponseSchema, { payload: { data, requestInfo } });
}

function append(headers: Headers, definitions: readonly Header[]): void {
  for (const { name, value } of definitions) for (const one of value) headers.append(name, one);
}

function tlsFiles() {
  const write = (name: string, content: Uint8Array | undefined): string => {
    const path = join(folder, name);
    writeFileSync(path, content ?? new Uint8Array());
    return path;
  };
  const clients = wanted.clientTlsCert;
  return {
    certFile: write("cert.pem", wanted.serverCreds?.cert),
    keyFile: write("key.pem", wanted.serverCreds?.key),
    clientCaFile: clients.length > 0 ? write("clients.pem", clients) : undefined,
  };
}

async function readMessage(): Promise<Uint8Array> {
  let bytes = Buffer.alloc(0);
  for await (const chunk of Bun.stdin.stream()) {
    bytes = Buffer.concat([bytes, chunk]);
    if (bytes.length >= 4 && bytes.length >= 4 + bytes.readUInt32BE(0))
      return bytes.subarray(4, 4 + bytes.readUInt32BE(0));
  }
  throw new Error(`stdin must hold a message: it ended after ${bytes.length} bytes`);
}

function writeMessage(message: Uint8Array): void {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(message.length);
  process.stdout.write(Buffer.concat([length, message]));
}
