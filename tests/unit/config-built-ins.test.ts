/** The examples and the reserved names beside the real built-in handlers. */
import { expect, test } from "bun:test";
import { join } from "node:path";
import type { BuiltInShape } from "../../src/config/handlers.ts";
import { loadFile } from "../../src/config/load-file.ts";
import { reservedPrefix } from "../../src/config/pushed.ts";
import { builtIns } from "../../src/handlers/index.ts";
import { builtIns as standIns } from "../fixtures/config/built-ins.ts";

const real: readonly BuiltInShape[] = builtIns;
const shapes = standIns.map((standIn) => real.find(({ name }) => name === standIn.name) ?? standIn);
const world = { environment: "production", variables: {} };

function settingsOf(example: string): ReadonlyMap<string, unknown> {
  const file = join(import.meta.dir, "../../examples", example);
  const variables = { SPECTA_ENVIRONMENT: world.environment };
  const { handlers } = loadFile({ file, variables, builtIns: shapes });
  return new Map(handlers.map(({ name, settings }) => [name, settings]));
}

test.each(["specta.yaml", "splits.yaml"])("examples/%s configures every built-in handler", (example) => {
  const settings = settingsOf(example);
  for (const { name } of real) expect(settings.get(name)).toBeDefined();
  expect(settings.size).toBe(standIns.length);
});

test("no client can be allowed to push what a built-in handler reports", () => {
  const settings = settingsOf("splits.yaml");
  const names = builtIns.flatMap((builtIn) => Object.keys(builtIn.metrics(settings.get(builtIn.name), world)));
  expect(names).toContain("build_execution_total");
  for (const name of names) expect([name, reservedPrefix(name)]).toEqual([name, expect.any(String)]);
});
