/**
 * The gate: everything that must hold before a change lands, from a fresh clone on. It needs Bun alone, so it imports
 * nothing that must be installed first. It stops at the first step that fails; its last line is
 * `N passed, N failed` (`, N skipped`), a failed step in front of the tests counting as one failure.
 *
 *   bun tests/gate.ts          all steps
 *   bun tests/gate.ts check    all but the tests
 *   bun tests/gate.ts PATH…    all steps, and of the tests those whose path begins so
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Counts, runFile, sum, summary } from "./harness/runner.ts";

const root = join(import.meta.dir, "..");
const bun = process.execPath;
const isCi = ["1", "true"].includes(process.env.CI ?? "");

const steps: readonly (readonly [name: string, ...command: string[]])[] = [
  ["install", bun, "install", "--frozen-lockfile"],
  ["generated code", bun, "test", "./tests/contract/proto.test.ts"],
  ["format and lint", "node_modules/.bin/biome", "ci", "--error-on-warnings", "--colors=off", "."],
  ["types", "node_modules/.bin/tsc", "--noEmit"],
];

function seconds(since: number): string {
  return `${((performance.now() - since) / 1000).toFixed(1)} s`;
}

function end(counts: Counts): never {
  console.log(summary(counts));
  process.exit(counts.failed > 0 ? 1 : 0);
}

async function runStep([name, ...command]: (typeof steps)[number]): Promise<void> {
  console.log(`== ${name}`);
  const start = performance.now();
  const child = Bun.spawn(command, { cwd: root, stdin: "ignore", stdout: "inherit", stderr: "inherit" });
  const code = await child.exited;
  console.log(`== ${name}: ${code === 0 ? "good" : `failed (${code})`}, ${seconds(start)}`);
  if (code !== 0) end({ passed: 0, failed: 1, skipped: 0 });
}

async function runTests(beginnings: readonly string[]): Promise<Counts> {
  const start = performance.now();
  const files = [...new Bun.Glob("tests/**/*.test.ts").scanSync({ cwd: root })]
    .filter((file) => beginnings.length === 0 || beginnings.some((path) => file.startsWith(path.replace(/^\.\//, ""))))
    .sort();
  console.log(`== tests: ${files.length} files`);
  // The binary is built once for all files, and anew for each run.
  const builds = mkdtempSync(join(tmpdir(), "specta-builds-"));
  const results = [];
  try {
    for (const file of files) {
      const result = await runFile(file, root, { SPECTA_TEST_BUILDS: builds });
      if (result.failed > 0) console.log(result.output);
      console.log(
        `${file}: ${summary(result)}, ${result.seconds.toFixed(1)} s${result.fault ? `: ${result.fault}` : ""}`,
      );
      results.push(result);
    }
  } finally {
    rmSync(builds, { recursive: true, force: true });
  }
  const counts = sum(results);
  for (const { file } of results.filter((result) => result.failed > 0)) console.log(`failed: ${file}`);
  console.log(`== tests: ${counts.failed === 0 ? "good" : "failed"}, ${seconds(start)}`);
  if (files.length === 0) return { passed: 0, failed: 1, skipped: 0 };
  if (!isCi || counts.skipped === 0) return counts;
  console.log("where CI is set nothing may be skipped: install what is missing");
  return { ...counts, failed: counts.failed + counts.skipped, skipped: 0 };
}

const start = performance.now();
const paths = process.argv.slice(2);
for (const step of steps) await runStep(step);
const counts = paths[0] === "check" ? { passed: steps.length, failed: 0, skipped: 0 } : await runTests(paths);
console.log(`== all: ${seconds(start)}`);
end(counts);
