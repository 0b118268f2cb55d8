/** What is measured: each peer is a process on the server's core, with what it takes in each column. */
import { join } from "node:path";
import { startDaemon } from "../harness/daemon.ts";
import { freePort } from "../harness/readme.ts";
import { tool } from "../harness/tools.ts";
import { bodies, type Column, text } from "./bodies.ts";
import { serverCore, type Target } from "./wrk.ts";

export interface Peer extends AsyncDisposable {
  readonly name: string;
  /** Where and what to post for a column; undefined when the peer has no such thing. */
  target(column: Column): Target | undefined;
}

const path = "/metrics.API/Histogram";
const pinned = ["taskset", "-c", serverCore];

export const quiet = { SPECTA_LOG_LEVEL: "info" } as const;

/** `sharesCores`: on any core, beside the load. */
export async function startSpecta(binary: string, threads = 1, sharesCores = false): Promise<Peer> {
  const env = { ...quiet, SPECTA_HTTP_THREADS: String(threads) };
  const daemon = await startDaemon({ binary, env, prefix: sharesCores ? [] : pinned });
  return {
    name: threads === 1 ? "specta" : `specta, ${threads} threads`,
    target: (column) => ({ url: daemon.url + path, ...bodies[column] }),
    [Symbol.asyncDispose]: () => daemon.kill(),
  };
}

export async function startEcho(): Promise<Peer> {
  const { ports, stop } = await startScript("echo.ts");
  const [textPort, bytesPort] = ports;
  return {
    name: "echo",
    target: (column) => {
      const port = column.startsWith("JSON") ? textPort : bytesPort;
      return { url: `http://127.0.0.1:${port}${path}`, ...bodies[column] };
    },
    [Symbol.asyncDispose]: stop,
  };
}

export async function startConnect(): Promise<Peer> {
  const { ports, stop } = await startScript("connect.ts");
  return {
    name: "connect-es on Bun",
    // It has no rules that an action could break.
    target: (column) => {
      return column.endsWith("bad") ? undefined : { url: `http://127.0.0.1:${ports[0]}${path}`, ...bodies[column] };
    },
    [Symbol.asyncDispose]: stop,
  };
}

/** A push replaces the last one of its group. */
export async function startPushgateway(): Promise<Peer> {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const stop = await startCommand(
    [tool("pushgateway"), `--web.listen-address=127.0.0.1:${port}`],
    {},
    `${url}/-/ready`,
  );
  const pushes: Partial<Record<Column, Target>> = {
    "JSON, 1": { url: `${url}/metrics/job/bench`, ...text(1) },
    "JSON, 100": { url: `${url}/metrics/job/bench`, ...text(100) },
  };
  return {
    name: "Pushgateway (text)",
    target: (column) => pushes[column],
    [Symbol.asyncDispose]: stop,
  };
}

/** The service that specta replaces, from its binary. It speaks Twirp. */
export async function startReference(binary: string): Promise<Peer> {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const env = {
    SPECTA_ENVIRONMENT: "development",
    SPECTA_GITHUB_TOKEN: "none",
    SPECTA_HTTP_HOST: "127.0.0.1",
    SPECTA_HTTP_PORT: String(port),
    SPECTA_LOG_LEVEL: "error",
  };
  const stop = await startCommand([binary, "daemon"], env, url);
  return {
    name: "the reference",
    target(column) {
      const { contentType, bytes } = bodies[column];
      const type = contentType === "application/proto" ? "application/protobuf" : contentType;
      return { url: url + path, contentType: type, bytes };
    },
    [Symbol.asyncDispose]: stop,
  };
}

/** A script that prints its ports in one line. */
async function startScript(file: string) {
  const command = [...pinned, process.execPath, join(import.meta.dir, file)];
  const child = Bun.spawn(command, {
    stdout: "pipe",
    stderr: "inherit",
    env: { PATH: process.env.PATH, NODE_ENV: "production" },
  });
  const { value = "" } = await child.stdout.pipeThrough(new TextDecoderStream()).getReader().read();
  return { ports: value.trim().split(" "), stop: () => end(child) };
}

async function startCommand(command: readonly string[], env: Record<string, string>, readyUrl: string) {
  const options = { env: { PATH: process.env.PATH, ...env }, stdout: "ignore", stderr: "ignore" } as const;
  const child = Bun.spawn([...pinned, ...command], options);
  while (!(await isReady(readyUrl))) {
    if (child.exitCode !== null) throw new Error(`${command[0]} ended with ${child.exitCode}`);
    await Bun.sleep(20);
  }
  return () => end(child);
}

async function isReady(url: string): Promise<boolean> {
  try {
    return (await fetch(url)).ok;
  } catch {
    return false;
  }
}

async function end(child: Bun.Subprocess): Promise<void> {
  child.kill();
  await child.exited;
}
