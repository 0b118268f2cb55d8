/** Runs files of tests, each in a process of its own, and counts what their JUnit reports say. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface Counts {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

export interface FileResult extends Counts {
  readonly file: string;
  readonly seconds: number;
  /** What it printed, stdout and stderr as they came. */
  readonly output: string;
  /** Why it counts as failed although no test of its report did; undefined when that is not so. */
  readonly fault: string | undefined;
}

/** A test that waits for a compiled binary or a real server may take this long, unless it says otherwise. */
const testTimeoutMs = 30_000;

/** One file of tests may take this long; a hang must not take the gate with it. */
const fileTimeoutMs = 10 * 60_000;

/** The line that ends the gate: `12 passed, 0 failed`, with the skipped ones when there are any. */
export function summary({ passed, failed, skipped }: Counts): string {
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`;
}

export function sum(all: readonly Counts[]): Counts {
  const total = (key: keyof Counts) => all.reduce((number, one) => number + one[key], 0);
  return { passed: total("passed"), failed: total("failed"), skipped: total("skipped") };
}

/** The counts of a JUnit report as Bun writes it; undefined when the text is none. */
export function readReport(xml: string): Counts | undefined {
  const head = /<testsuites [^>]*>/.exec(xml)?.[0];
  if (head === undefined || !xml.trimEnd().endsWith("</testsuites>")) return undefined;
  const [tests, failed, skipped] = ["tests", "failures", "skipped"].map(
    (key) => new RegExp(` ${key}="(\\d+)"`).exec(head)?.[1],
  );
  if (tests === undefined || failed === undefined || skipped === undefined) return undefined;
  return { passed: Number(tests) - Number(failed) - Number(skipped), failed: Number(failed), skipped: Number(skipped) };
}

/**
 * Runs one file of tests. The report is believed only together with the exit code: a process that ended early leaves no
 * report, whatever its exit code, and counts as one failure.
 */
export async function runFile(
  file: string,
  cwd: string,
  env: Readonly<Record<string, string>> = {},
): Promise<FileResult> {
  const folder = mkdtempSync(join(tmpdir(), "specta-report-"));
  const report = join(folder, "report.xml");
  const start = performance.now();
  try {
    const child = Bun.spawn(
      // A path and not a pattern: with ./ in front only this file runs. Whatever it started and left ends with it.
      [
        "sh",
        "-c",
        'exec "$@" 2>&1',
        "sh",
        process.execPath,
        "--no-orphans",
        "test",
        `./${file}`,
        `--timeout=${testTimeoutMs}`,
        "--reporter=junit",
        `--reporter-outfile=${report}`,
      ],
      { cwd, env: { ...process.env, ...env }, stdin: "ignore", stdout: "pipe", stderr: "inherit" },
    );
    const timer = setTimeout(() => child.kill("SIGKILL"), fileTimeoutMs);
    const output = await new Response(child.stdout).text();
    const code = await child.exited;
    clearTimeout(timer);
    return { file, seconds: (performance.now() - start) / 1000, output, ...judge(code, child.signalCode, report) };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function judge(
  code: number,
  signal: NodeJS.Signals | number | null,
  report: string,
): Counts & Pick<FileResult, "fault"> {
  const counts = readReport(readIfThere(report));
  const end = signal === null ? `exit code ${code}` : `signal ${signal}`;
  if (counts === undefined) return { passed: 0, failed: 1, skipped: 0, fault: `no report of its tests: ${end}` };
  if (counts.failed > 0) return { ...counts, fault: undefined };
  if (code !== 0 || signal !== null) return { ...counts, failed: 1, fault: `its tests passed, but: ${end}` };
  if (counts.passed + counts.skipped === 0) return { ...counts, failed: 1, fault: "it holds no test" };
  return { ...counts, fault: undefined };
}

function readIfThere(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return "";
    throw error;
  }
}
