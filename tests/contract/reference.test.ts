/** The README's reference: what it is made from, and the variables that it lists. `examples.test.ts` tells when it is old. */
import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import * as v from "valibot";
import { about } from "../../src/base/schema.ts";
import { readEnvironment } from "../../src/config/environment.ts";
import { duration, environments, text } from "../../src/config/values.ts";
import { variableDefaults } from "../../src/config/variables.ts";
import { outboundVariables } from "../../src/handlers/outbound.ts";
import { root } from "../harness/build.ts";
import { reference, rowsOf, withReference } from "../harness/reference.ts";

const readme = readFileSync(join(root, "README.md"), "utf8");

test("a key is told with what it may be, in the errors' words, its default and its description", () => {
  const schema = v.strictObject({
    rest: v.optional(about("How long.", duration(100, 60_000)), "5s"),
    name: about("Who.", v.pipe(text, v.regex(/a/, "must be a name"), v.maxLength(9, "must have at most 9 characters"))),
    where: v.nullish(v.strictObject({ list: v.optional(about("Where.", environments), []) }), {}),
    parts: v.exactOptional(about("All.", v.array(v.strictObject({ size: about("How much.", v.number()) })))),
  });
  expect(rowsOf(schema)).toEqual([
    {
      key: "rest",
      rule: "a duration such as 200ms, 5s or 1m, from 100ms to 1m",
      fallback: "`5s`",
      description: "How long.",
    },
    { key: "name", rule: "not empty; a name; at most 9 characters", fallback: "required", description: "Who." },
    {
      key: "where.list",
      rule: "a list; each development, testing, staging or production",
      fallback: "`[]`",
      description: "Where.",
    },
    { key: "parts", rule: "a list", fallback: "–", description: "All." },
    { key: "parts[].size", rule: "a number", fallback: "required", description: "How much." },
  ]);
});

test("a key without a description is an error", () => {
  const schema = v.strictObject({ outer: v.strictObject({ bare: v.optional(text) }) });
  expect(() => rowsOf(schema)).toThrow("outer.bare must have a description");
});

test("only what is between the markers is made anew, and both must be there", () => {
  const page = "# a\n\n<!-- reference -->\nold\n<!-- /reference -->\n\nb\n";
  expect(withReference(page)).toBe(`# a\n\n<!-- reference -->\n\n${reference()}\n\n<!-- /reference -->\n\nb\n`);
  expect(withReference(withReference(page))).toBe(withReference(page));
  expect(() => withReference("# a\n<!-- reference -->\n")).toThrow("<!-- /reference -->");
});

/** The variables of the README's table, each with the default that is written there; one may stand for all of a row. */
function listed(): Map<string, string | undefined> {
  const [, table = ""] = /^### Environment\n\n([\s\S]*?)\n\n/m.exec(readme) ?? [];
  const quoted = (cell = "") => [...cell.matchAll(/`([^`]+)`/g)].map(([, text = ""]) => text);
  const rows = table.split("\n").map((line) => line.split(" | "));
  return new Map(
    rows.flatMap(([names, defaults]) => {
      const [first, ...further] = quoted(defaults);
      return quoted(names).map((name, at): [string, string | undefined] => [name, further[at - 1] ?? first]);
    }),
  );
}

/** The variables that specta reads for itself. */
function read(): string[] {
  const names = new Set<string>();
  const note = <T>(name: string | symbol, value: T): T => {
    names.add(String(name));
    return value;
  };
  const variables = { SPECTA_ENVIRONMENT: "testing" };
  readEnvironment(
    new Proxy<Record<string, string>>(variables, {
      get: (target, name) => note(name, Reflect.get(target, name)),
      getOwnPropertyDescriptor: (target, name) => note(name, Reflect.getOwnPropertyDescriptor(target, name)),
      ownKeys: Reflect.ownKeys,
    }),
  );
  return [...names];
}

test("the table of variables has those that are read, and those of the way out, and no others", () => {
  const upper = outboundVariables.filter((name) => name === name.toUpperCase() && name !== "SSL_CERT_DIR");
  expect([...listed().keys()].sort()).toEqual([...read(), ...upper].sort());
});

test("the table of variables has their defaults", () => {
  const table = listed();
  for (const [name, value] of Object.entries(variableDefaults)) expect([name, table.get(name)]).toEqual([name, value]);
});
