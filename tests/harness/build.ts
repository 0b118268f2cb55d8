/** The compiled binary that tests start, built from a copy of the sources that is gone before anyone runs it. */
import { createHash } from "node:crypto";
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** The folder of the checkout. */
export const root = join(import.meta.dir, "../..");

const inputs = ["package.json", "bun.lock", "bunfig.toml", "tsconfig.json"];

export interface BuildOptions {
  readonly sha?: string;
  readonly tag?: string;
  /** Further arguments for `bun run build`. */
  readonly args?: readonly string[];
}

/** Builds into `<folder>/specta` by the script of package.json, from a copy of the sources that is removed again. */
export function buildInto(folder: string, { sha = "", tag = "", args = [] }: BuildOptions = {}): string {
  const sources = mkdtempSync(join(tmpdir(), "specta-sources-"));
  try {
    for (const name of inputs) cpSync(join(root, name), join(sources, name));
    cpSync(join(root, "src"), join(sources, "src"), { recursive: true });
    symlinkSync(join(root, "node_modules"), join(sources, "node_modules"));
    const built = Bun.spawnSync([process.execPath, "run", "build", ...args], {
      cwd: sources,
      env: { ...process.env, SHA: sha, TAG: tag },
    });
    if (!built.success) throw new Error(`the build failed (${built.exitCode}): ${built.stderr}${built.stdout}`);
    mkdirSync(folder, { recursive: true });
    const binary = join(folder, "specta");
    cpSync(join(sources, "dist/specta"), binary);
    chmodSync(binary, 0o755);
    return binary;
  } finally {
    rmSync(sources, { recursive: true, force: true });
  }
}

let binary: string | undefined;

/**
 * The path of the binary, away from the sources. It is built once for each state of the sources: files of tests that run
 * at the same time find it by the hash in its folder's name, and a folder appears complete or not at all.
 */
export function compiled(): string {
  binary ??= find();
  return binary;
}

function find(): string {
  const home = process.env.SPECTA_TEST_BUILDS ?? join(tmpdir(), "specta-test-builds");
  const folder = join(home, hash());
  const path = join(folder, "specta");
  if (existsSync(path)) return path;
  mkdirSync(home, { recursive: true });
  removeOld(home);
  const fresh = mkdtempSync(join(home, "fresh-"));
  try {
    buildInto(fresh);
    chmodSync(fresh, 0o755);
    renameSync(fresh, folder);
  } catch (error) {
    rmSync(fresh, { recursive: true, force: true });
    if (!existsSync(path)) throw error;
  }
  return path;
}

/** Binaries of earlier states of the sources, 100 MB each, that no test can be using any more. */
function removeOld(home: string): void {
  const hourMs = 3_600_000;
  for (const name of readdirSync(home)) {
    const folder = join(home, name);
    if (statSync(folder).mtimeMs < Date.now() - hourMs) rmSync(folder, { recursive: true, force: true });
  }
}

function hash(): string {
  const sum = createHash("sha256").update(Bun.version);
  const sources = [...new Bun.Glob("src/**/*").scanSync({ cwd: root })].sort();
  for (const name of [...inputs, ...sources]) sum.update(`\0${name}\0`).update(readFileSync(join(root, name)));
  return sum.digest("hex").slice(0, 16);
}
