import { expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { commands } from "../../src/commands/index.ts";
import { root } from "../harness/build.ts";
import { testWith } from "../harness/tools.ts";

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

testWith(["fish"], "fish reads its script, and completes commands, flags and choices", () => {
  const offers = (line: string) => {
    const ran = Bun.spawnSync(["fish", "--no-config", "-c", `source; complete -C ${JSON.stringify(line)}`], {
      stdin: Buffer.from(script("fish")),
      cwd: `${root}/proto`,
    });
    expect(ran.stderr.toString()).toBe("");
    return ran.stdout
      .toString()
      .split("\n")
      .map((offer) => offer.split("\t")[0]);
  };
  expect(offers("specta d")).toEqual(["daemon", "dashboard", ""]);
  expect(offers("specta alerts --")).toEqual(["--env", "--help", "--tests", ""]);
  expect(offers("specta completion ")).toEqual(["bash", "fish", "zsh", ""]);
  expect(offers("specta check buf")).toEqual(["buf.gen.yaml", "buf.yaml", ""]);
  expect(offers("specta version buf")).toEqual([""]);
});

/** What zsh writes on its terminal when a line and a tab are typed for the first time after its start. */
const zshTyping = `
zmodload zsh/zpty
zpty shell zsh -f -i
zpty -w shell "PS1=; fpath=($1 $fpath); autoload -Uz compinit; compinit -u -D; bindkey '^I' complete-word; setopt no_beep; PS1='READY> '"
zpty -r -m shell output '*READY> *READY> '
zpty -n -w shell "$2"$'\t\t'
zpty -r -m shell output "*$3*" && print -r -- "$output"
zpty -d shell
`;

testWith(["zsh"], "zsh finds its script among its functions, and completes from the first tab on", () => {
  const folder = mkdtempSync(join(tmpdir(), "specta-zsh-"));
  writeFileSync(join(folder, "_specta"), script("zsh"));
  const type = (line: string, awaited: string) => {
    const command = ["zsh", "-f", "-c", zshTyping, "zsh", folder, line, awaited];
    const ran = Bun.spawnSync(command, { timeout: 20_000, env: { ...process.env, TERM: "dumb" } });
    return ran.stdout.toString();
  };
  expect(Bun.spawnSync(["zsh", "-n", join(folder, "_specta")]).stderr.toString()).toBe("");
  expect(type("specta d", "dashboard")).toContain("daemon");
  expect(type("specta alerts --", "--tests")).toContain("--env");
  rmSync(folder, { recursive: true });
});

test("a shell that is not known is a misuse, with the nearest name", () => {
  const ran = Bun.spawnSync([...specta, "completion", "bsh"]);
  expect(ran.exitCode).toBe(2);
  expect(ran.stderr.toString()).toBe(
    'specta: completion must be for one of bash, fish, zsh: current value is "bsh": did you mean "bash"?\n',
  );
});
