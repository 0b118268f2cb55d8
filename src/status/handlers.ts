/** How the handlers stand: what the worker says of them, and what specta counts of their executions. */
import { maxStatusErrorChars } from "../base/limits.ts";
import type { HandlerState } from "../worker/pipeline.ts";
import type { HandlerRow } from "./document.ts";
import { redactor } from "./redact.ts";
import type { Sources } from "./sources.ts";

const leases = { free: "not needed", here: "this replica", elsewhere: "another replica", unknown: "unknown" } as const;

export function handlersOf({ worker, handlers, recorder, registry }: Sources): HandlerRow[] {
  const counts = new Map<string, number>();
  for (const { labels, value } of registry.find("worker_handler_execution_total")?.read() ?? []) {
    counts.set(`${labels.success} ${labels.handler}`, value);
  }
  return (worker?.state() ?? []).map((state) => {
    const { name, inactive, holder, isRunning, last, lastSuccessMs, nextMs } = state;
    const fault = recorder.faults.get(name);
    const plan = handlers.find((planned) => planned.name === name);
    return {
      name,
      state: standOf(state),
      inactive_reason: inactive ?? null,
      lease: leases[holder],
      is_running: inactive === undefined && isRunning,
      last_run_unix_seconds: last === undefined ? null : last.startedMs / 1000,
      last_run_duration_seconds: last === undefined ? null : last.latencyMs / 1000,
      last_success_unix_seconds: lastSuccessMs === undefined ? null : lastSuccessMs / 1000,
      next_run_unix_seconds: nextMs === undefined ? null : nextMs / 1000,
      last_error: fault === undefined ? null : cut(redactor(plan?.variables ?? {}, plan?.settings)(fault.error)),
      last_error_unix_seconds: fault === undefined ? null : fault.atMs / 1000,
      succeeded: counts.get(`true ${name}`) ?? 0,
      failed: counts.get(`false ${name}`) ?? 0,
    };
  });
}

function standOf({ inactive, holder, last }: HandlerState): HandlerRow["state"] {
  if (inactive !== undefined) return "inactive";
  if (holder === "elsewhere") return "elsewhere";
  if (last === undefined) return "waiting";
  return last.success ? "ok" : "failing";
}

function cut(text: string): string {
  return text.length <= maxStatusErrorChars ? text : `${text.slice(0, maxStatusErrorChars)}…`;
}
