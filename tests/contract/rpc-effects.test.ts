/** What pushes leave behind: answers in their order, specta's own metrics, log lines. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { rawRequest, sendRaw } from "../harness/raw.ts";
import { startTestServer, type TestServer } from "../harness/server.ts";

const metric = "page_ready_duration_seconds";
const json = { "Content-Type": "application/json" };

let specta: TestServer;
beforeAll(async () => {
  specta = await startTestServer();
});
afterAll(() => specta.server.stop(0));

const push = (body: string, url = specta.url) =>
  fetch(`${url}/metrics.API/Histogram`, { method: "POST", headers: json, body });

describe("requests that do not wait for each other", () => {
  test("plain pushes in one packet are all answered, in their order", async () => {
    const bodies = Array.from({ length: 20 }, (_, index) =>
      JSON.stringify({ action: Array(1 + (index % 3)).fill({ metric, number: index }) }),
    );
    const requests = bodies.map((body, index) =>
      rawRequest(
        "POST /metrics.API/Histogram HTTP/1.1",
        {
          ...json,
          "Content-Length": String(body.length),
          Connection: index === bodies.length - 1 ? "close" : "keep-alive",
        },
        body,
      ),
    );
    const answer = await sendRaw(specta.server.port, requests.join(""));
    const results = answer.split("HTTP/1.1 200 OK").slice(1);
    expect(results.map((one) => one.split("success").length - 1)).toEqual(bodies.map((_, index) => 1 + (index % 3)));
  });
});

describe("what is left behind", () => {
  test("accepted and rejected pushes are told by specta's own metrics", async () => {
    await using fresh = await startTestServer();
    const before = await fresh.scrape();
    expect(before.value("specta_push_rejected_total", { env: "testing", reason: "metric_unknown" })).toBe(0);
    expect(before.series("specta_push_last_timestamp_seconds")).toEqual([]);
    await push(JSON.stringify({ action: [{ metric, number: 1 }] }), fresh.url);
    await push('{"action":[{"metric":"x"}]}', fresh.url);
    await push("{", fresh.url);
    const after = await fresh.scrape();
    const last = after.value("specta_push_last_timestamp_seconds", { env: "testing", metric }) ?? 0;
    expect(Math.abs(Date.now() / 1000 - last)).toBeLessThan(60);
    expect(after.value("specta_push_rejected_total", { env: "testing", reason: "metric_unknown" })).toBe(1);
    expect(after.value("specta_push_rejected_total", { env: "testing", reason: "body_malformed" })).toBe(1);
  });

  test("a failure of the caller's is a debug line", async () => {
    await push('{"action":[{"metric":"nobody_knows"}]}');
    expect(specta.log.entries.at(-1)).toEqual({
      level: "debug",
      message: "request failed",
      keys: {
        code: "invalid_argument",
        method: "/metrics.API/Histogram",
        reason: `action[0].metric must be one of ${metric}: current value is "nobody_knows"`,
      },
    });
  });
});
