/** `*.ok.yaml` beside the configuration that it gives, `*.bad.yaml` beside its exact problems, in the same folder. */
import { describe, expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { Problems } from "../../src/base/errors.ts";
import { loadFile } from "../../src/config/load-file.ts";
import { builtIns, variables } from "../fixtures/config/built-ins.ts";

const folder = join(import.meta.dir, "../fixtures/config");
const files = readdirSync(folder).filter((name) => name.endsWith(".yaml"));
const ok = files.filter((name) => name.endsWith(".ok.yaml"));
const bad = files.filter((name) => name.endsWith(".bad.yaml"));

const load = (name: string) => loadFile({ file: join(folder, name), variables, builtIns });
const expected = (name: string, ending: string) => Bun.file(join(folder, name.replace(".yaml", ending))).text();

function problemsOf(name: string): readonly string[] {
  try {
    load(name);
  } catch (error) {
    if (error instanceof Problems) return error.problems;
    throw error;
  }
  return [];
}

test("every fixture is one or the other", () => {
  expect(ok.length + bad.length).toBe(files.length);
  expect(ok.length).toBeGreaterThan(5);
  expect(bad.length).toBeGreaterThan(25);
});

describe("accepted", () => {
  test.each(ok)("%s", async (name) => {
    const config = JSON.stringify(load(name), null, 2).replaceAll(folder, ".");
    expect(`${config.replace(`./${name}`, name)}\n`).toBe(await expected(name, ".json"));
  });
});

describe("refused with exactly these problems", () => {
  test.each(bad)("%s", async (name) => {
    const lines = problemsOf(name).map((line) => line.replace(`${folder}/`, ""));
    expect(`${lines.join("\n")}\n`).toBe(await expected(name, ".txt"));
  });
});
