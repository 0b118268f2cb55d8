import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readReport, runFile, sum, summary } from "../harness/runner.ts";

const folder = mkdtempSync(join(tmpdir(), "specta-runner-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function run(body: string) {
  const name = `${Bun.randomUUIDv7()}.test.ts`;
  writeFileSync(join(folder, name), `import { test, expect, afterAll } from "bun:test";\n${body}`);
  const { passed, failed, skipped, fault, output } = await runFile(name, folder);
  return { counts: summary({ passed, failed, skipped }), fault, output };
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

test("tests that pass are counted", async () => {
  expect(await run('test("a", () => {}); test("b", () => {});')).toMatchObject({
    counts: "2 passed, 0 failed",
    fault: undefined,
  });
});

test("a test that fails is counted, and its output is kept", async () => {
  const { counts, output } = await run('test("a", () => {}); test("b", () => { expect("is").toBe("must"); });');
  expect(counts).toBe("1 passed, 1 failed");
  expect(output).toContain('Expected: "must"');
});

test("a test that is left out is counted as such", async () => {
  expect((await run(`test("a", () => {}); test.${"skip"}("b", () => {});`)).counts).toBe(
    "1 passed, 0 failed, 1 skipped",
  );
});

test("a process that exits with 0 in the middle of its tests has failed", async () => {
  expect(await run('test("a", () => {}); test("b", () => process.exit(0));')).toMatchObject({
    counts: "0 passed, 1 failed",
    fault: "no report of its tests: exit code 0",
  });
});

test("a process that crashes has failed", async () => {
  expect(await run('test("a", () => process.kill(process.pid, "SIGSEGV"));')).toMatchObject({
    counts: "0 passed, 1 failed",
    fault: "no report of its tests: signal SIGSEGV",
  });
});

test("a file that cannot be loaded has failed", async () => {
  expect(await run('throw new Error("at the top");')).toMatchObject({ counts: "0 passed, 1 failed" });
});

test("an error after the last test has failed", async () => {
  expect((await run('test("a", () => {}); afterAll(() => { throw new Error("late"); });')).counts).toBe(
    "1 passed, 1 failed",
  );
});

test("a file without tests has failed", async () => {
  expect(await run("")).toMatchObject({ counts: "0 passed, 1 failed" });
});

test("a process that a test started and left does not outlive it", async () => {
  const { counts, output } = await run(`
    test("a", () => {
      const child = Bun.spawn(["sleep", "600"]);
      child.unref();
      console.log("child " + child.pid + " ");
    });`);
  expect(counts).toBe("1 passed, 0 failed");
  const pid = Number(/child (\d+) /.exec(output)?.[1]);
  expect(pid).toBeGreaterThan(1);
  while (isAlive(pid)) await Bun.sleep(5);
});

test("half a report is none", () => {
  const whole =
    '<testsuites name="bun test" tests="3" assertions="1" failures="1" skipped="1" time="0.01">\n</testsuites>\n';
  expect(readReport(whole)).toEqual({ passed: 1, failed: 1, skipped: 1 });
  expect(readReport(whole.slice(0, -15))).toBeUndefined();
  expect(readReport("")).toBeUndefined();
});

test("counts of several files are added", () => {
  const counts = sum([
    { passed: 1, failed: 0, skipped: 2 },
    { passed: 10, failed: 1, skipped: 0 },
  ]);
  expect(summary(counts)).toBe("11 passed, 1 failed, 2 skipped");
});
