import { afterAll, beforeAll, describe, test } from "bun:test";
import { checkRpcCase, rpcCases } from "../harness/rpc-cases.ts";
import { startTestServer, type TestServer } from "../harness/server.ts";

describe("a request and the answer it must get", () => {
  let specta: TestServer;
  beforeAll(async () => {
    specta = await startTestServer();
  });
  afterAll(() => specta.server.stop(0));

  for (const one of rpcCases) test(one.name, () => checkRpcCase(specta.url, one));
});
