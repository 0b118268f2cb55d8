/** Limits of what callers are told, and of what the status page tells. */
import { expect, test } from "bun:test";
import {
  idleTimeoutSeconds,
  maxListedNames,
  maxQuotedChars,
  maxStatusMetrics,
  preflightSeconds,
  tlsReloadMs,
} from "../../../src/base/limits.ts";
import { push } from "../../harness/daemon.ts";
import { startTestServer } from "../../harness/server.ts";
import { StatusWorld } from "../../harness/status.ts";

const pages = Array.from({ length: maxListedNames + 4 }, (_, at) => `page-${at}`);

test("a rejection quotes so many characters, and lists so many allowed names and the number of the rest", async () => {
  await using specta = await startTestServer({
    pushed: {
      few_total: { kind: "counter", help: "few", labels: { page: pages.slice(0, maxListedNames) } },
      many_total: { kind: "counter", help: "many", labels: { page: pages } },
    },
  });
  const told = async (metric: string, page: string) => {
    const answer = await push(specta.url, "Counter", [{ metric, number: 1, labels: { page } }]);
    return ((await answer.json()) as { message: string }).message;
  };
  const listed = pages.slice(0, maxListedNames).join(", ");
  const [short, long] = ["x".repeat(maxQuotedChars), "x".repeat(maxQuotedChars + 1)];
  expect(await told("few_total", short)).toBe(
    `action[0].labels.page must be one of ${listed}: current value is "${short}"`,
  );
  expect(await told("many_total", long)).toBe(
    `action[0].labels.page must be one of ${listed} and 4 more: current value is "${short}…"`,
  );
});

test("the status page counts so many metrics, and no more", async () => {
  const pushed = (amount: number) =>
    Object.fromEntries(
      Array.from({ length: amount }, (_, at) => [`clicks_${at}_total`, { kind: "counter", help: "clicks" } as const]),
    );
  // Some are specta's own.
  const shown = async (amount: number) => (await new StatusWorld({ pushed: pushed(amount) }).json()).pushed.length;
  expect(await shown(50)).toBe(50);
  expect(await shown(maxStatusMetrics + 50)).toBeWithin(maxStatusMetrics - 10, maxStatusMetrics + 1);
});

test("a browser may remember a preflight as long as browsers allow", async () => {
  await using specta = await startTestServer();
  const answer = await fetch(`${specta.url}/metrics.API/Counter`, {
    method: "OPTIONS",
    headers: { Origin: "https://a.example", "Access-Control-Request-Method": "POST" },
  });
  expect(answer.headers.get("access-control-max-age")).toBe(String(preflightSeconds));
  // Chromium caps it at two hours.
  expect(preflightSeconds).toBe(7200);
});

test("what the tests shorten is what SECURITY.md says of it", async () => {
  const text = await Bun.file(`${import.meta.dir}/../../../SECURITY.md`).text();
  expect(text).toContain(`A connection on which nothing moves for ${idleTimeoutSeconds} s is closed`);
  expect(text).toContain(`looked at every ${tlsReloadMs / 1000} s`);
});
