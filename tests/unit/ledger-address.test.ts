import { expect, test } from "bun:test";
import { Problems } from "../../src/base/errors.ts";
import { Secret } from "../../src/base/secret.ts";
import { type Address, parseAddress } from "../../src/ledger/address.ts";

const password = "hunter2-%40-swordfish";

const good: readonly (readonly [string, Address])[] = [
  ["sqlite://data/specta.db", { kind: "sqlite", shown: "sqlite://data/specta.db", file: "data/specta.db" }],
  ["sqlite:///data/specta.db", { kind: "sqlite", shown: "sqlite:///data/specta.db", file: "/data/specta.db" }],
  ["sqlite://:memory:", { kind: "memory", shown: "memory" }],
  [
    `postgres://specta:${password}@db.internal:5433/ledger?sslmode=require&password=${password}`,
    {
      kind: "postgres",
      shown: "postgres://specta@db.internal:5433/ledger",
      url: `postgres://specta:${password}@db.internal:5433/ledger?sslmode=require&password=${password}`,
    },
  ],
  ["postgresql://db/x", { kind: "postgres", shown: "postgres://db/x", url: "postgresql://db/x" }],
];

test.each(good)("%s is an address that is shown without its password", (url, address) => {
  expect(parseAddress(new Secret(url))).toEqual(address);
  expect(address.shown).not.toContain(password);
});

test("without an address the ledger is in memory", () => {
  expect(parseAddress(undefined)).toEqual({ kind: "memory", shown: "memory" });
});

const bad: readonly (readonly [string, RegExp])[] = [
  ["", /current value has no scheme$/],
  [`specta:${password}@db`, /current value is "specta:…"$/],
  [`mysql://specta:${password}@db/x`, /current value is "mysql:\/\/…"$/],
  [`/data/${password}.db`, /current value has no scheme$/],
  [`postgres://specta:${password}@:5432:x/y`, /current value is no URL$/],
  ["postgres:///x", /current value is no URL$/],
  ["sqlite://", /must name a file: current value is "sqlite:\/\/"$/],
];

test.each(bad)("%s is refused, and nothing of it but its scheme is said", (url, message) => {
  const parse = () => parseAddress(new Secret(url));
  expect(parse).toThrow(Problems);
  expect(parse).toThrow(message);
  expect(parse).not.toThrow(password);
});
