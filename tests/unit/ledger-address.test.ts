import { afterAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Problems } from "../../src/base/errors.ts";
import { Secret } from "../../src/base/secret.ts";
import { type Address, checkPlace, parseAddress } from "../../src/ledger/address.ts";

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

describe("a place for a file", () => {
  const folder = mkdtempSync(join(tmpdir(), "specta-place-"));
  afterAll(() => rmSync(folder, { recursive: true }));
  const check = (file: string) => () => checkPlace(parseAddress(new Secret(`sqlite://${file}`)));
  const rule = "SPECTA_DATABASE_URL must name an SQLite file, or a new one in a folder that is there: ";

  test("is refused where it can never be one", () => {
    const text = join(folder, "text.db");
    writeFileSync(text, "this is a text of more than sixteen bytes");
    expect(check(`${folder}/missing/a.db`)).toThrow(`${rule}there is no folder ${folder}/missing`);
    expect(check("missing/a.db")).toThrow(`${rule}there is no folder ${join(process.cwd(), "missing")}`);
    expect(check(`${text}/a.db`)).toThrow(`${rule}there is no folder ${text}`);
    expect(check(`${text}/b/a.db`)).toThrow(`${rule}there is no folder ${text}/b`);
    expect(check(folder)).toThrow(`${rule}${folder} is a folder`);
    expect(check(text)).toThrow(`${rule}${text} is something else`);
  });

  test("is taken where it is one, is empty, or is not there yet", async () => {
    const [ledger, empty] = [join(folder, "ledger.db"), join(folder, "empty.db")];
    const { openLedger } = await import("../../src/ledger/open.ts");
    const opened = openLedger(new Secret(`sqlite://${ledger}`));
    await opened.saveState("a", "b");
    await opened.close();
    writeFileSync(empty, "");
    for (const file of [ledger, empty, join(folder, "new.db")]) expect(check(file)).not.toThrow();
  });

  test("is not looked for where the ledger is in memory or elsewhere", () => {
    for (const url of [undefined, "sqlite://:memory:", "postgres://nobody@nowhere.invalid/x"]) {
      expect(() => checkPlace(parseAddress(url === undefined ? undefined : new Secret(url)))).not.toThrow();
    }
  });
});
