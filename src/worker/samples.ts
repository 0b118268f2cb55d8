/** What a sample must be, by the metric that it names. Asked in the thread of all, and once more in the main thread. */
import { maxLabelValueBytes, maxListedNames } from "../base/limits.ts";
import type { LabelValues, Metric } from "../metrics/definition.ts";

/** Why a number cannot be recorded under a metric; undefined when it can. */
export function wrongNumber(metric: Metric, number: unknown): string | undefined {
  if (typeof number !== "number" || !Number.isFinite(number)) return `must be a finite number: ${current(number)}`;
  if (number >= 0 || metric.kind === "gauge") return undefined;
  return `must not be negative for a ${metric.kind}: ${current(number)}`;
}

/** Why labels do not belong to a metric, with the key in front; undefined when they do. */
export function wrongLabels(metric: Metric, labels: Readonly<Record<string, unknown>>): string | undefined {
  for (const key of Object.keys(labels)) {
    const allowed = own(metric.labels ?? {}, key);
    if (allowed === undefined) {
      return ` must have no label ${quote(key)}: ${known("allowed are", Object.keys(metric.labels ?? {}))}`;
    }
    const wrong = wrongValue(allowed, labels[key]);
    if (wrong !== undefined) return `.${key} ${wrong}`;
  }
  return undefined;
}

function wrongValue(allowed: LabelValues, value: unknown): string | undefined {
  if (allowed !== "*") {
    if (typeof value === "string" && allowed.includes(value)) return undefined;
    return `must be one of ${list(allowed)}: ${current(value)}`;
  }
  if (typeof value !== "string" || value === "") return `must be text that is not empty: ${current(value)}`;
  if (!value.isWellFormed()) return `must be valid Unicode: ${current(value)}`;
  if (value.length <= maxLabelValueBytes / 3 || Buffer.byteLength(value) <= maxLabelValueBytes) return undefined;
  return `must have at most ${maxLabelValueBytes} bytes: ${current(value)}`;
}

/** A value of a map's own, never one of its prototype. */
export function own<T>(map: Readonly<Record<string, T>>, key: string): T | undefined {
  return Object.hasOwn(map, key) ? map[key] : undefined;
}

/** `current value is "rot"`, for whatever was returned, however large or strange it is. */
export function current(value: unknown): string {
  return `current value is ${show(value)}`;
}

export function quote(text: string): string {
  return JSON.stringify(text.length <= 64 ? text : `${text.slice(0, 64)}…`);
}

/** `allowed are a, b and 3 more`, or that there are none. */
export function known(words: string, names: readonly string[]): string {
  return names.length === 0 ? "there are none" : `${words} ${list(names)}`;
}

function list(names: readonly string[]): string {
  const further = names.length - maxListedNames;
  return names.slice(0, maxListedNames).join(", ") + (further > 0 ? ` and ${further} more` : "");
}

function show(value: unknown): string {
  if (typeof value === "string") return quote(value);
  if (typeof value === "bigint" || typeof value === "symbol") return `a ${typeof value}`;
  if (typeof value === "function") return "a function";
  if (Array.isArray(value)) return "a list";
  if (typeof value === "object" && value !== null) return value instanceof Promise ? "a promise" : "an object";
  return String(value);
}
