/** What would run, with what, and why a handler does not: from the configuration and the environment alone. */
import { Problems } from "../base/errors.ts";
import { defaultLookbackMs, defaultTimeoutMs } from "../base/limits.ts";
import type { Config, Environment, HandlerConfig } from "../config/config.ts";
import type { BuiltIn, World } from "../handlers/handler.ts";
import type { Metrics } from "../metrics/definition.ts";
import { listedSeries } from "./series.ts";
import type { ThreadDuty } from "./spawn.ts";

export interface PlannedHandler {
  readonly name: string;
  /** Why it does not run; undefined when it does (a user's own may still say at its start that it does not). */
  readonly inactive: string | undefined;
  /** Absolute path of a user's own handler; undefined for a built-in one. */
  readonly file: string | undefined;
  readonly settings: unknown;
  /** What it may report; undefined for a user's own, which declares it when it is loaded. */
  readonly metrics: Metrics | undefined;
  /** The sleep after an execution; undefined when a user's own says it itself. */
  readonly coolerMs: number | undefined;
  readonly timeoutMs: number;
  /** How long one execution may take: `timeoutMs`, unless that bounds a part of it. */
  readonly deadlineMs: number;
  readonly staleAfterMs: number;
  readonly maxSeries: number;
  /** How far back the ended work reaches that it reports. */
  readonly lookbackMs: number;
  /** All environment variables that its thread sees. */
  readonly variables: Readonly<Record<string, string>>;
  /** What it looks at: `4 repositories`, or the file. */
  readonly description: string;
}

/**
 * All handlers: those of the configuration in its order, then the built-in ones that it does not name.
 *
 * @throws Problems when a built-in handler would have more series of a metric than its `max_series`.
 */
export function planHandlers(
  config: Pick<Config, "handlers">,
  environment: Pick<Environment, "environment" | "variables">,
  builtIns: readonly BuiltIn[],
): readonly PlannedHandler[] {
  const world: World = { environment: environment.environment, variables: environment.variables };
  const planned = config.handlers.map((handler) => {
    const builtIn = builtIns.find(({ name }) => name === handler.name);
    if (handler.file !== undefined) return planUsers(handler, world);
    if (builtIn !== undefined) return planBuiltIn(handler, builtIn, world);
    throw new Error(`the handler ${handler.name} is neither built in nor has it a file`);
  });
  const problems = planned.flatMap(tooManySeries);
  if (problems.length > 0) throw new Problems(problems);
  const named = new Set(planned.map(({ name }) => name));
  return [...planned, ...builtIns.filter(({ name }) => !named.has(name)).map(unnamed)];
}

/** What a planned handler's thread is started with. */
export function dutyOf(plan: PlannedHandler, environment: string): ThreadDuty {
  const { name, file, settings, coolerMs, timeoutMs, maxSeries, variables } = plan;
  return { handler: name, file, settings, environment, coolerMs, timeoutMs, maxSeries, variables };
}

function planUsers(handler: HandlerConfig, world: World): PlannedHandler {
  const timeoutMs = handler.timeoutMs ?? defaultTimeoutMs;
  return {
    ...common(handler),
    inactive: notHere(handler, world),
    metrics: undefined,
    coolerMs: handler.coolerMs,
    timeoutMs,
    deadlineMs: timeoutMs,
    lookbackMs: defaultLookbackMs,
    variables: pick(world.variables, handler.env),
    description: handler.file ?? "",
  };
}

function planBuiltIn(handler: HandlerConfig, builtIn: BuiltIn, world: World): PlannedHandler {
  const { settings } = handler;
  const timeoutMs = handler.timeoutMs ?? builtIn.timeoutMs;
  return {
    ...common(handler),
    inactive: notHere(handler, world) ?? builtIn.inactive?.(settings, world),
    metrics: builtIn.metrics(settings, world),
    coolerMs: handler.coolerMs ?? builtIn.coolerMs,
    timeoutMs,
    deadlineMs: builtIn.deadlineMs?.(settings, world, timeoutMs) ?? timeoutMs,
    lookbackMs: lookbackOf(settings),
    variables: pick(world.variables, builtIn.variables),
    description: builtIn.describe(settings, world),
  };
}

function unnamed(builtIn: BuiltIn): PlannedHandler {
  return {
    name: builtIn.name,
    inactive: "the configuration does not name it",
    file: undefined,
    settings: undefined,
    metrics: undefined,
    coolerMs: builtIn.coolerMs,
    timeoutMs: builtIn.timeoutMs,
    deadlineMs: builtIn.timeoutMs,
    staleAfterMs: 0,
    maxSeries: 0,
    lookbackMs: 0,
    variables: {},
    description: "",
  };
}

function common({ name, file, settings, staleAfterMs, maxSeries }: HandlerConfig) {
  return { name, file, settings, staleAfterMs, maxSeries };
}

function notHere({ environments }: HandlerConfig, { environment }: World): string | undefined {
  if (environments.length === 0 || environments.includes(environment)) return undefined;
  return `it runs in ${environments.join(", ")} only`;
}

/** The build and deployment handlers' own key, in milliseconds. */
function lookbackOf(settings: unknown): number {
  const lookback = typeof settings === "object" && settings !== null && "lookback" in settings ? settings.lookback : 0;
  return typeof lookback === "number" && lookback > 0 ? lookback : defaultLookbackMs;
}

/** Those variables that are set and wanted; a trailing `*` wants all that begin so. */
function pick(variables: World["variables"], wanted: readonly string[]): Record<string, string> {
  const picked: Record<string, string> = {};
  for (const [name, value] of Object.entries(variables)) {
    const isWanted = wanted.some((want) => (want.endsWith("*") ? name.startsWith(want.slice(0, -1)) : name === want));
    if (isWanted && value !== undefined) picked[name] = value;
  }
  return picked;
}

function tooManySeries({ name, metrics, maxSeries }: PlannedHandler): string[] {
  return Object.entries(metrics ?? {}).flatMap(([metric, definition]) => {
    const listed = listedSeries(definition) ?? 0;
    if (listed <= maxSeries) return [];
    return [
      `handlers.${name}.max_series must be at least ${listed}, the series of ${metric}: current value is ${maxSeries}`,
    ];
  });
}
