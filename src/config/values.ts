/** Schemas of single values as the configuration writes them; handlers may use them for keys of their own. */
import * as v from "valibot";
import { noDoubles } from "../base/schema.ts";
import { formatDuration, formatSize, parseDuration, parseSize } from "../base/units.ts";

export const environmentNames = ["development", "testing", "staging", "production"] as const;

/** Text of at least one character. */
export const text = v.pipe(v.string("must be text"), v.minLength(1, "must not be empty"));

/** A duration such as `5s`, as milliseconds; both bounds are allowed. */
export function duration(minMs: number, maxMs: number): v.GenericSchema<unknown, number> {
  const message = `must be a duration such as 200ms, 5s or 1m, from ${formatDuration(minMs)} to ${formatDuration(maxMs)}`;
  return quantity(message, parseDuration, minMs, maxMs);
}

/** A size such as `64KiB`, as bytes; both bounds are allowed. */
export function size(minBytes: number, maxBytes: number): v.GenericSchema<unknown, number> {
  const message = `must be a size such as 512B, 64KiB or 1MiB, from ${formatSize(minBytes)} to ${formatSize(maxBytes)}`;
  return quantity(message, parseSize, minBytes, maxBytes);
}

/** A whole number; both bounds are allowed. */
export function integer(min: number, max: number): v.GenericSchema<unknown, number> {
  const message = `must be a whole number from ${min} to ${max}`;
  return v.pipe(v.number(message), v.integer(message), v.minValue(min, message), v.maxValue(max, message));
}

/** A list without doubles. */
export function unique<T extends string | number>(
  item: v.GenericSchema<unknown, T>,
): v.GenericSchema<unknown, readonly T[]> {
  return v.pipe(v.array(item, "must be a list"), noDoubles());
}

/** Names of environments in which something applies; an empty list stands for all. */
export const environments = unique(v.picklist(environmentNames, "must be development, testing, staging or production"));

function quantity(
  message: string,
  parse: (text: string) => number | undefined,
  min: number,
  max: number,
): v.GenericSchema<unknown, number> {
  return v.pipe(
    v.string(message),
    v.rawTransform(({ dataset, addIssue, NEVER }) => {
      const amount = parse(dataset.value);
      if (amount !== undefined && amount >= min && amount <= max) return amount;
      addIssue({ message });
      return NEVER;
    }),
  );
}
