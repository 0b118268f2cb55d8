/** The build itself: the same sources give the same bytes, and what is given to it is built in. */
import { afterAll, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buildInto, compiled } from "../harness/build.ts";
import { run } from "../harness/command.ts";

const folder = mkdtempSync(join(tmpdir(), "specta-reproducible-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function hash(binary: string): string {
  return createHash("sha256").update(readFileSync(binary)).digest("hex");
}

test("two builds in different folders are one file, to the byte", () => {
  const another = buildInto(join(folder, "another/folder"));
  expect(hash(another)).toBe(hash(compiled()));
}, 60_000);

test("the sha and the tag that are given are built in, and change the file", async () => {
  const released = buildInto(join(folder, "released"), {
    sha: "0123456789abcdef0123456789abcdef01234567",
    tag: "v1.2.3",
  });
  const { stdout } = await run([released, "version"]);
  expect(stdout).toContain("Git Sha       0123456789abcdef0123456789abcdef01234567\nGit Tag       v1.2.3\n");
  expect(hash(released)).not.toBe(hash(compiled()));
}, 60_000);

test.each([
  ["x64", 62],
  ["arm64", 183],
] as const)(
  "the release's binary for %s is one for that machine",
  (arch, machine) => {
    const binary = buildInto(join(folder, arch), { args: [`--target=bun-linux-${arch}`] });
    const head = readFileSync(binary).subarray(0, 20);
    expect(head.subarray(0, 4).toString("latin1")).toBe("\x7fELF");
    expect(head.readUInt16LE(18)).toBe(machine);
  },
  120_000,
);
