/** Reads the source tree and holds the rules of the house; each rule is shown to see what it forbids. */
import { expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "../harness/build.ts";
import { mayImport, tidy } from "../harness/tidy.ts";

/** All files of the checkout that git does not ignore. */
function tree(): string[] {
  const listed = Bun.spawnSync(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], { cwd: root });
  expect(listed.stderr.toString()).toBe("");
  return [...new Set(listed.stdout.toString().split("\0"))].filter(
    (path) => path !== "" && existsSync(join(root, path)),
  );
}

test("the source tree obeys every rule", () => {
  const files = tree();
  expect(files.length).toBeGreaterThan(50);
  expect(files).toContain("src/main.ts");
  expect(files.flatMap((path) => tidy({ path, text: readFileSync(join(root, path), "utf8") }))).toEqual([]);
});

/** A `~` stands where the text is broken up, so that this file obeys the rules too. */
function look(path: string, text: string): string[] {
  return tidy({ path, text: text.replaceAll("~", "") });
}

const wrongImports: readonly (readonly [path: string, text: string])[] = [
  ["src/base/log.ts", 'import { x } from "../metrics/registry.ts";'],
  ["src/metrics/registry.ts", 'import type { Config } from "../config/config.ts";'],
  ["src/config/load.ts", 'import { builtIns } from "../handlers/index.ts";'],
  ["src/handlers/build/build.ts", 'import { engine } from "../../worker/engine.ts";'],
  ["src/worker/engine.ts", 'import { app } from "../server/app.ts";'],
  ["src/server/app.ts", 'const { engine } = await import("../worker/engine.ts");'],
  ["src/status/page.ts", 'export { app } from "../server/app.ts";'],
  ["src/server/app.ts", 'import "../commands/daemon.ts";'],
  ["src/commands/daemon.ts", 'import "../main.ts";'],
  ["src/ledger/ledger.ts", 'import { builtIns } from "../handlers/index.ts";'],
  ["src/base/log.ts", 'import { root } from "../../tests/harness/build.ts";'],
];

test.each(wrongImports)("an import against the direction is seen: %s, %s", (path, text) => {
  expect(look(path, text)).toEqual([expect.stringContaining("may not import")]);
});

test("imports with the direction, of the same folder and of packages are none", () => {
  const text = 'import "valibot";\nimport "./slots.ts";\nimport {\n  log,\n} from "../base/log.ts";\n';
  expect(look("src/metrics/registry.ts", text)).toEqual([]);
  expect(look("src/ledger/ledger.ts", 'import type { Ended } from "../handlers/handler.ts";')).toEqual([]);
});

test("ARCHITECTURE.md says what may be imported as it is held here", () => {
  const rows = readFileSync(join(root, "ARCHITECTURE.md"), "utf8").matchAll(/^\| (`src\/.*?) +\|.*\| (.*?) +\|$/gm);
  const said = [...rows].flatMap(([, folders = "", may = ""]) =>
    [...folders.matchAll(/`src\/(\w+)`/g)].map(([, folder = ""]) => [folder, may] as const),
  );
  const all = Object.keys(mayImport).filter((folder) => !["commands", "gen", "main.ts"].includes(folder));
  const held = Object.entries(mayImport).flatMap(([folder, { code, types = [] }]) => {
    if (folder === "main.ts") return [];
    if (folder === "gen") return [[folder, "–"] as const];
    if (all.every((other) => code.includes(other))) return [[folder, "all of the above"] as const];
    const list = [...code, ...types.map((name, at) => (at === types.length - 1 ? `${name} (types)` : name))];
    return [[folder, list.join(", ") || "nothing"] as const];
  });
  expect(Object.fromEntries(said)).toEqual(Object.fromEntries(held));
});

const breaches: readonly (readonly [says: string, path: string, text: string])[] = [
  ["left for later", "README.md", "TO~DO: explain"],
  ["path of one machine", "tests/x.ts", 'const folder = "/wo~rk/main";'],
  ["switched off", "src/base/x.ts", "// @ts-~ignore"],
  ["an enum", "src/base/x.ts", "export enu~m Kind { A }"],
  ["swallowed", "src/base/x.ts", "try { go(); } catch (error) {~}"],
  ["swallowed", "tests/x.ts", "try { go(); } catch {\n}~"],
  ["swallowed", "src/base/x.ts", "void go().catch(() => {~});"],
  ["does not run", "tests/x.test.ts", 'test.ski~p("x", () => {});'],
  ["does not run", "tests/x.test.ts", 'describe.onl~y("x", () => {});'],
  ["may not run", "tests/x.test.ts", 'test.skip~If(slow)("x", () => {});'],
  ["instead of an event", "tests/x.test.ts", "await Bun.sleep(5~00);"],
  ["instead of an event", "tests/x.test.ts", "setTimeout(resolve, 1~000);"],
  ["listen.ts does not open", "src/server/app.ts", "Bun.serve(~{});"],
  ["at most 400", "src/base/x.ts", "const x = 1;\n".repeat(401)],
  ["no place at the top", "Makefile", ""],
  ["no place at the top", "docs/index.md", ""],
  ["no folder of the house", "src/utils/x.ts", ""],
];

test.each(breaches)("%s: seen in %s", (says, path, text) => {
  expect(look(path, text)).toEqual([expect.stringContaining(says)]);
});

test("what only looks like a breach is none", () => {
  const text = [
    "try { go(); } catch (error) { log(error); }",
    "await Bun.sleep(5);",
    'const unit = "work/s";',
    "x".repeat(1000),
    "const y = 1;\n".repeat(300),
  ];
  expect(look("src/base/x.ts", text.join("\n"))).toEqual([]);
});
