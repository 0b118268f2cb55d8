import { expect, test } from "bun:test";
import { commands } from "../../src/commands/index.ts";
import { root } from "../harness/build.ts";

const specta = [process.execPath, `${root}/src/main.ts`];

function script(shell: string): string {
  return Bun.spawnSync([...specta, "completion", shell]).stdout.toString();
}

/** What bash offers for a line that is being typed. */
function offered(...words: string[]): string[] {
  const ask = `${script("bash")}\nCOMP_WORDS=(${words.map((word) => `'${word}'`).join(" ")}); COMP_CWORD=${words.length - 1}; _specta; printf '%s\\n' "\${COMPREPLY[@]}"`;
  const printed = Bun.spawnSync(["bash", "--norc", "-c", ask], { cwd: `${root}/proto` });
  expect(printed.stderr.toString()).toBe("");
  return printed.stdout.toString().trim().split("\n").sort();
}

test("bash completes commands, flags and files", () => {
  expect(offered("specta", "d")).toEqual(["daemon", "dashboard"]);
  expect(offered("specta", "daemon", "--")).toEqual(["--env", "--help"]);
  expect(offered("specta", "check", "buf")).toEqual(["buf.gen.yaml", "buf.yaml"]);
  expect(offered("specta", "daemon", "--env", "buf.y")).toEqual(["buf.yaml"]);
  expect(offered("specta", "completion", "")).toContain("zsh");
  expect(offered("specta", "version", "buf")).toEqual([""]);
});

test("every shell's script names every command", () => {
  for (const shell of ["bash", "fish", "zsh"]) {
    for (const { name } of commands) expect(script(shell)).toContain(name);
  }
});

test("a shell that is not known is a misuse, with the nearest name", () => {
  const ran = Bun.spawnSync([...specta, "completion", "bsh"]);
  expect(ran.exitCode).toBe(2);
  expect(ran.stderr.toString()).toBe(
    'specta: completion must be for one of bash, fish, zsh: current value is "bsh": did you mean "bash"?\n',
  );
});
