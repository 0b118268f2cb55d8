import { createConsola } from "consola/core";
import type { Trouble } from "./errors.ts";
import { maxLogValueChars } from "./limits.ts";
import { createStdout } from "./stdout.ts";
import { places } from "./trace.ts";

export const logLevels = ["debug", "info", "warning", "error"] as const;
export type LogLevel = (typeof logLevels)[number];
export type LogKeys = Readonly<Record<string, string | undefined>>;

/** Writes one JSON object a line. Values are text; empty and undefined ones are left out. */
export interface Log {
  debug(message: string, keys?: LogKeys): void;
  info(message: string, keys?: LogKeys): void;
  warning(message: string, keys?: LogKeys): void;
  error(message: string, keys: LogKeys, trouble: Trouble): void;
  /** Whether lines of this level are written, for callers whose keys cost something to make. */
  writes(level: LogLevel): boolean;
  /** Waits until the lines so far are with the reader of stdout, a second at most. */
  flush(): Promise<void>;
}

/** What reaches the reporter: consola hands it on untouched. */
interface Entry {
  readonly level: LogLevel;
  readonly message: string;
  readonly keys: LogKeys;
  readonly trouble: Trouble | undefined;
  readonly caller: string | undefined;
}

const consolaTypes = { debug: "debug", info: "info", warning: "warn", error: "error" } as const;
const consolaLevels = { debug: 4, info: 3, warning: 1, error: 0 } as const;
const flushMs = 1000;

export function createLog(level: LogLevel): Log {
  const stdout = createStdout((lines) => write("warning", "log lines were dropped", { lines: String(lines) }));
  const consola = createConsola({
    level: consolaLevels[level],
    // consola drops repeated lines by default; each of ours is an event that happened.
    throttle: 0,
    throttleMin: Number.POSITIVE_INFINITY,
    reporters: [{ log: ({ args, date }) => stdout.write(`${render(args[0] as Entry, date)}\n`) }],
  });
  const writes = (wanted: LogLevel) => consolaLevels[wanted] <= consolaLevels[level];

  function write(wanted: LogLevel, message: string, keys: LogKeys = {}, trouble?: Trouble): void {
    if (!writes(wanted)) return;
    consola[consolaTypes[wanted]].raw({ level: wanted, message, keys, trouble, caller: caller() } satisfies Entry);
  }

  return {
    debug: (message, keys) => write("debug", message, keys),
    info: (message, keys) => write("info", message, keys),
    warning: (message, keys) => write("warning", message, keys),
    error: (message, keys, trouble) => write("error", message, keys, trouble),
    writes,
    flush: () => stdout.flush(flushMs),
  };
}

function caller(): string | undefined {
  const own = "/src/base/log.ts:";
  return places(new Error().stack).find((place) => !place.includes(own));
}

function render(entry: Entry, date: Date): string {
  const fields = [
    `"time":"${date.toISOString().slice(0, 19).replace("T", " ")}"`,
    `"level":"${entry.level}"`,
    `"message":${text(entry.message)}`,
  ];
  const keys = Object.keys(entry.keys).sort();
  for (const key of keys) {
    const value = entry.keys[key];
    if (value !== undefined && value !== "") fields.push(`${JSON.stringify(key)}:${text(value)}`);
  }
  if (entry.trouble !== undefined) fields.push(`"stack":${stack(entry.trouble, entry.keys, keys)}`);
  if (entry.caller !== undefined) fields.push(`"caller":${text(entry.caller)}`);
  return `{ ${fields.join(", ")} }`;
}

function stack(trouble: Trouble, values: LogKeys, keys: readonly string[]): string {
  const context = keys.filter((key) => values[key]).map((key) => ({ key, value: cut(values[key]!) }));
  return json({ context, description: cut(trouble.description), trace: trouble.trace });
}

function text(value: string): string {
  return json(cut(value));
}

/** JSON lets these stand as they are; readers of lines break at some of them, terminals obey the others. */
const unsafe = /[\x7f-\x9f\u2028\u2029]/g;

function json(value: unknown): string {
  return JSON.stringify(value).replace(unsafe, (one) => `\\u${one.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

function cut(value: string): string {
  return value.length <= maxLogValueChars ? value : `${value.slice(0, maxLogValueChars)}…`;
}
