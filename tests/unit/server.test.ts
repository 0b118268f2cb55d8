import { describe, expect, test } from "bun:test";
import { idempotencyMs, maxIdempotencyKeys, maxRatedAddresses } from "../../src/base/limits.ts";
import { pathOf } from "../../src/server/app.ts";
import { ClientAddresses } from "../../src/server/client-address.ts";
import { RateLimiter } from "../../src/server/rate-limit.ts";
import { digestOf, IdempotencyKeys } from "../../src/server/rpc/idempotency.ts";
import { clampTimeouts } from "../../src/server/rpc/timeouts.ts";

describe("the path of a request", () => {
  for (const [url, path] of [
    ["http://h/", "/"],
    ["http://h", "/"],
    ["http://h/a/b?c=/d", "/a/b"],
    ["http://h?c", "/"],
    ["/a?b", "/a"],
    ["http://h/a#b", "/a"],
    ["http://h/%61", "/%61"],
    ["localhost:443", "/localhost:443"],
  ] as const) {
    test(`${url} is ${path}`, () => expect(pathOf(url)).toBe(path));
  }
});

describe("the rate limiter", () => {
  test("fills up at its rate, to its burst", () => {
    let nowMs = 0;
    const limiter = new RateLimiter({ requestsPerSecond: 2, burst: 3 }, () => nowMs);
    expect([1, 2, 3, 4].map(() => limiter.take("a"))).toEqual([0, 0, 0, 1]);
    nowMs += 500;
    expect([limiter.take("a"), limiter.take("a")]).toEqual([0, 1]);
    nowMs += 60_000;
    expect([1, 2, 3, 4].map(() => limiter.take("a"))).toEqual([0, 0, 0, 1]);
  });

  test("says after how many seconds one may pass", () => {
    const limiter = new RateLimiter({ requestsPerSecond: 0.1, burst: 0 }, () => 0);
    expect([limiter.take("a"), limiter.take("a")]).toEqual([0, 10]);
  });

  test("an IPv6 network of 64 bits shares a bucket, others do not", () => {
    const limiter = new RateLimiter({ requestsPerSecond: 1, burst: 1 }, () => 0);
    expect(limiter.take("2001:db8::1")).toBe(0);
    expect(limiter.take("2001:0db8:0:0:ffff::2")).toBe(1);
    expect(limiter.take("2001:db8:0:1::1")).toBe(0);
    expect(limiter.take("::1")).toBe(0);
  });

  test("forgets the address that was longest unseen", () => {
    const limiter = new RateLimiter({ requestsPerSecond: 1, burst: 1 }, () => 0);
    for (let index = 0; index <= maxRatedAddresses; index += 1) limiter.take(`a${index}`);
    expect(limiter.size).toBe(maxRatedAddresses);
    expect(limiter.take(`a${maxRatedAddresses}`)).toBe(1);
    expect(limiter.take("a0")).toBe(0);
  });
});

describe("the client's address", () => {
  const addresses = new ClientAddresses(["10.0.0.0/8", "192.0.2.7", "fd00::/8"]);
  for (const [peer, forwarded, client] of [
    ["198.51.100.1", "203.0.113.9", "198.51.100.1"],
    ["10.0.0.1", null, "10.0.0.1"],
    ["10.0.0.1", "203.0.113.9", "203.0.113.9"],
    ["::ffff:10.0.0.1", "203.0.113.9", "203.0.113.9"],
    ["::ffff:a00:1", "203.0.113.9", "203.0.113.9"],
    ["0:0:0:0:0:ffff:10.0.0.1", "203.0.113.9", "203.0.113.9"],
    ["::1", "203.0.113.9", "::1"],
    ["fd00::1", "2001:db8::5", "2001:db8::5"],
    ["10.0.0.1", "::ffff:203.0.113.9", "203.0.113.9"],
    ["10.0.0.1", "::FFFF:cb00:7109", "203.0.113.9"],
    ["10.0.0.1", "[::ffff:203.0.113.9]:4711", "203.0.113.9"],
    ["10.0.0.1", "203.0.113.9, ::ffff:10.0.0.2", "203.0.113.9"],
    ["10.0.0.1", "203.0.113.9,", "10.0.0.1"],
    ["10.0.0.1", '"203.0.113.9"', "10.0.0.1"],
    ["10.0.0.1", "203.0.113.09", "10.0.0.1"],
    ["10.0.0.1", "unknown", "10.0.0.1"],
    ["10.0.0.1", "", "10.0.0.1"],
    ["10.0.0.1", "1.1.1.1, 203.0.113.9", "203.0.113.9"],
    ["10.0.0.1", "203.0.113.9, 192.0.2.7, 10.2.3.4", "203.0.113.9"],
    ["10.0.0.1", "203.0.113.9:4711", "203.0.113.9"],
    ["10.0.0.1", "[2001:db8::5]:4711", "2001:db8::5"],
    ["10.0.0.1", "203.0.113.9, junk", "10.0.0.1"],
    ["10.0.0.1", "10.9.9.9", "10.9.9.9"],
    [undefined, "203.0.113.9", ""],
  ] as const) {
    test(`${peer} with ${forwarded} is ${client}`, () => expect(addresses.of(peer, forwarded)).toBe(client));
  }
});

describe("idempotency keys", () => {
  test("are remembered for ten minutes", () => {
    let nowMs = 0;
    const keys = new IdempotencyKeys(() => nowMs);
    keys.add("a", "digest");
    nowMs = idempotencyMs;
    expect(keys.find("a", "digest")).toBe(true);
    nowMs += 1;
    expect(keys.find("a", "digest")).toBe(false);
  });

  test("the oldest are forgotten beyond their number", () => {
    const keys = new IdempotencyKeys(() => 0);
    for (let index = 0; index <= maxIdempotencyKeys; index += 1) keys.add(`k${index}`, "digest");
    expect(keys.size).toBe(maxIdempotencyKeys);
    expect(keys.find("k0", "digest")).toBe(false);
    expect(keys.find("k1", "digest")).toBe(true);
  });

  test("a digest tells method, order, number and labels apart, and not the order of labels", () => {
    const action = { metric: "m", number: 1, labels: { a: "1", b: "2" } };
    const same = digestOf("counter", [action]);
    expect(digestOf("counter", [{ ...action, labels: { b: "2", a: "1" } }])).toBe(same);
    const others = [
      digestOf("gauge", [action]),
      digestOf("counter", [action, action]),
      digestOf("counter", [{ ...action, number: 2 }]),
      digestOf("counter", [{ ...action, number: Number.NaN }]),
      digestOf("counter", [{ ...action, labels: { a: "1" } }]),
    ];
    expect(new Set([same, ...others]).size).toBe(others.length + 1);
  });
});

describe("timeouts", () => {
  for (const [name, given, kept] of [
    ["connect-timeout-ms", "2147483648", "2147483647"],
    ["connect-timeout-ms", "5000", "5000"],
    ["connect-timeout-ms", "x", "x"],
    ["grpc-timeout", "99999999H", "2147483S"],
    ["grpc-timeout", "10S", "10S"],
    ["grpc-timeout", "5u", "5u"],
  ] as const) {
    test(`${name}: ${given} becomes ${kept}`, () => {
      const headers = new Headers({ [name]: given });
      clampTimeouts(headers);
      expect(headers.get(name)).toBe(kept);
    });
  }
});
