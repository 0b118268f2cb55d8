/** Limits of what callers are told, and of what the status page tells. */
import { expect, test } from "bun:test";
import {
  idleTimeoutSeconds,
  maxIdempotencyKeys,
  maxListedNames,
  maxProxyHops,
  maxQuotedChars,
  maxRatedAddresses,
  maxStatusMetrics,
  preflightSeconds,
  tlsReloadMs,
} from "../../../src/base/limits.ts";
import { ClientAddresses } from "../../../src/server/client-address.ts";
import { RateLimiter } from "../../../src/server/rate-limit.ts";
import { IdempotencyKeys } from "../../../src/server/rpc/idempotency.ts";
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

test("a chain of proxies is followed so far, and no farther", () => {
  const addresses = new ClientAddresses(["10.0.0.0/8"]);
  const behind = (proxies: number) => `203.0.113.9${", 10.0.0.2".repeat(proxies)}`;
  expect(addresses.of("10.0.0.1", behind(maxProxyHops - 1))).toBe("203.0.113.9");
  expect(addresses.of("10.0.0.1", behind(maxProxyHops))).toBe("10.0.0.2");
});

/** How long the fastest of some runs takes, milliseconds. */
function fastest(run: () => void): number {
  const runs = Array.from({ length: 3 }, () => {
    const start = performance.now();
    run();
    return performance.now() - start;
  });
  return Math.min(...runs);
}

test("a million addresses cost no memory, and hardly more time than one of them", () => {
  const limiter = new RateLimiter({ requestsPerSecond: 1, burst: 1 });
  const take = (addressOf: (at: number) => string) => () => {
    for (let at = 0; at < 250_000; at += 1) limiter.take(addressOf(at));
  };
  const one = fastest(take((at) => `10.0.0.${at & 1}`));
  let flood = 0;
  const many = fastest(
    take((at) => {
      if (at === 0) flood += 1;
      return `${flood}.${at >> 16}.${(at >> 8) & 255}.${at & 255}`;
    }),
  );
  expect(limiter.size).toBe(maxRatedAddresses);
  // It is twice or thrice as much; one that looks for the longest unseen from the first on takes forty times.
  expect(many).toBeLessThan(one * 15);
});

test("so do keys of pushes", () => {
  const keys = new IdempotencyKeys();
  let at = 0;
  const add = () => {
    for (const end = at + maxIdempotencyKeys; at < end; at += 1) keys.add(`key-${at}`, "digest");
  };
  const start = performance.now();
  add();
  const first = performance.now() - start;
  expect(fastest(() => Array.from({ length: 5 }, add))).toBeLessThan(first * 5 * 8 + 10);
  expect(keys.size).toBe(maxIdempotencyKeys);
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
