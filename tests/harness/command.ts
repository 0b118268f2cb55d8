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
  /** It is killed after that long, and has no exit code then; left out: it may take its time. */
  readonly timeoutMs?: number;
}

export async function run(command: readonly string[], { env = {}, cwd, timeoutMs }: RunOptions = {}): Promise<Ran> {
  const child = Bun.spawn([...command], {
    env,
    ...(cwd && { cwd }),
    ...(timeoutMs !== undefined && { timeout: timeoutMs, killSignal: "SIGKILL" }),
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  const [stdout, stderr] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
  await child.exited;
  return { code: child.exitCode, stdout, stderr };
}
