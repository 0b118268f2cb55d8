/** The same service on connect-es as its documentation has it: no allowlist, no registry, an answer for each action. */
import { createConnectRouter } from "@connectrpc/connect";
import { createFetchHandler } from "@connectrpc/connect/protocol";
import { API } from "../../src/gen/metrics/api_pb.ts";

const router = createConnectRouter().service(API, {
  histogram: ({ action }) => ({ result: action.map(() => ({ status: "success" })) }),
});
const handlers = new Map(router.handlers.map((handler) => [handler.requestPath, createFetchHandler(handler)]));

const server = Bun.serve({
  hostname: "127.0.0.1",
  port: 0,
  development: false,
  fetch: (request) => handlers.get(new URL(request.url).pathname)?.(request) ?? new Response(null, { status: 404 }),
});
process.stdout.write(`${server.port}\n`);
