/** The faults of handlers all at once, in the compiled binary: what else it does goes on as if they were not there. */
import { describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { compiled } from "../harness/build.ts";
import { type Daemon, push, scrape, startDaemon } from "../harness/daemon.ts";
import { fixture } from "../harness/worker.ts";

const faults = {
  throws: "throws at once",
  late: "throws late while it runs",
  rejects: "rejects",
  unheard: "rejects unheard while it runs",
  hangs: "never resolves",
  spins: "loops for ever",
  exits: "exits with 3",
  function: "returns a function",
  undeclared: "returns an undeclared metric",
  labels: "returns a wrong label value",
  nan: "returns NaN",
  aborts: "aborts the process",
} as const;

interface HandlerFile {
  readonly file: string;
  readonly timeout?: string;
  readonly cooler?: string;
  readonly with?: object;
}

const good: Record<string, HandlerFile> = { well: { file: fixture("well.ts"), cooler: "100ms" } };

/** Every fault, each in a handler of its own: all declare the same metrics, so each reads a copy of the file. */
function bad(folder: string): Record<string, HandlerFile> {
  const handlers: Record<string, HandlerFile> = {};
  const flag = join(folder, "flag");
  writeFileSync(flag, "");
  for (const [name, fault] of Object.entries(faults)) {
    const file = join(folder, `${name}.ts`);
    writeFileSync(
      file,
      `export { ensure } from ${JSON.stringify(fixture("faulty.ts"))};
      const labels = { place: ["here", "there"] };
      export const metrics = { ${name}_value: { kind: "gauge", help: "x", labels }, ${name}_total: { kind: "counter", help: "x", labels } };`,
    );
    handlers[name] = { file, timeout: "200ms", with: { fault, while: flag } };
  }
  const broken = { import: 'throw new Error("thrown at import");', syntax: "export const = ;" };
  for (const [name, text] of Object.entries(broken)) {
    writeFileSync(join(folder, `${name}.ts`), text);
    handlers[name] = { file: join(folder, `${name}.ts`) };
  }
  handlers.missing = { file: join(folder, "missing.ts") };
  handlers.loud = { file: fixture("loud.ts"), with: { lines: 20_000 }, cooler: "500ms" };
  handlers.flood = { file: fixture("flood.ts"), with: { samples: 300_000, series: 100_000 }, cooler: "500ms" };
  handlers.restless = { file: fixture("restless.ts"), with: { death: "throws" } };
  return handlers;
}

function config(handlers: Readonly<Record<string, HandlerFile>>): string {
  const all = Object.entries(handlers).map(([name, handler]) => [name, { cooler: "100ms", ...handler }]);
  const labels = { page: ["root"] };
  const metrics = { page_ready_duration_seconds: { kind: "histogram", help: "x", labels, buckets: [1] } };
  return JSON.stringify({ metrics, handlers: Object.fromEntries(all) });
}

/** The latencies of so many pushes, one after another, sorted (ms). */
async function latencies(daemon: Daemon, amount: number): Promise<number[]> {
  const all: number[] = [];
  for (let index = 0; index < amount; index += 1) {
    const start = performance.now();
    const answer = await push(daemon.url, "Histogram", [{ metric: "page_ready_duration_seconds", number: 0.5 }]);
    expect(answer.status).toBe(200);
    await answer.text();
    all.push(performance.now() - start);
  }
  return all.sort((a, b) => a - b);
}

function executions(daemon: Daemon, handler: string, success: boolean): number {
  return daemon.logs.filter(
    (line) =>
      line.message === "instrumented worker handler" && line.handler === handler && line.success === String(success),
  ).length;
}

describe("all faults at once", () => {
  test("leave pushes, scrapes, the log and the other handlers as they are", async () => {
    const folder = mkdtempSync(join(tmpdir(), "specta-faults-"));
    const amount = 8000;
    try {
      await using control = await startDaemon({ binary: compiled(), config: config(good) });
      await control.line("instrumented worker handler", { handler: "well", success: "true" });
      const before = await latencies(control, amount);

      const handlers = bad(folder);
      await using daemon = await startDaemon({ binary: compiled(), config: config({ ...good, ...handlers }) });
      for (const name of Object.keys(handlers)) await daemon.line("instrumented worker handler", { handler: name });
      const wellBefore = executions(daemon, "well", true);
      const start = performance.now();
      const after = await latencies(daemon, amount);
      const seconds = (performance.now() - start) / 1000;
      const wellRuns = executions(daemon, "well", true) - wellBefore;

      const at = (sorted: readonly number[], share: number) => sorted[Math.floor((sorted.length - 1) * share)]!;
      const figures = `median ${at(before, 0.5).toFixed(2)} to ${at(after, 0.5).toFixed(2)} ms, 99 % ${at(before, 0.99).toFixed(1)} to ${at(after, 0.99).toFixed(1)} ms`;
      console.log(`pushes without and with faults: ${figures}; well ran ${wellRuns} times in ${seconds.toFixed(1)} s`);
      // Threads that spin take a core; a main thread that waited for one of them would take 200 ms and more.
      expect(at(after, 0.5)).toBeLessThan(at(before, 0.5) * 5 + 5);
      expect(at(after, 0.99)).toBeLessThan(150);
      expect(executions(daemon, "well", false)).toBe(0);
      expect(wellRuns).toBeGreaterThan((seconds / 0.1) * 0.3 - 2);

      const exposition = await scrape(daemon.url);
      expect(exposition.value("page_ready_duration_seconds_count", { env: "testing" })).toBe(amount);
      for (const name of [...Object.keys(faults), "import", "syntax", "missing"]) {
        expect(executions(daemon, name, false)).toBeGreaterThan(0);
        expect(executions(daemon, name, true)).toBe(0);
        const labels = { env: "testing", handler: name, success: "false" };
        expect(exposition.value("worker_handler_execution_total", labels)).toBeGreaterThan(0);
      }
      expect(exposition.series("flood_total")).toHaveLength(100);
      expect(daemon.log.malformed).toEqual([]);
      const dropped = await daemon.line("console lines were dropped", { handler: "loud" });
      expect(Number(dropped.lines)).toBeGreaterThan(10_000);

      const descriptions = (name: string) =>
        daemon.logs
          .filter((line) => line.message === "worker execution failed" && line.handler === name)
          .map(({ stack }) => (stack as { readonly description: string }).description);
      expect(new Set(descriptions("late"))).toEqual(new Set(["thrown late"]));
      expect(new Set(descriptions("unheard"))).toEqual(new Set(["rejected unheard"]));
      expect(new Set(descriptions("restless"))).toEqual(new Set(["thrown while idle"]));
      expect(new Set(descriptions("import"))).toEqual(new Set(["thrown at import"]));
      expect(new Set(descriptions("spins"))).toEqual(new Set(["the execution did not end within 200ms"]));
      expect(await daemon.stop()).toEqual({ code: 0, signal: null });
      expect(await daemon.stderr()).toBe("");
      expect(daemon.log.malformed).toEqual([]);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }, 120_000);
});
