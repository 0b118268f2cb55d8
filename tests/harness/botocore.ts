/** Another client of AWS than the one that specta uses: botocore, in a Python environment of its own. */
import { existsSync, renameSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { tool } from "./tools.ts";

const version = "1.44.5";

/** Runs a script with botocore there and gives what it prints. @throws with what it says when it fails. */
export async function runWithBotocore(
  script: string,
  args: readonly string[],
  variables: Readonly<Record<string, string>>,
): Promise<string> {
  const python = await environment();
  return await run([python, script, ...args], { PATH: process.env.PATH ?? "", ...variables });
}

/** The Python of an environment that has botocore; made once and kept among the temporary files. */
async function environment(): Promise<string> {
  const folder = join(tmpdir(), `specta-botocore-${version}`);
  const python = join(folder, "bin", "python");
  const marker = join(folder, "complete");
  if (existsSync(marker)) return python;
  rmSync(folder, { recursive: true, force: true });
  await run([tool("python3"), "-m", "venv", folder], process.env);
  await run([python, "-m", "pip", "install", "--quiet", `botocore==${version}`], process.env);
  await Bun.write(`${marker}.new`, "");
  renameSync(`${marker}.new`, marker);
  return python;
}

async function run(command: string[], env: Readonly<Record<string, string | undefined>>): Promise<string> {
  const process = Bun.spawn(command, { env: { ...env }, stdout: "pipe", stderr: "pipe" });
  const [stdout, stderr, code] = await Promise.all([
    new Response(process.stdout).text(),
    new Response(process.stderr).text(),
    process.exited,
  ]);
  if (code !== 0) throw new Error(`${command.join(" ")} exited with ${code}: ${stderr}${stdout}`);
  return stdout;
}
