/** Runs a command to its end. */

export interface Ran {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  /** All the variables it sees. */
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
}

export async function run(command: readonly string[], { env = {}, cwd }: RunOptions = {}): Promise<Ran> {
  const child = Bun.spawn([...command], { env, ...(cwd && { cwd }), stdin: "ignore", stdout: "pipe", stderr: "pipe" });
  const [stdout, stderr] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
  await child.exited;
  return { code: child.exitCode, stdout, stderr };
}
