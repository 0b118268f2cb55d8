/**
 * A real PostgreSQL for tests: a cluster of its own in a fresh folder, TCP on loopback alone, no fsync. It survives the
 * death of its processes (which is what tests do to it), not that of the machine.
 */
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { SQL } from "bun";

export interface Postgres {
  readonly port: number;
  /** The address of a database of this cluster, for the superuser `specta`, who can do everything. */
  url(database: string): string;
  /** Makes an empty database and returns its address. */
  create(): Promise<string>;
  /** Runs statements as the superuser in the maintenance database. */
  run(statement: string): Promise<readonly Record<string, unknown>[]>;
  /** Starts the server again after `stop` or `kill`, on the same port, with the same data. */
  start(): Promise<void>;
  /** `fast` ends sessions in good order; `immediate` ends without a checkpoint, so that the next start recovers. */
  stop(mode: "fast" | "immediate"): Promise<void>;
  /** SIGKILL to the server and all its processes. */
  kill(): Promise<void>;
  /** Stops the server and removes its folder. */
  remove(): Promise<void>;
}

export const superuserPassword = "correct-horse-7";

const settings = {
  listen_addresses: "127.0.0.1",
  unix_socket_directories: "",
  max_connections: "60",
  shared_buffers: "16MB",
  fsync: "off",
  full_page_writes: "off",
  synchronous_commit: "on",
  restart_after_crash: "on",
  autovacuum: "off",
  log_line_prefix: "",
  // The line that tells when it is ready must be readable.
  lc_messages: "C",
};

export async function startPostgres(): Promise<Postgres> {
  const bin = binaries();
  const folder = mkdtempSync(join(tmpdir(), "specta-postgres-"));
  const data = join(folder, "data");
  const account = serverAccount();
  if (account) chownSync(folder, account.uid, account.gid);
  const asServer = account
    ? ["setpriv", `--reuid=${account.uid}`, `--regid=${account.gid}`, "--clear-groups", "--"]
    : [];
  const passwordFile = join(folder, "password");
  writeFileSync(passwordFile, superuserPassword);
  if (account) chownSync(passwordFile, account.uid, account.gid);
  await finish([
    ...asServer,
    join(bin, "initdb"),
    ...["--pgdata", data, "--username", "specta", "--pwfile", passwordFile],
    ...["--auth", "scram-sha-256", "--no-sync", "--encoding", "UTF8", "--locale", "C"],
  ]);
  const port = await freePort();
  let server: Bun.Subprocess<"ignore", "ignore", "pipe"> | undefined;
  let databases = 0;

  const postgres: Postgres = {
    port,
    url: (database) => `postgres://specta:${superuserPassword}@127.0.0.1:${port}/${database}`,
    async create() {
      databases += 1;
      const name = `test_${databases}`;
      await postgres.run(`CREATE DATABASE ${name}`);
      return postgres.url(name);
    },
    async run(statement) {
      const sql = new SQL({ url: postgres.url("postgres"), max: 1 });
      try {
        return await sql.unsafe(statement);
      } finally {
        await sql.close({ timeout: 0 });
      }
    },
    async start() {
      const started = Bun.spawn(
        [
          ...asServer,
          join(bin, "postgres"),
          ...["-D", data, "-p", String(port)],
          ...Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`]),
        ],
        { stdin: "ignore", stdout: "ignore", stderr: "pipe", env: { ...process.env, LC_ALL: "C" } },
      );
      server = started;
      await readUntil(started.stderr, "database system is ready to accept connections");
    },
    async stop(mode) {
      server?.kill(mode === "fast" ? "SIGINT" : "SIGQUIT");
      await server?.exited;
      server = undefined;
    },
    async kill() {
      if (!server) return;
      const children = childrenOf(server.pid);
      server.kill("SIGKILL");
      for (const pid of children) signal(pid, "SIGKILL");
      await server.exited;
      rmSync(join(data, "postmaster.pid"), { force: true });
      server = undefined;
    },
    async remove() {
      await postgres.stop("immediate");
      rmSync(folder, { recursive: true, force: true });
    },
  };
  await postgres.start();
  return postgres;
}

/** A port that was free a moment ago. */
export async function freePort(): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  const probe = createServer();
  probe.once("error", reject);
  probe.listen(0, "127.0.0.1", () => {
    const address = probe.address();
    probe.close(() => (typeof address === "object" && address ? resolve(address.port) : reject(new Error("no port"))));
  });
  return promise;
}

function binaries(): string {
  const root = "/usr/lib/postgresql";
  const versions = existsSync(root) ? readdirSync(root) : [];
  const newest = versions.sort((a, b) => Number(a) - Number(b)).at(-1);
  if (newest === undefined) throw new Error(`PostgreSQL must be installed under ${root}: Debian's package postgresql`);
  return join(root, newest, "bin");
}

/** Whom the server runs as: PostgreSQL refuses root. Undefined: ourselves. */
function serverAccount(): { readonly uid: number; readonly gid: number } | undefined {
  if (userInfo().uid !== 0) return undefined;
  for (const name of ["postgres", "nobody"]) {
    const entry = Bun.spawnSync(["getent", "passwd", name]).stdout.toString().trim().split(":");
    if (entry.length > 3) return { uid: Number(entry[2]), gid: Number(entry[3]) };
  }
  throw new Error("PostgreSQL refuses root, and there is no user postgres or nobody to run it as");
}

async function finish(command: readonly string[]): Promise<void> {
  const process = Bun.spawn([...command], { stdin: "ignore", stdout: "pipe", stderr: "pipe" });
  const [out, err] = await Promise.all([process.stdout.text(), process.stderr.text()]);
  if ((await process.exited) !== 0) throw new Error(`${command.join(" ")} failed:\n${out}${err}`);
}

/** Resolves when the text has been written, throws with all that was written when the stream ends without it. */
async function readUntil(stream: ReadableStream<Uint8Array>, text: string): Promise<void> {
  const decoder = new TextDecoder();
  const reader = stream.getReader();
  let seen = "";
  while (!seen.includes(text)) {
    const { done, value } = await reader.read();
    if (done) throw new Error(`PostgreSQL did not start:\n${seen}`);
    seen += decoder.decode(value, { stream: true });
  }
  // Goes on reading in the background: a full pipe would stop the server.
  const drain = async (): Promise<void> => {
    while (!(await reader.read()).done);
  };
  void drain();
}

function childrenOf(pid: number): readonly number[] {
  const listed = Bun.spawnSync(["ps", "-o", "pid=", "--ppid", String(pid)]).stdout.toString();
  return listed.split(/\s+/).filter(Boolean).map(Number);
}

function signal(pid: number, name: "SIGKILL"): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    // It had ended already.
    if (!(error instanceof Error && "code" in error && error.code === "ESRCH")) throw error;
  }
}
