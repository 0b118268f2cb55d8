/** Python with one package of PyPI, in an environment of its own: other people's code, to hold ours against. */
import { existsSync, renameSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { tool } from "./tools.ts";

export interface PythonPackage {
  readonly name: string;
  readonly version: string;
}

export interface PythonRun {
  readonly args?: readonly string[];
  /** Variables beside PATH. */
  readonly variables?: Readonly<Record<string, string>>;
  /** What it reads on stdin. */
  readonly input?: string;
}

/** Runs a script there and gives what it prints. @throws with what it says when it fails. */
export async function runPython(
  wanted: PythonPackage,
  script: string,
  { args = [], variables = {}, input = "" }: PythonRun = {},
): Promise<string> {
  const python = await environment(wanted);
  return await run([python, script, ...args], { PATH: process.env.PATH ?? "", ...variables }, input);
}

/** The Python of an environment that has the package; made once and kept among the temporary files. */
async function environment({ name, version }: PythonPackage): Promise<string> {
  const folder = join(tmpdir(), `specta-${name}-${version}`);
  const python = join(folder, "bin", "python");
  const marker = join(folder, "complete");
  if (existsSync(marker)) return python;
  rmSync(folder, { recursive: true, force: true });
  await run([tool("python3"), "-m", "venv", folder], process.env);
  await run([python, "-m", "pip", "install", "--quiet", `${name}==${version}`], process.env);
  await Bun.write(`${marker}.new`, "");
  renameSync(`${marker}.new`, marker);
  return python;
}

async function run(command: string[], env: Readonly<Record<string, string | undefined>>, input = ""): Promise<string> {
  const child = Bun.spawn(command, { env: { ...env }, stdin: new Blob([input]), stdout: "pipe", stderr: "pipe" });
  const [stdout, stderr, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  if (code !== 0) throw new Error(`${command.join(" ")} exited with ${code}: ${stderr}${stdout}`);
  return stdout;
}
