/** Reads valibot schemas beside a value: which keys are known where, and what valibot itself does not complain about. */
import type { GenericSchema } from "valibot";
import { nearest } from "../base/nearest.ts";

export type Path = readonly (string | number)[];

/** What of a valibot schema is read here; which of it there is depends on `type`. */
interface Shape {
  readonly type: string;
  readonly expects: string | null;
  readonly message?: unknown;
  readonly entries?: Readonly<Record<string, Shape>>;
  readonly item?: Shape;
  readonly value?: Shape;
  readonly wrapped?: Shape;
  readonly getter?: (input: unknown) => Shape;
}

/** The schema that decides about a value: what optional, nullish and lazy ones stand for. */
function unwrap(shape: Shape, value: unknown): Shape {
  let current = shape;
  for (;;) {
    const next = current.wrapped ?? (current.type === "lazy" ? current.getter?.(value) : undefined);
    if (!next) return current;
    current = next;
  }
}

export function expectation(shape: Shape): string {
  const { message, expects } = unwrap(shape, undefined);
  return typeof message === "string" ? message : `must be ${kindName(expects)}`;
}

export function entriesAt(
  schema: GenericSchema,
  value: unknown,
  path: Path,
): Readonly<Record<string, Shape>> | undefined {
  let shape = unwrap(schema as unknown as Shape, value);
  let current = value;
  for (const step of path) {
    current = valueAt(current, [step]);
    const next = typeof step === "number" ? shape.item : (shape.entries?.[step] ?? shape.value);
    if (!next) return undefined;
    shape = unwrap(next, current);
  }
  return shape.entries;
}

export interface Stray {
  readonly path: Path;
  readonly text: string;
  /** Whether it is about the key of the path or its value. */
  readonly ofKey: boolean;
}

/**
 * What valibot does not tell: each key that nobody knows (it tells the first), with the name that was most likely meant,
 * lists in the place of maps, and keys that a record leaves out in silence.
 */
export function* strayKeys(
  schema: GenericSchema | Shape,
  value: unknown,
  path: Path,
  alsoValid: readonly string[],
): Generator<Stray> {
  if (typeof value !== "object" || value === null) return;
  const { type, entries, item, value: member } = unwrap(schema as unknown as Shape, value);
  const isMap = entries !== undefined || type === "record";
  if (Array.isArray(value)) {
    if (isMap) yield { path, text: "must be a map: current value is a list", ofKey: false };
    else if (item) for (const [index, part] of value.entries()) yield* strayKeys(item, part, [...path, index], []);
    return;
  }
  for (const [key, part] of Object.entries(value)) {
    const here = [...path, key];
    if (type === "record" && (key === "constructor" || key === "prototype")) {
      yield { path: here, text: `must be another name: current value is ${JSON.stringify(key)}`, ofKey: true };
    } else if (entries && !Object.hasOwn(entries, key) && type === "strict_object") {
      yield { path: here, text: unknownKey(key, [...Object.keys(entries), ...alsoValid]), ofKey: true };
    } else {
      const next = entries && Object.hasOwn(entries, key) ? entries[key] : member;
      if (next) yield* strayKeys(next, part, here, []);
    }
  }
}

function unknownKey(key: string, valid: readonly string[]): string {
  const near = nearest(key, valid);
  if (near !== undefined) return `is an unknown key: did you mean ${near}?`;
  return `is an unknown key: known ones are ${valid.toSorted().join(", ")}`;
}

/** A type of valibot's in plain words. */
export function kindName(expected: string | null): string {
  const names: Readonly<Record<string, string>> = {
    string: "text",
    number: "a number",
    boolean: "true or false",
    Array: "a list",
    Object: "a map",
    unknown: "anything",
  };
  if (expected === null) return "another value";
  return Object.hasOwn(names, expected) ? names[expected]! : expected;
}

export function valueAt(value: unknown, path: Path): unknown {
  let current = value;
  for (const step of path) {
    if (typeof current !== "object" || current === null || !Object.hasOwn(current, step)) return undefined;
    current = Reflect.get(current, step);
  }
  return current;
}
