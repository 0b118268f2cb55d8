import { afterAll, expect, test } from "bun:test";
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { root } from "../harness/build.ts";

const folder = mkdtempSync(join(tmpdir(), "specta-proto-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const reference = join(root, "tests/fixtures/proto/reference.binpb");

/** A copy of proto/ beside an empty src/gen, with one change when asked for. */
function copyOf(change?: { readonly file: string; readonly from: string; readonly to: string }): string {
  const copy = mkdtempSync(join(folder, "copy-"));
  cpSync(join(root, "proto"), join(copy, "proto"), { recursive: true });
  symlinkSync(join(root, "node_modules"), join(copy, "node_modules"));
  if (change) {
    const path = join(copy, "proto/metrics", change.file);
    const text = readFileSync(path, "utf8");
    expect(text).toContain(change.from);
    writeFileSync(path, text.replace(change.from, change.to));
  }
  return copy;
}

function buf(copy: string, ...args: string[]): { code: number; output: string } {
  const ran = Bun.spawnSync([join(root, "node_modules/.bin/buf"), ...args], { cwd: join(copy, "proto") });
  return { code: ran.exitCode, output: `${ran.stdout}${ran.stderr}` };
}

function generated(copy: string): Record<string, string> {
  const ran = buf(copy, "generate");
  expect(ran).toEqual({ code: 0, output: ran.output });
  return filesIn(join(copy, "src/gen"));
}

function filesIn(under: string): Record<string, string> {
  const names = [...new Bun.Glob("**/*").scanSync({ cwd: under })].sort();
  return Object.fromEntries(names.map((name) => [name, readFileSync(join(under, name), "utf8")]));
}

test("the schema obeys the linter, but for the rules that proto/buf.yaml names", () => {
  expect(buf(copyOf(), "lint")).toEqual({ code: 0, output: "" });
});

test("the linter sees a field that is not in lower case", () => {
  const { code, output } = buf(copyOf({ file: "common.proto", from: "string kind", to: "string Kind" }), "lint");
  expect(output).toContain("lower_snake_case");
  expect(code).not.toBe(0);
});

test("the schema breaks nothing of the reference's", () => {
  expect(buf(copyOf(), "breaking", "--against", reference)).toEqual({ code: 0, output: "" });
});

test("another number or type for a field is seen as a break", () => {
  for (const [from, to] of [
    ["string metric = 200", "string metric = 201"],
    ["double number = 300", "float number = 300"],
  ] as const) {
    const { code, output } = buf(copyOf({ file: "common.proto", from, to }), "breaking", "--against", reference);
    expect(output).toContain("common.proto");
    expect(code).not.toBe(0);
  }
});

test("the committed code is what the schema generates", () => {
  const fresh = generated(copyOf());
  expect(Object.keys(fresh).length).toBe(5);
  expect(filesIn(join(root, "src/gen"))).toEqual(fresh);
});

test("a changed schema generates other code", () => {
  const other = generated(copyOf({ file: "common.proto", from: "string kind", to: "string sort" }));
  expect(filesIn(join(root, "src/gen"))).not.toEqual(other);
});
