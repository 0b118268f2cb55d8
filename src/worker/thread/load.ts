/** Finds a handler and brings it into one shape, whoever wrote it. Runs in the handler's thread. */
import { statSync } from "node:fs";
import * as v from "valibot";
import { maxCoolerMs, maxHandlerMetrics, maxNamedProblems, minCoolerMs } from "../../base/limits.ts";
import { formatDuration, parseDuration } from "../../base/units.ts";
import { builtIns } from "../../handlers/index.ts";
import { type Metrics, metricsSchema } from "../../metrics/definition.ts";
import type { Assignment } from "../protocol.ts";
import { current, quote } from "../samples.ts";

/** A handler as the thread runs it: what it returns is not trusted yet. */
export interface Loaded {
  readonly metrics: Metrics;
  readonly active: boolean;
  coolerMs(): number;
  ensure(context: object): unknown;
  recorded(): void;
}

/** @throws with what is wrong with the handler. */
export async function load(assignment: Assignment): Promise<Loaded> {
  const handler = assignment.file === undefined ? await builtIn(assignment) : await users(assignment.file);
  const { metrics, cooler, ensure, active, recorded } = handler;
  const wanted = assignment.file === undefined ? "the handler" : `${assignment.file} must export`;
  if (typeof ensure !== "function") throw new Error(`${wanted} ensure, a function: ${current(ensure)}`);
  for (const [name, value] of Object.entries({ active, recorded })) {
    if (value !== undefined && typeof value !== "function") {
      throw new Error(`${wanted} ${name} as a function or not at all: ${current(value)}`);
    }
  }
  if (assignment.coolerMs === undefined && typeof cooler !== "function") {
    throw new Error(`${wanted} cooler, a function, as the configuration gives no cooler: ${current(cooler)}`);
  }
  const call = (method: unknown, ...args: readonly unknown[]): unknown =>
    typeof method === "function" ? Reflect.apply(method, handler, args) : undefined;
  const coolerMs = () => assignment.coolerMs ?? readCooler(call(cooler));
  coolerMs();
  const { settings, environment, timeoutMs } = assignment;
  const isActive = active === undefined ? true : call(active, { with: settings, environment, timeoutMs });
  if (typeof isActive !== "boolean") throw new Error(`active() must return true or false: ${current(isActive)}`);
  return {
    metrics: readMetrics(metrics),
    active: isActive,
    coolerMs,
    ensure: (context) => call(ensure, context),
    recorded: () => void call(recorded),
  };
}

/** What a handler may have; nothing of it is known to be right. */
interface Fields {
  readonly metrics?: unknown;
  readonly cooler?: unknown;
  readonly ensure?: unknown;
  readonly active?: unknown;
  readonly recorded?: unknown;
}

async function builtIn({ handler: name, settings, environment }: Assignment): Promise<Fields> {
  const found = builtIns.find((candidate) => candidate.name === name);
  if (found === undefined) throw new Error(`there is no built-in handler ${quote(name)}`);
  const { create } = await found.load();
  return create(settings, { environment, variables: { ...process.env } });
}

async function users(file: string): Promise<Fields> {
  // Of a file that is not there the import's own error names the module that imports, which is inside the binary.
  if (!statSync(file, { throwIfNoEntry: false })?.isFile()) {
    throw new Error(`there is no file ${file}: create it, or correct the handler's \`file\``);
  }
  const names: Fields & { readonly default?: unknown } = await import(file).catch((thrown: unknown) => {
    throw placed(thrown);
  });
  const handler = names.default ?? names;
  if (!isObject(handler)) throw new Error(`the default export of ${file} must be a handler: ${current(handler)}`);
  return handler;
}

/** Errors of syntax with their places, which their messages leave out; every other error as it is. */
function placed(thrown: unknown): unknown {
  const all: readonly unknown[] = thrown instanceof AggregateError ? thrown.errors : [thrown];
  const wrong = all.filter((one) => one instanceof BuildMessage);
  if (wrong.length === 0) return thrown;
  const named = wrong.slice(0, maxNamedProblems).map(({ message, position }) => {
    return position === null ? message : `${position.file}:${position.line}:${position.column}: ${message}`;
  });
  const further = wrong.length - named.length;
  return new Error(named.join("; ") + (further > 0 ? `; and ${further} more` : ""));
}

function readCooler(cooler: unknown): number {
  const coolerMs = typeof cooler === "string" ? parseDuration(cooler) : cooler;
  if (typeof coolerMs === "number" && coolerMs >= minCoolerMs && coolerMs <= maxCoolerMs) return coolerMs;
  const range = `from ${formatDuration(minCoolerMs)} to ${formatDuration(maxCoolerMs)}`;
  throw new Error(`cooler() must return milliseconds or a duration such as "10s", ${range}: ${current(cooler)}`);
}

function readMetrics(metrics: unknown): Metrics {
  const read = v.safeParse(metricsSchema, metrics);
  if (!read.success) throw new Error(describe(read.issues[0]));
  const amount = Object.keys(read.output).length;
  if (amount > maxHandlerMetrics) throw new Error(`metrics must be at most ${maxHandlerMetrics}: there are ${amount}`);
  return read.output;
}

function describe(issue: v.BaseIssue<unknown>): string {
  const path = (issue.path ?? []).map(({ key }) => `.${String(key)}`).join("");
  const isKey = issue.path?.at(-1)?.origin === "key";
  if (isKey && issue.expected === "never") return `metrics${path} is an unknown key`;
  if (isKey && issue.input === undefined) return `metrics${path} must be given`;
  return `metrics${path} ${issue.message}: ${current(issue.input)}`;
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}
