/** The `handlers` part of the configuration: the built-in ones by their own schemas, a user's by its file. */
import { resolve } from "node:path";
import * as v from "valibot";
import * as limits from "../base/limits.ts";
import { nearest } from "../base/nearest.ts";
import { about } from "../base/schema.ts";
import { formatDuration } from "../base/units.ts";
import { atKey, check, complain, isMap, part, type Report, type Subject } from "./check.ts";
import type { HandlerConfig } from "./config.ts";
import { quote } from "./tree.ts";
import { duration, environments, integer, text, unique } from "./values.ts";

/** What the configuration must know of a built-in handler. */
export interface BuiltInShape {
  readonly name: string;
  /**
   * Its own keys. A message of its own begins with `must`, says what a value must be and holds none; the path and what
   * is there are added.
   */
  readonly schema: v.GenericSchema<unknown, unknown>;
}

const common = {
  cooler: v.optional(
    about("The rest after an execution, before the next.", duration(limits.minCoolerMs, limits.maxCoolerMs)),
  ),
  timeout: v.optional(
    about(
      "How long an execution may take; of `endpoint`, one probe.",
      duration(limits.minTimeoutMs, limits.maxTimeoutMs),
    ),
  ),
  stale_after: v.optional(
    about("How long the last value of a gauge stays while executions fail.", duration(0, limits.maxCoolerMs)),
    formatDuration(limits.defaultStaleAfterMs),
  ),
  max_series: v.optional(
    about("Series of one metric; what is beyond is dropped, and counted.", integer(1, limits.maxMaxSeries)),
    limits.defaultMaxSeries,
  ),
  environments: v.optional(about("Where it runs; none given: everywhere.", environments), []),
};

const commonKeys = Object.keys(common);
/** What every handler may have. */
export const commonSchema = v.strictObject(common, "must be a map");

const variableName = v.pipe(
  v.string("must be text"),
  v.regex(/^[A-Za-z_][A-Za-z0-9_]*$/, "must be the name of an environment variable"),
);

/** What a user's own handler may have. */
export const ownSchema = v.strictObject(
  {
    ...common,
    file: about("The TypeScript file; a relative path starts at the folder of the configuration.", text),
    env: v.optional(about("The only environment variables that its thread sees.", unique(variableName)), []),
    with: v.optional(about("What the file finds as `context.with`.", v.unknown()), {}),
  },
  "must be a map",
);

const namePattern = new RegExp(`^[a-z][a-z0-9_-]{0,${limits.maxHandlerNameChars - 1}}$`);
/** What the name of a user's own handler must be. */
export const nameRule = `must be a handler's name, of at most ${limits.maxHandlerNameChars} lower case letters, digits, _ and - with a letter first`;

/** The configured handlers in the order of the file; what is wrong with any of them is reported. */
export function readHandlers(
  subject: Subject,
  builtIns: readonly BuiltInShape[],
  folder: string,
  report: Report,
): readonly HandlerConfig[] {
  if (!isMap(subject.value)) {
    report(complain(subject, [], "must be a map of handlers"));
    return [];
  }
  const handlers: HandlerConfig[] = [];
  for (const name of Object.keys(subject.value)) {
    const handler = readHandler(name, part(subject, name), builtIns, folder, report);
    if (handler) handlers.push(handler);
  }
  return handlers;
}

function readHandler(
  name: string,
  subject: Subject,
  builtIns: readonly BuiltInShape[],
  folder: string,
  report: Report,
): HandlerConfig | undefined {
  const { value } = subject;
  const builtIn = builtIns.find((candidate) => candidate.name === name);
  if (!isMap(value)) {
    report(complain(subject, [], "must be a map"));
    return undefined;
  }
  if (builtIn) return readBuiltIn(builtIn, subject, value, report);
  if (!("file" in value)) {
    const names = builtIns.map((candidate) => candidate.name);
    const near = nearest(name, names);
    const hint = near === undefined ? `built in are ${names.toSorted().join(", ")}` : `did you mean ${near}?`;
    report(atKey(subject, [], `must be a built-in handler or have a file: ${hint}`));
    return undefined;
  }
  if (!namePattern.test(name)) {
    report(atKey(subject, [], `${nameRule}: current value is ${quote(name)}`));
  }
  const written = check(ownSchema, subject, report);
  if (written === undefined) return undefined;
  const { file, env, with: settings } = written;
  return { name, ...resolved(written), file: resolve(folder, file), env, settings: settings ?? {} };
}

function readBuiltIn(
  builtIn: BuiltInShape,
  subject: Subject,
  value: object,
  report: Report,
): HandlerConfig | undefined {
  const entries = Object.entries(value);
  // The two halves hold the same parts as the whole, so that both find their places in the file.
  const shared = Object.fromEntries(entries.filter(([key]) => commonKeys.includes(key)));
  const own = Object.fromEntries(entries.filter(([key]) => !commonKeys.includes(key) && key !== "file"));
  if ("file" in value) report(atKey(subject, ["file"], `must be left out: ${builtIn.name} is a built-in handler`));
  const written = check(commonSchema, { ...subject, value: shared }, report);
  const settings = check(builtIn.schema, { ...subject, value: own }, report, commonKeys);
  if (written === undefined || settings === undefined) return undefined;
  return { name: builtIn.name, ...resolved(written), file: undefined, env: [], settings };
}

function resolved(written: v.InferOutput<typeof commonSchema>) {
  return {
    coolerMs: written.cooler,
    timeoutMs: written.timeout,
    staleAfterMs: written.stale_after,
    maxSeries: written.max_series,
    environments: written.environments,
  };
}
