/** What a release says that it is made of: the lines of the workflow itself, run over what is installed for the binary. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as v from "valibot";
import { root } from "../harness/build.ts";
import { run } from "../harness/command.ts";
import { testWith } from "../harness/tools.ts";

const Bill = v.object({
  bomFormat: v.literal("CycloneDX"),
  metadata: v.object({ component: v.object({ name: v.string() }) }),
  components: v.array(v.object({ name: v.string(), version: v.string() })),
});
const Package = v.object({ name: v.string(), version: v.string() });

let folder: string;
let installed: readonly string[];
beforeAll(async () => {
  folder = join(mkdtempSync(join(tmpdir(), "specta-supply-")), "specta");
  mkdirSync(folder);
  for (const name of ["package.json", "bun.lock", "bunfig.toml"]) copyFileSync(join(root, name), join(folder, name));
  const env = { PATH: process.env.PATH ?? "", HOME: process.env.HOME ?? "" };
  const install = [process.execPath, "install", "--frozen-lockfile", "--production"];
  const { code, stderr } = await run(install, { cwd: folder, env });
  expect({ code, stderr }).toMatchObject({ code: 0 });
  const manifests = [...new Bun.Glob("node_modules/**/package.json").scanSync({ cwd: folder })].filter((path) =>
    /node_modules\/(?:@[^/]+\/)?[^/]+\/package\.json$/.test(path),
  );
  installed = manifests
    .map((path) => v.parse(Package, JSON.parse(readFileSync(join(folder, path), "utf8"))))
    .map(({ name, version }) => `${name}@${version}`)
    .sort();
}, 60_000);
afterAll(() => rmSync(join(folder, ".."), { recursive: true, force: true }));

/** The lines of the release's workflow that begin so. */
function linesOf(beginning: string): string {
  const text = readFileSync(join(root, ".github/workflows/release.yaml"), "utf8");
  const lines = text.split("\n").map((line) => line.trim());
  return lines.filter((line) => line.startsWith(beginning)).join("\n");
}

function shell(script: string) {
  mkdirSync(join(folder, "release"), { recursive: true });
  const env = { PATH: process.env.PATH ?? "", HOME: folder };
  return run(["/bin/bash", "-euo", "pipefail", "-c", script], { cwd: folder, env });
}

testWith(["npm"], "control: with packages that are named and not installed there is no bill", async () => {
  const { code, stderr } = await shell(linesOf("npm sbom"));
  expect(code).not.toBe(0);
  expect(stderr).toContain("missing: ");
});

testWith(["npm"], "a release's bill names every package that the binary is made of, and no other", async () => {
  expect(await shell(`${linesOf("npm pkg")}\n${linesOf("npm sbom")}`)).toMatchObject({ code: 0 });
  const text = readFileSync(join(folder, "release/specta.cdx.json"), "utf8");
  const bill = v.parse(Bill, JSON.parse(text));
  expect(bill.metadata.component.name).toBe("specta");
  const named = bill.components.map(({ name, version }) => `${name}@${version}`).sort();
  const plain = (names: readonly string[]) => [...new Set(names.map((name) => name.replace("@v", "@")))].sort();
  expect(plain(named)).toEqual(plain(installed));
});

test("ARCHITECTURE.md says how many they are", () => {
  expect(readFileSync(join(root, "ARCHITECTURE.md"), "utf8")).toContain(
    `What the binary is made of; ${installed.length} packages`,
  );
});
