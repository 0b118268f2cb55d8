/**
 * The commands of a page that its readers copy, and what they print. A fence is run when a comment stands in front of it:
 *
 *   <!-- run -->              the commands must end with exit code 0
 *   <!-- run: background -->  the command stays, and the next fence waits until it says that its server accepts calls;
 *                             one that stays already is ended first, as with Ctrl-C
 *   <!-- prints -->           no commands: each line of this fence must be a line of what the fence run before it printed
 */
import { createServer } from "node:net";
import { LineLog } from "./lines.ts";

export interface Block {
  readonly kind: "run" | "background" | "prints";
  readonly text: string;
  /** Of the comment, from 1. */
  readonly line: number;
}

const kinds: Readonly<Record<string, Block["kind"]>> = {
  run: "run",
  "run: background": "background",
  prints: "prints",
};

/** The marked fences in their order. @throws when a comment is none of the three or no fence follows it. */
export function blocks(markdown: string): Block[] {
  const found: Block[] = [];
  for (const match of markdown.matchAll(/^<!-- ((?:run|prints)\b[^\n]*) -->\n+(?:```\w*\n([\s\S]*?)^```$)?/gm)) {
    const line = markdown.slice(0, match.index).split("\n").length;
    const kind = kinds[match[1]!];
    if (kind === undefined)
      throw new Error(`line ${line}: the comment must be one of ${Object.keys(kinds).join(", ")}`);
    if (match[2] === undefined) throw new Error(`line ${line}: a fence must follow the comment`);
    found.push({ kind, text: match[2], line });
  }
  return found;
}

/** A port that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === "string") throw new Error("a listening socket has no port");
  return address.port;
}

/**
 * Runs the blocks in a folder, one after the other, with bash. What stays in the background ends with the last.
 * @throws with the block's line and output when one fails.
 */
export async function runBlocks(
  all: readonly Block[],
  cwd: string,
  env: Readonly<Record<string, string>>,
): Promise<void> {
  let background: Bun.Subprocess<"ignore", "pipe", "inherit"> | undefined;
  const end = async () => {
    if (background?.exitCode === null) process.kill(-background.pid, "SIGTERM");
    await background?.exited;
    background = undefined;
  };
  let output = "";
  try {
    for (const { kind, text, line } of all) {
      if (kind === "prints") {
        const printed = output.split("\n").map((one) => one.trimEnd());
        for (const one of text.trimEnd().split("\n")) {
          if (!printed.includes(one)) throw new Error(`line ${line}: this line was not printed: ${one}\n${output}`);
        }
        continue;
      }
      const command = ["bash", "-euo", "pipefail", "-c", text];
      if (kind === "run") {
        const ran = Bun.spawnSync(command, { cwd, env, stdin: "ignore" });
        output = `${ran.stdout}${ran.stderr}`;
        if (ran.exitCode !== 0) throw new Error(`line ${line}: exit code ${ran.exitCode}\n${text}\n${output}`);
        continue;
      }
      await end();
      // A process group of its own, so that what the command starts ends with it.
      background = Bun.spawn(command, {
        cwd,
        env,
        stdin: "ignore",
        stdout: "pipe",
        stderr: "inherit",
        detached: true,
      });
      await new LineLog(background.stdout).find(
        ({ message }) => message === "server is accepting calls",
        `of line ${line}`,
      );
    }
  } finally {
    await end();
  }
}
