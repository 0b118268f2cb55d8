/** Load by wrk, which has a core of its own unless it is told to share. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { tool } from "../harness/tools.ts";
import type { Body } from "./bodies.ts";

export const serverCore = "0";
export const loadCore = "1";

const folder = mkdtempSync(join(tmpdir(), "specta-bench-"));
process.on("exit", () => rmSync(folder, { recursive: true, force: true }));

export interface Target extends Body {
  readonly url: string;
}

export interface LoadOptions {
  readonly seconds: number;
  /** 32 unless told. */
  readonly connections?: number;
  /** How long each connection rests after an answer (ms); left out: not at all. */
  readonly restMs?: number;
  /** Whether wrk runs on all cores, in two threads. */
  readonly sharesCores?: boolean;
}

export interface Load {
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

export async function load(target: Target, options: LoadOptions): Promise<Load> {
  const { seconds, connections = 32, restMs, sharesCores = false } = options;
  const command = ["-c", String(connections), "-d", `${seconds}s`, "--latency", "-s", script(target, restMs)];
  const pinned = sharesCores ? [tool("wrk"), "-t", "2"] : ["taskset", "-c", loadCore, tool("wrk"), "-t", "1"];
  const wrk = Bun.spawn([...pinned, ...command, target.url], { stdout: "pipe", stderr: "pipe" });
  const [output, errors, code] = await Promise.all([
    new Response(wrk.stdout).text(),
    new Response(wrk.stderr).text(),
    wrk.exited,
  ]);
  const perSecond = Number(/Requests\/sec:\s+([\d.]+)/.exec(output)?.[1]);
  if (code !== 0 || !(perSecond > 0)) throw new Error(`wrk failed (${code}): ${errors}${output}`);
  return { perSecond, p50Ms: percentile(output, 50), p99Ms: percentile(output, 99) };
}

function script({ contentType, bytes }: Body, restMs: number | undefined): string {
  const body = join(folder, "body");
  const path = join(folder, "post.lua");
  writeFileSync(body, bytes);
  const lines = [
    'wrk.method = "POST"',
    `wrk.headers["Content-Type"] = "${contentType}"`,
    `local file = io.open("${body}", "rb")`,
    'wrk.body = file:read("*a")',
    "file:close()",
    ...(restMs === undefined ? [] : [`function delay() return ${restMs} end`]),
  ];
  writeFileSync(path, `${lines.join("\n")}\n`);
  return path;
}

const unitsMs: Readonly<Record<string, number>> = { us: 0.001, ms: 1, s: 1000 };

function percentile(output: string, percent: number): number {
  const [, number, unit = ""] = new RegExp(`${percent}%\\s+([\\d.]+)(us|ms|s)`).exec(output) ?? [];
  return Number(number) * (unitsMs[unit] ?? Number.NaN);
}
