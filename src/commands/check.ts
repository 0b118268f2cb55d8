import { formatDuration } from "../base/units.ts";
import type { Metrics } from "../metrics/definition.ts";
import type { PlannedHandler } from "../worker/plan.ts";
import type { Arguments } from "./command.ts";
import { exposure, listener } from "./exposure.ts";
import { withFile } from "./monitored.ts";
import { print } from "./print.ts";
import { loadSettings, type Settings } from "./settings.ts";
import { type Row, renderTable } from "./table.ts";

/** What stands in for `SPECTA_ENVIRONMENT`, which only the daemon requires. */
const assumed = "development";

/** Prints what would run, with what, and why a handler is inactive; 1 when a user's own handler cannot be loaded. */
export async function check({ flags, rest }: Arguments): Promise<number> {
  const isAssumed = !process.env.SPECTA_ENVIRONMENT;
  const settings = await loadSettings(flags.env, rest[0], assumed);
  const handlers = await Promise.all(
    settings.planned.map((plan) => handlerRow(plan, settings.environment.environment)),
  );
  const rows = [
    ...processRows(settings, isAssumed && settings.environment.environment === assumed),
    ...metricRows(settings.config.metrics),
    ...handlers.map(({ row }) => row),
  ];
  await print(renderTable(rows, process.stdout.isTTY === true));
  return handlers.some(({ isBroken }) => isBroken) ? 1 : 0;
}

function processRows({ environment, config }: Settings, isAssumed: boolean): Row[] {
  const open = exposure(config.server);
  const note = isAssumed ? "SPECTA_ENVIRONMENT is not set, which the daemon requires" : "";
  return [
    ["configuration", config.source, "valid", ""],
    ["environment", environment.environment, isAssumed ? "assumed" : "given", note],
    [
      "server",
      listener(environment),
      onOff(environment.runServer),
      `${open.transport}, bodies of ${config.server.maxBodyBytes} bytes at most`,
    ],
    ["access", "push", open.push, `cors ${open.cors}, ${open.rate}`],
    ["access", "scrape", open.scrape, ""],
    ["worker", `${environment.runWorker ? "handlers run" : "no handler runs"}`, onOff(environment.runWorker), ""],
    ["ledger", ledger(environment.databaseUrl?.reveal()), "", ""],
  ];
}

/** The kind alone: an address may hold a password. */
function ledger(address: string | undefined): string {
  if (address === undefined) return "in memory";
  return address.startsWith("sqlite:") ? "SQLite file" : "PostgreSQL";
}

function onOff(isOn: boolean): string {
  return isOn ? "on" : "off";
}

function metricRows(metrics: Metrics): Row[] {
  return Object.entries(metrics).map(([name, metric]) => {
    const labels = Object.entries(metric.labels ?? {}).map(
      ([label, values]) => `${label}=${[values].flat().join("|")}`,
    );
    return ["metric", name, metric.kind, labels.join(" ")];
  });
}

async function handlerRow(plan: PlannedHandler, environment: string): Promise<{ row: Row; isBroken: boolean }> {
  const { name, inactive } = plan;
  if (inactive !== undefined) return { row: ["handler", name, "inactive", inactive], isBroken: false };
  if (plan.metrics !== undefined) {
    return { row: ["handler", name, "active", `${plan.description}, ${rhythm(plan, plan.coolerMs)}`], isBroken: false };
  }
  const { inspectHandler } = await import("../worker/inspect.ts");
  const result = await inspectHandler(plan, environment);
  if ("problem" in result) {
    return { row: ["handler", name, "broken", withFile(result.problem, plan.file)], isBroken: true };
  }
  const { active, coolerMs, metrics } = result.declaration;
  if (!active) return { row: ["handler", name, "inactive", "its active() returned false"], isBroken: false };
  const reports = `reports ${Object.keys(metrics).join(", ") || "no metrics"}`;
  return {
    row: ["handler", name, "active", `${plan.description}, ${reports}, ${rhythm(plan, coolerMs)}`],
    isBroken: false,
  };
}

function rhythm({ timeoutMs }: PlannedHandler, coolerMs: number | undefined): string {
  const pause = coolerMs === undefined ? "" : `cooler ${formatDuration(coolerMs)}, `;
  return `${pause}timeout ${formatDuration(timeoutMs)}`;
}
