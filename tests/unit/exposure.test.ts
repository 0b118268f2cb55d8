import { expect, test } from "bun:test";
import { startDaemon } from "../harness/daemon.ts";

test("the log says that all is open, as it is by default", async () => {
  await using daemon = await startDaemon();
  expect(await daemon.line("server grants access")).toMatchObject({
    level: "info",
    cors: "any origin",
    push: "open to all who reach the port",
    rate: "no limit",
    scrape: "open to all who reach the port",
    transport: "plain HTTP",
  });
});

test("the log says what is closed, and no token", async () => {
  const config = `
server:
  cors: { origins: ["https://app.example"] }
  push: { tokens: ["\${PUSH_TOKEN}"] }
  rate_limit: { requests_per_second: 5 }
`;
  await using daemon = await startDaemon({ config, env: { PUSH_TOKEN: "hush-4711" } });
  const line = await daemon.line("server grants access");
  expect(line).toMatchObject({
    cors: "https://app.example",
    push: "with its token",
    rate: "5 requests a second for an address",
    scrape: "open to all who reach the port",
  });
  expect(JSON.stringify(daemon.logs)).not.toContain("hush-4711");
});
