/** What a start costs, and the memory at rest, under load and after it, with the embedded default. */
import { readFileSync, statSync } from "node:fs";
import { startDaemon } from "../harness/daemon.ts";
import { freePort } from "../harness/readme.ts";
import { bodies } from "./bodies.ts";
import { quiet } from "./peers.ts";
import { type Bar, median, megabytes, ms, print, progress } from "./table.ts";
import { load, serverCore } from "./wrk.ts";

const versionBarMs = 30;
const firstAnswerBarMs = 60;
const restBar = 45 * 2 ** 20;
const afterLoadBar = 70 * 2 ** 20;

const starts = 15;

/** Until the collector has been by, and the handler has looked at its target twice. */
const settleMs = 12_000;
const pollMs = 0.5;

export async function start(binary: string, loadSeconds: number): Promise<Bar[]> {
  progress("starts");
  const versions: number[] = [];
  const answers: number[] = [];
  for (let round = 0; round < starts; round += 1) {
    versions.push(await versionMs(binary));
    answers.push(await firstAnswerMs(binary));
  }
  progress("memory");
  const { rest, under, after } = await memory(binary, loadSeconds);
  const [version, answer] = [median(versions), median(answers)];
  const size = `${(statSync(binary).size / 1e6).toFixed(0)} MB`;
  const head = ["`version`", "`daemon` to its first answer", "at rest", "under load", "after load", "binary"];
  const cells = [ms(version), ms(answer), megabytes(rest), megabytes(under), megabytes(after), size];
  print("Start and memory (RSS) with the embedded default:", head, [cells]);
  return [
    { what: "`version`", bar: `${versionBarMs} ms`, is: ms(version), isMet: version <= versionBarMs },
    {
      what: "`daemon` to its first answer",
      bar: `${firstAnswerBarMs} ms`,
      is: ms(answer),
      isMet: answer <= firstAnswerBarMs,
    },
    { what: "memory at rest", bar: megabytes(restBar), is: megabytes(rest), isMet: rest <= restBar },
    { what: "memory after load", bar: megabytes(afterLoadBar), is: megabytes(after), isMet: after <= afterLoadBar },
  ];
}

async function versionMs(binary: string): Promise<number> {
  const startMs = performance.now();
  await Bun.spawn([binary, "version"], { stdout: "ignore", env: {} }).exited;
  return performance.now() - startMs;
}

async function firstAnswerMs(binary: string): Promise<number> {
  const port = await freePort();
  const env = { SPECTA_ENVIRONMENT: "development", SPECTA_HTTP_PORT: String(port) };
  const startMs = performance.now();
  const child = Bun.spawn([binary, "daemon"], { stdout: "ignore", env });
  while (!(await isAnswered(port))) await Bun.sleep(pollMs);
  const elapsedMs = performance.now() - startMs;
  child.kill();
  await child.exited;
  return elapsedMs;
}

async function isAnswered(port: number): Promise<boolean> {
  try {
    return (await fetch(`http://127.0.0.1:${port}/`)).ok;
  } catch {
    return false;
  }
}

async function memory(binary: string, seconds: number) {
  const prefix = ["taskset", "-c", serverCore];
  await using daemon = await startDaemon({ binary, env: quiet, prefix });
  const target = { url: `${daemon.url}/metrics.API/Histogram`, ...bodies["JSON, 100"] };
  const scrape = async () => (await fetch(`${daemon.url}/metrics`)).arrayBuffer();
  await scrape();
  await Bun.sleep(settleMs);
  const rest = residentBytes(daemon.pid);
  let under = 0;
  const timer = setInterval(() => {
    under = Math.max(under, residentBytes(daemon.pid));
    void scrape();
  }, settleMs / 12);
  await load(target, { seconds });
  clearInterval(timer);
  await Bun.sleep(settleMs);
  return { rest, under, after: residentBytes(daemon.pid) };
}

function residentBytes(pid: number): number {
  return Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]) * 1024;
}
