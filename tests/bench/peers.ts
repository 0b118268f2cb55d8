/** What is measured: each peer is a process pinned to the server's core, with the bodies that it takes. */
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startDaemon } from "../harness/daemon.ts";
import { freePort } from "../harness/readme.ts";
import { tool } from "../harness/tools.ts";
import { actionFields, input } from "../harness/wire.ts";

export const serverCore = "0";
export const loadCore = "1";
export const metric = "page_ready_duration_seconds";

export const columns = ["JSON, 1", "JSON, 100", "protobuf, 1", "protobuf, 100", "JSON, 100, last bad"] as const;
export type Column = (typeof columns)[number];

export interface Peer extends AsyncDisposable {
  readonly name: string;
  readonly pid: number;
  /** Where and what to post for a column; undefined when the peer has no such thing. */
  target(column: Column): Target | undefined;
}

export interface Target {
  readonly url: string;
  readonly contentType: string;
  readonly body: Uint8Array;
}

const pinned = ["taskset", "-c", serverCore];

function action(index: number) {
  return { metric, labels: { page: "root" }, number: (index + 1) / 100 };
}

/** `last` changes the last action. */
function json(count: number, last: object = {}): Uint8Array {
  const list = Array.from({ length: count }, (_, index) => action(index));
  return new TextEncoder().encode(JSON.stringify({ action: [...list.slice(0, -1), { ...list.at(-1), ...last }] }));
}

function proto(count: number): Uint8Array {
  return input(
    ...Array.from({ length: count }, (_, index) => actionFields(metric, (index + 1) / 100, { page: "root" })),
  );
}

const pushes: Readonly<Record<Column, Omit<Target, "url">>> = {
  "JSON, 1": { contentType: "application/json", body: json(1) },
  "JSON, 100": { contentType: "application/json", body: json(100) },
  "protobuf, 1": { contentType: "application/proto", body: proto(1) },
  "protobuf, 100": { contentType: "application/proto", body: proto(100) },
  "JSON, 100, last bad": { contentType: "application/json", body: json(100, { labels: { page: "rot" } }) },
};

export async function startSpecta(binary: string, threads: number, config?: string): Promise<Peer> {
  const env = { SPECTA_LOG_LEVEL: "info", SPECTA_HTTP_THREADS: String(threads) };
  // Two threads share both cores with the load.
  const prefix = threads === 1 ? pinned : [];
  const daemon = await startDaemon({ binary, prefix, env, ...(config === undefined ? {} : { config }) });
  return {
    name: threads === 1 ? "specta" : `specta, ${threads} threads`,
    pid: daemon.pid,
    target: (column) => ({ url: `${daemon.url}/metrics.API/Histogram`, ...pushes[column] }),
    [Symbol.asyncDispose]: () => daemon.kill(),
  };
}

/** A script run by Bun that prints its port. */
export async function startScript(name: string, file: string, argument: string): Promise<Peer> {
  const command = [...pinned, process.execPath, join(import.meta.dir, file), argument];
  const child = Bun.spawn(command, { stdout: "pipe", stderr: "inherit" });
  const { value } = await child.stdout.pipeThrough(new TextDecoderStream()).getReader().read();
  const url = `http://127.0.0.1:${Number(value)}/metrics.API/Histogram`;
  return {
    name,
    pid: child.pid,
    target: (column) =>
      name.startsWith("connect-es") && column.includes("bad") ? undefined : { url, ...pushes[column] },
    async [Symbol.asyncDispose]() {
      child.kill();
      await child.exited;
    },
  };
}

/** The Pushgateway takes the text format; a push replaces the last one of its group. */
export async function startPushgateway(): Promise<Peer> {
  const port = await freePort();
  const child = Bun.spawn([...pinned, tool("pushgateway"), `--web.listen-address=127.0.0.1:${port}`], {
    stdout: "ignore",
    stderr: "ignore",
  });
  const text = (count: number) =>
    new TextEncoder().encode(
      `# TYPE pushed gauge\n${Array.from({ length: count }, (_, n) => `pushed{n="${n}"} ${n}\n`).join("")}`,
    );
  const bodies: Partial<Record<Column, Uint8Array>> = { "JSON, 1": text(1), "JSON, 100": text(100) };
  const url = `http://127.0.0.1:${port}/metrics/job/bench`;
  while (
    !(await fetch(`http://127.0.0.1:${port}/-/ready`).then(
      (answer) => answer.ok,
      () => false,
    ))
  )
    await Bun.sleep(20);
  return {
    name: "Pushgateway (its text format)",
    pid: child.pid,
    target(column) {
      const body = bodies[column];
      return body === undefined ? undefined : { url, contentType: "text/plain", body };
    },
    async [Symbol.asyncDispose]() {
      child.kill();
      await child.exited;
    },
  };
}

/** The reference, when there is one to measure. */
export async function startReference(binary: string): Promise<Peer> {
  const port = await freePort();
  const env = {
    ...process.env,
    SPECTA_ENVIRONMENT: "testing",
    SPECTA_HTTP_HOST: "127.0.0.1",
    SPECTA_HTTP_PORT: String(port),
  };
  const child = Bun.spawn([...pinned, binary, "daemon"], { env, stdout: "ignore", stderr: "ignore" });
  const url = `http://127.0.0.1:${port}`;
  while (
    !(await fetch(url).then(
      (answer) => answer.ok,
      () => false,
    ))
  )
    await Bun.sleep(20);
  return {
    name: "the reference",
    pid: child.pid,
    target(column) {
      const push = pushes[column];
      const contentType = push.contentType === "application/proto" ? "application/protobuf" : push.contentType;
      return { url: `${url}/metrics.API/Histogram`, ...push, contentType };
    },
    async [Symbol.asyncDispose]() {
      child.kill();
      await child.exited;
    },
  };
}

const folder = mkdtempSync(join(tmpdir(), "specta-bench-"));

/** Requests a second of a target under wrk on the other core; undefined where the peer has no such column. */
export function load(target: Target, seconds: number, connections = 32) {
  const body = join(folder, "body");
  writeFileSync(body, target.body);
  const script = join(folder, "post.lua");
  const lua = [
    'wrk.method = "POST"',
    `wrk.headers["Content-Type"] = "${target.contentType}"`,
    `local file = io.open("${body}", "rb")`,
    'wrk.body = file:read("*a")',
    "file:close()",
  ];
  writeFileSync(script, lua.join("\n"));
  const options = ["-t1", `-c${connections}`, `-d${seconds}s`, "--latency", "-s", script, target.url];
  const ran = Bun.spawnSync(["taskset", "-c", loadCore, tool("wrk"), ...options]);
  const text = ran.stdout.toString();
  const number = (pattern: RegExp) => pattern.exec(text)?.[1] ?? "";
  if (!ran.success) throw new Error(`wrk failed: ${ran.stderr}${text}`);
  return {
    perSecond: Number(number(/Requests\/sec:\s+([\d.]+)/)),
    p50: number(/50%\s+(\S+)/),
    p99: number(/99%\s+(\S+)/),
  };
}
