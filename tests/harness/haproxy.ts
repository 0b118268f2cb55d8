/** A real HAProxy in front of replicas on this machine, which it asks at `/` whether they want requests. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { replicaHeader } from "./load.ts";
import { freePort } from "./readme.ts";
import { tool } from "./tools.ts";

/** How often each replica is asked (ms). One wrong answer turns it away, one right answer lets it in again. */
export const checkMs = 100;

const pollMs = 10;

export class Haproxy implements AsyncDisposable {
  readonly port: number;
  readonly #child: Bun.Subprocess;
  readonly #folder: string;
  readonly #statsUrl: string;

  private constructor(child: Bun.Subprocess, folder: string, port: number, statsPort: number) {
    this.#child = child;
    this.#folder = folder;
    this.port = port;
    this.#statsUrl = `http://127.0.0.1:${statsPort}/;csv`;
  }

  /**
   * Waits until it listens. `replicas`: their ports by name. It tries no request twice, so that whoever refuses one is
   * seen by the client.
   */
  static async start(replicas: Readonly<Record<string, number>>): Promise<Haproxy> {
    const folder = mkdtempSync(join(tmpdir(), "specta-haproxy-"));
    const [port, statsPort] = [await freePort(), await freePort()];
    const servers = Object.entries(replicas).map(
      ([name, target]) => `  server ${name} 127.0.0.1:${target} check inter ${checkMs}ms fall 1 rise 1`,
    );
    const config = `
global
  stats timeout 10s
defaults
  mode http
  timeout connect 1s
  timeout client 30s
  timeout server 30s
  timeout check 1s
  retries 0
frontend clients
  bind 127.0.0.1:${port}
  default_backend specta
backend specta
  balance roundrobin
  option httpchk GET /
  http-check expect status 200
  http-response set-header ${replicaHeader} %s
${servers.join("\n")}
frontend stats
  bind 127.0.0.1:${statsPort}
  stats enable
  stats uri /
`;
    const file = join(folder, "haproxy.cfg");
    writeFileSync(file, config);
    const child = Bun.spawn([tool("haproxy"), "-q", "-db", "-f", file], {
      cwd: folder,
      stdin: "ignore",
      stdout: "ignore",
      stderr: "inherit",
    });
    const haproxy = new Haproxy(child, folder, port, statsPort);
    try {
      await haproxy.#until(async () => (await haproxy.#states()).size > 0, "it to listen");
      return haproxy;
    } catch (error) {
      await haproxy[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Resolves when a replica is let in, or turned away. */
  async sees(replica: string, state: "UP" | "DOWN"): Promise<void> {
    await this.#until(
      async () => (await this.#states()).get(replica)?.startsWith(state) === true,
      `${replica} ${state}`,
    );
  }

  /** What it thinks of each replica: `UP`, `DOWN`, or on the way from one to the other. */
  async #states(): Promise<Map<string, string>> {
    const states = new Map<string, string>();
    const answer = await fetch(this.#statsUrl).catch(() => undefined);
    const [head = "", ...rows] = (await answer?.text())?.split("\n") ?? [];
    const columns = head.replace("# ", "").split(",");
    for (const row of rows) {
      const cells = row.split(",");
      const cell = (name: string) => cells[columns.indexOf(name)] ?? "";
      if (cell("pxname") === "specta" && cell("svname") !== "BACKEND") states.set(cell("svname"), cell("status"));
    }
    return states;
  }

  async #until(isThere: () => Promise<boolean>, what: string): Promise<void> {
    while (!(await isThere())) {
      if (this.#child.exitCode !== null) throw new Error(`haproxy ended (${this.#child.exitCode}) in front of ${what}`);
      await Bun.sleep(pollMs);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#child.exited;
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
