/** Starts specta's daemon, from its sources or compiled, on a port of its own, and ends it however the test ends. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { root } from "./build.ts";
import { Exposition } from "./exposition.ts";
import { LineLog, type LogLine } from "./lines.ts";

export interface DaemonOptions {
  /** Variables beside `SPECTA_ENVIRONMENT=testing`, `SPECTA_HTTP_PORT=0` and PATH; undefined takes one away. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** The text of a configuration file; left out: the embedded default. */
  readonly config?: string;
  /** The compiled binary; left out: the sources, run by Bun. */
  readonly binary?: string;
  /** What stands in front of the command, to change user or limits. */
  readonly prefix?: readonly string[];
  /** The working folder; left out: a new one under the system's temporary folder. */
  readonly cwd?: string;
  /** Arguments after `daemon`. */
  readonly args?: readonly string[];
}

export interface Exit {
  /** The exit code; null when a signal ended it. */
  readonly code: number | null;
  readonly signal: NodeJS.Signals | number | null;
}

const running = new Set<Bun.Subprocess>();
process.on("exit", () => {
  for (const child of running) child.kill("SIGKILL");
});

/** A daemon that was spawned; `Daemon.url` waits for no one: use `startDaemon` for one that listens. */
export class Daemon implements AsyncDisposable {
  readonly log: LineLog;
  readonly exited: Promise<Exit>;
  /** A folder of its own, holding its configuration. */
  readonly folder: string;
  readonly #child: Bun.Subprocess<"ignore", "pipe", "pipe">;
  readonly #stderr: Promise<string>;
  #url = "";

  constructor({ env = {}, config, binary, prefix = [], cwd, args = [] }: DaemonOptions = {}) {
    this.folder = mkdtempSync(join(tmpdir(), "specta-daemon-"));
    const variables: Record<string, string | undefined> = {
      PATH: process.env.PATH,
      SPECTA_ENVIRONMENT: "testing",
      SPECTA_HTTP_PORT: "0",
    };
    if (config !== undefined) {
      variables.SPECTA_CONFIG = join(this.folder, "specta.yaml");
      writeFileSync(variables.SPECTA_CONFIG, config);
    }
    const command = binary === undefined ? [process.execPath, join(root, "src/main.ts")] : [binary];
    this.#child = Bun.spawn([...prefix, ...command, "daemon", ...args], {
      cwd: cwd ?? this.folder,
      env: { ...variables, ...env },
      stdin: "ignore",
      stdout: "pipe",
      stderr: "pipe",
    });
    running.add(this.#child);
    this.log = new LineLog(this.#child.stdout);
    this.#stderr = new Response(this.#child.stderr).text();
    this.exited = this.#child.exited.then(() => {
      running.delete(this.#child);
      rmSync(this.folder, { recursive: true, force: true });
      return { code: this.#child.exitCode, signal: this.#child.signalCode };
    });
  }

  get pid(): number {
    return this.#child.pid;
  }

  /** `http://127.0.0.1:41234`, once it listens. */
  get url(): string {
    return this.#url;
  }

  /** Waits until the server accepts calls. @throws with all output when the daemon ends instead. */
  async listening(): Promise<this> {
    const line = await Promise.race([this.line("server is accepting calls"), this.exited]);
    if ("code" in line) {
      throw new Error(`the daemon ended (${line.code ?? line.signal}): ${await this.stderr()}${await this.stdout()}`);
    }
    this.#url = `http://${line.address}`;
    return this;
  }

  /** The next log line, from the first on, with that message and those keys. @throws when the output ends without it. */
  line(message: string, keys: Readonly<Record<string, string>> = {}): Promise<LogLine> {
    return this.log.find(
      (line) => line.message === message && Object.entries(keys).every(([key, value]) => line[key] === value),
      `${JSON.stringify(message)} ${JSON.stringify(keys)}`,
    );
  }

  /** The log lines so far. */
  get logs(): readonly LogLine[] {
    return this.log.lines;
  }

  /** All of stdout, once the process has ended. */
  async stdout(): Promise<string> {
    await this.log.ended;
    return this.log.text;
  }

  /** All of stderr, once the process has ended. */
  stderr(): Promise<string> {
    return this.#stderr;
  }

  signal(signal: "SIGTERM" | "SIGINT" | "SIGHUP" | "SIGSTOP" | "SIGCONT"): void {
    this.#child.kill(signal);
  }

  /** Sends SIGTERM and waits for the end. */
  async stop(): Promise<Exit> {
    this.signal("SIGTERM");
    return this.exited;
  }

  /** Ends it at once. */
  async kill(): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.exited;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.kill();
  }
}

/** A daemon that accepts calls. `await using daemon = await startDaemon()` ends it with the block. */
export async function startDaemon(options: DaemonOptions = {}): Promise<Daemon> {
  const daemon = new Daemon(options);
  try {
    return await daemon.listening();
  } catch (error) {
    await daemon.kill();
    throw error;
  }
}

export interface Action {
  readonly metric: string;
  readonly number?: number;
  readonly labels?: Readonly<Record<string, string>>;
}

/** Pushes actions as JSON, the way the README's curl does. */
export function push(
  url: string,
  method: "Counter" | "Gauge" | "Histogram",
  action: readonly Action[],
  headers: Readonly<Record<string, string>> = {},
): Promise<Response> {
  return fetch(`${url}/metrics.API/${method}`, {
    method: "POST",
    headers: { "Content-Type": "application/json", ...headers },
    body: JSON.stringify({ action }),
  });
}

/** Reads `/metrics`. @throws when it is not 200 or breaks the format. */
export async function scrape(url: string, headers: Readonly<Record<string, string>> = {}): Promise<Exposition> {
  const answer = await fetch(`${url}/metrics`, { headers });
  if (answer.status !== 200) throw new Error(`/metrics answered ${answer.status}: ${await answer.text()}`);
  return new Exposition(await answer.text());
}
