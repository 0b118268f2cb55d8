/** Limits of what specta writes: lines that wait for a reader, and long values in them. */
import { expect, test } from "bun:test";
import { join } from "node:path";
import { maxLogValueChars, maxPendingLogBytes } from "../../../src/base/limits.ts";
import { root } from "../../harness/build.ts";

const lineBytes = 1024;

/** A program that logs so many lines at once, says so on stderr, and ends when its stdin does. */
const program = `
import { createLog } from "${join(root, "src/base/log.ts")}";
const log = createLog("info");
for (let line = 0; line < Number(process.argv[1]); line += 1) log.info("x".repeat(${lineBytes}));
console.error("written");
await Bun.stdin.text();
log.info("last");
await log.flush();
`;

/** Nobody reads the program's log before its stdin has ended: Bun itself would read a child's output ahead. */
const pipeline = '{ "$0" -e "$1" "$2" <&3 | { cat <&3 >&2; exec cat; }; } 3<&0';

/** Starts it, has nothing of its log read until it has written all, and gives the log's messages in the end. */
async function messages(lines: number): Promise<readonly string[]> {
  const child = Bun.spawn(["sh", "-c", pipeline, process.execPath, program, String(lines)], {
    stdin: "pipe",
    stdout: "pipe",
    stderr: "pipe",
  });
  const told = child.stderr.getReader();
  expect(new TextDecoder().decode((await told.read()).value)).toBe("written\n");
  child.stdin.end();
  const text = await new Response(child.stdout).text();
  expect(await child.exited).toBe(0);
  return text
    .trimEnd()
    .split("\n")
    .map((line) => {
      const parsed: unknown = JSON.parse(line);
      const { message, lines: dropped = "" } = parsed as { message: string; lines?: string };
      return message.startsWith("x") ? "x" : `${message} ${dropped}`.trimEnd();
    });
}

test("lines that wait for a reader are bounded: the rest is dropped, and one line has their number", async () => {
  const amount = 5000;
  const all = await messages(amount);
  const passed = all.filter((message) => message === "x").length;
  const dropped = all.flatMap((message) =>
    message.startsWith("log lines were dropped") ? [message.split(" ").at(-1)] : [],
  );
  // The last line is dropped, too, when the reader has not caught up by then.
  const last = all.includes("last") ? 1 : 0;
  expect(dropped).toEqual([String(amount + 1 - passed - last)]);
  // What waits, and what the pipe and the reader's own buffers hold; all lines together are five times as much.
  expect(passed * lineBytes).toBeLessThan(maxPendingLogBytes * 2);
  expect(passed * lineBytes).toBeGreaterThan(maxPendingLogBytes / 2);
});

test("control: fewer lines are all there", async () => {
  expect(await messages(500)).toEqual([...new Array<string>(500).fill("x"), "last"]);
});

test("a value in a log line is cut where it is too long", () => {
  const script = `
    import { createLog } from "${join(root, "src/base/log.ts")}";
    const log = createLog("info");
    for (const size of [${maxLogValueChars}, ${maxLogValueChars} + 1]) log.info("sized", { value: "v".repeat(size) });
    await log.flush();`;
  const { stdout } = Bun.spawnSync([process.execPath, "-e", script]);
  const values = stdout
    .toString()
    .trimEnd()
    .split("\n")
    .map((line) => (JSON.parse(line) as { value: string }).value);
  expect(values).toEqual(["v".repeat(maxLogValueChars), `${"v".repeat(maxLogValueChars)}…`]);
});
