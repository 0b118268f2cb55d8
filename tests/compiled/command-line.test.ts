/** The command line of the compiled binary: texts to the letter, exit codes, and what a typing error gets. */
import { expect, test } from "bun:test";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { compiled, root } from "../harness/build.ts";
import { run } from "../harness/command.ts";

function specta(...args: string[]) {
  return run([compiled(), ...args]);
}

function golden(name: string): string {
  return readFileSync(join(root, "tests/golden", `${name}.txt`), "utf8");
}

function printed(text: string) {
  return { code: 0, stdout: text, stderr: "" };
}

const commands = readdirSync(join(root, "tests/golden")).flatMap((name) => /^help-(.+)\.txt$/.exec(name)?.[1] ?? []);

test.each(["", "-h", "--help", "help", "help help", "help --help"])("'specta %s' prints the help", async (args) => {
  expect(await specta(...args.split(" ").filter(Boolean))).toEqual(printed(golden("help")));
});

test("the help lists the commands whose own help is known, in alphabetical order", () => {
  const listed = [...golden("help").matchAll(/^ {2}(\w+) {2,}\w/gm)].map(([, name]) => name);
  expect(listed).toEqual(commands.sort());
});

test.each(commands)("specta %s has its own help", async (name) => {
  const help = printed(golden(`help-${name}`));
  expect(await specta(name, "--help")).toEqual(help);
  expect(await specta(name, "-h")).toEqual(help);
  expect(await specta("help", name)).toEqual(help);
});

test("specta version prints the facts of the build", async () => {
  const arch = process.arch === "arm64" ? "arm64" : "amd64";
  expect(await specta("version")).toEqual(printed(golden("version").replace("amd64", arch)));
});

const misuses: readonly (readonly [args: readonly string[], ...says: readonly string[]])[] = [
  [["deamon"], '"deamon"', '"daemon"'],
  [["versoin"], '"versoin"', '"version"'],
  [["hepl"], '"hepl"', '"help"'],
  [["help", "chekc"], '"chekc"', '"check"'],
  [["--hlep"], '"--hlep"', '"--help"'],
  [["daemon", "--environment", "x"], '"--environment"', '"--env"'],
  [["daemon", "--evn", "x"], '"--evn"', '"--env"'],
  [["daemon", "--evn=x"], '"--evn"', '"--env"'],
  [["daemon", "--env"], "--env"],
  [["daemon", "more"], '"more"'],
  [["version", "more"], '"more"'],
  [["version", "--env", "x"], '"--env"'],
  [["check", "one.yaml", "two.yaml"], '"two.yaml"'],
  [["zzzzzzzz"], '"zzzzzzzz"', "--help"],
];

test.each(misuses)("%j is a misuse: one line on stderr, exit code 2", async (args, ...says) => {
  const { code, stdout, stderr } = await specta(...args);
  expect(stderr.trimEnd().split("\n")).toHaveLength(1);
  for (const part of says) expect(stderr).toContain(part);
  expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
});

/** The exit codes of both ends of a pipe, and what the writer complains about. */
function pipedTo(args: string, reader: string) {
  const command = `"$0" ${args} ${reader}; echo "\${PIPESTATUS[0]}" >&2`;
  return run(["bash", "-c", command, compiled()], {
    env: { PATH: process.env.PATH ?? "", SPECTA_ENVIRONMENT: "testing" },
  });
}

const printing = [
  "help",
  "check --help",
  "version",
  "completion bash",
  "check",
  "dashboard",
  "alerts",
  "alerts --tests",
];

test.each(printing)("'specta %s' tells in one line that stdout cannot be written, exit code 1", async (args) => {
  const { stderr } = await pipedTo(args, "> /dev/full");
  expect(stderr).toBe("specta: stdout must take what is printed: ENOSPC: no space left on device, write\n1\n");
});

test.each(printing)("'specta %s' is silent when its reader is gone", async (args) => {
  const { stderr } = await pipedTo(args, '| sh -c "exec <&-"');
  expect(["0\n", "1\n"]).toContain(stderr);
});

test("what is longer than a pipe holds reaches a reader that is slow, whole", async () => {
  const folder = mkdtempSync(join(tmpdir(), "specta-command-line-"));
  const file = join(folder, "many.yaml");
  const metrics = Array.from({ length: 60 }, (_, index) => [`metric_${index}`, { kind: "gauge", help: "a number" }]);
  writeFileSync(file, JSON.stringify({ metrics: Object.fromEntries(metrics) }));
  const { stdout } = await pipedTo(`dashboard ${file}`, "| (sleep 0.05; cat)");
  rmSync(folder, { recursive: true });
  expect(JSON.parse(stdout)).toMatchObject({ uid: "specta" });
  expect(stdout.length).toBeGreaterThan(65_536);
});
