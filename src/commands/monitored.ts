import { Problems } from "../base/errors.ts";
import type { Monitored, MonitoredHandler } from "../dashboard/monitored.ts";
import type { PlannedHandler } from "../worker/plan.ts";
import type { Settings } from "./settings.ts";

/** Everything that a daemon with these settings would report. A user's own handlers are loaded and asked. */
export async function monitor({ environment, config, planned }: Settings): Promise<Monitored> {
  const active = planned.filter(({ inactive }) => inactive === undefined);
  const asked = await Promise.all(active.map((plan) => ask(plan, environment.environment)));
  const problems = asked.filter((answer) => typeof answer === "string");
  if (problems.length > 0) throw new Problems(problems);
  const handlers = asked.filter((answer): answer is MonitoredHandler => typeof answer === "object");
  return { environment: environment.environment, pushed: config.metrics, handlers };
}

/** What a handler reports, what is wrong with it, or undefined when it says that it does not run. */
async function ask(plan: PlannedHandler, environment: string): Promise<MonitoredHandler | string | undefined> {
  const { name, deadlineMs, coolerMs, metrics } = plan;
  if (metrics !== undefined) return { name, builtIn: true, metrics, coolerMs, deadlineMs };
  const { inspectHandler } = await import("../worker/inspect.ts");
  const result = await inspectHandler(plan, environment);
  if ("problem" in result) return `handlers.${name} cannot be loaded: ${withFile(result.problem, plan.file)}`;
  const { declaration } = result;
  if (!declaration.active) return undefined;
  return { name, builtIn: false, metrics: declaration.metrics, coolerMs: declaration.coolerMs, deadlineMs };
}

/** A problem of a handler, with its file where it does not name it. */
export function withFile(problem: string, file: string | undefined): string {
  return file === undefined || problem.includes(file) ? problem : `${file}: ${problem}`;
}
