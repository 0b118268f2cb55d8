/** The requests with the answers they must get, put to the compiled binary. */
import { afterAll, beforeAll, test } from "bun:test";
import { compiled } from "../harness/build.ts";
import { type Daemon, startDaemon } from "../harness/daemon.ts";
import { checkRpcCase, rpcCases } from "../harness/rpc-cases.ts";

let daemon: Daemon;
beforeAll(async () => {
  daemon = await startDaemon({ binary: compiled() });
});
afterAll(() => daemon.kill());

for (const one of rpcCases) test(one.name, () => checkRpcCase(daemon.url, one));
