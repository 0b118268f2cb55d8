import { expect, test } from "bun:test";
import { isIP } from "node:net";
import fc from "fast-check";
import { ipVersion, ipv6Groups } from "../../src/base/address.ts";

const group = fc.oneof(
  fc.integer({ min: 0, max: 70_000 }).map((number) => number.toString(16)),
  fc.constant(""),
);
const ipv4 = fc.array(fc.integer({ min: 0, max: 300 }), { minLength: 3, maxLength: 5 }).map((parts) => parts.join("."));
const ipv6 = fc
  .tuple(fc.array(group, { minLength: 1, maxLength: 9 }), fc.option(ipv4), fc.constantFrom("", "%eth0", "%", "%a%b"))
  .map(([groups, mapped, zone]) => `${[...groups, ...(mapped === null ? [] : [mapped])].join(":")}${zone}`);
const nearly = fc.string({ unit: fc.constantFrom(..."01aFg:.% []"), maxLength: 16 });

test("an address has the version that Node gives it", () => {
  fc.assert(
    fc.property(fc.oneof(ipv4, ipv6, nearly, fc.ipV4(), fc.ipV6()), (text) => {
      expect(ipVersion(text)).toBe(isIP(text) as 0 | 4 | 6);
    }),
    { numRuns: 20_000 },
  );
});

test("an IPv6 address has the eight numbers that a URL's host has, in whatever notation", () => {
  const hostOf = (address: string) => URL.parse(`http://[${address}]`)?.hostname;
  const mapped = fc.tuple(fc.constantFrom("::ffff:", "::", "1:2:3::", "0:0:0:0:0:ffff:"), fc.ipV4());
  const notations = fc.oneof(
    fc.ipV6(),
    mapped.map(([head, tail]) => head + tail),
  );
  fc.assert(
    fc.property(notations, fc.constantFrom("", "%eth0"), (address, zone) => {
      // Bun's URL refuses a few with 0.0.0.0 at the end.
      fc.pre(hostOf(address) !== undefined);
      const groups = ipv6Groups((address + zone).toUpperCase());
      expect(groups).toHaveLength(8);
      expect(hostOf(groups.map((one) => one.toString(16)).join(":"))).toBe(hostOf(address));
    }),
    { numRuns: 5000 },
  );
});

test("addresses are among the cases", () => {
  for (const [arbitrary, version] of [[fc.ipV4(), 4] as const, [fc.ipV6(), 6] as const]) {
    expect(fc.sample(arbitrary, 50).every((text) => ipVersion(text) === version)).toBeTrue();
  }
});
