/** Runs a valibot schema over a part of the configuration and says what is wrong in the words of its file. */
import * as v from "valibot";
import { entriesAt, expectation, kindName, type Path, strayKeys, valueAt } from "./shape.ts";
import { type Finding, formatPath, type Place, quote } from "./tree.ts";

/** A part of the configuration. */
export interface Subject {
  readonly value: unknown;
  readonly place: Place;
  readonly path: Path;
}

/** Takes what was found; nothing, when it follows from what was found before. */
export type Report = (finding: Finding | undefined) => void;

/** One key of a map. A section that is left out, or left empty because all its lines are comments, is an empty map. */
export function part(subject: Subject, key: string): Subject {
  const place = subject.place.parts.get(key);
  return {
    value: valueAt(subject.value, [key]) ?? {},
    place: place ?? { ...subject.place, parts: new Map() },
    path: [...subject.path, key],
  };
}

export function isMap(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** What a schema makes of a part, or undefined when `report` was told at least one problem. */
export function check<T>(
  schema: v.GenericSchema<unknown, T>,
  subject: Subject,
  report: Report,
  alsoValid: readonly string[] = [],
): T | undefined {
  const result = run(schema, subject);
  const strays = [...strayKeys(schema, subject.value, [], alsoValid)];
  const findings = strays.map(({ path, text, ofKey }) => {
    if (ofKey) return atKey(subject, path, text);
    return { offset: placeOf(subject.place, path).offset, text: `${formatPath([...subject.path, ...path])} ${text}` };
  });
  const told = new Set(strays.map(({ path }) => formatPath(path)));
  for (const issue of result.issues ?? []) {
    const path = pathOf(issue);
    // What is missing in a list that stands in the place of a map is no news.
    if (path.some((_, length) => told.has(formatPath(path.slice(0, length))))) continue;
    const finding = describe(schema, issue, subject);
    if (finding) findings.push(finding);
  }
  for (const finding of findings) report(finding);
  return result.success && findings.length === 0 ? result.output : undefined;
}

/** A complaint about one value, with what is there, as far as that may be shown. */
export function complain(subject: Subject, path: Path, text: string): Finding | undefined {
  const place = placeOf(subject.place, path);
  if (place.broken) return undefined;
  const full = [...subject.path, ...path];
  const value = valueAt(subject.value, path);
  const shown = isSecret(full) ? "" : `: current value is ${show(value, place)}`;
  return { offset: place.offset, text: `${formatPath(full)} ${text}${shown}` };
}

/** A complaint about a key, at the key. */
export function atKey(subject: Subject, path: Path, text: string): Finding {
  return { offset: placeOf(subject.place, path).keyOffset, text: `${formatPath([...subject.path, ...path])} ${text}` };
}

/** Values are never shown here: someone may have written the secret itself. */
function isSecret(path: Path): boolean {
  return path[0] === "server" && (path[1] === "push" || path[1] === "scrape");
}

/**
 * Validates. A value that wholly is a variable is text; where the schema wants a number or a boolean and the text is
 * one, it is made one.
 */
function run<T>(schema: v.GenericSchema<unknown, T>, subject: Subject): v.SafeParseResult<v.GenericSchema<unknown, T>> {
  for (;;) {
    const result = v.safeParse(schema, subject.value);
    let changed = false;
    for (const issue of result.issues ?? []) {
      const path = pathOf(issue);
      const holder = valueAt(subject.value, path.slice(0, -1));
      const key = path.at(-1);
      if (key === undefined || typeof holder !== "object" || holder === null) continue;
      const text: unknown = Reflect.get(holder, key);
      if (placeOf(subject.place, path).variable === undefined || typeof text !== "string") continue;
      const typed = retype(text, issue.expected);
      if (typed === undefined) continue;
      Reflect.set(holder, key, typed);
      changed = true;
    }
    if (!changed) return result;
  }
}

function retype(text: string, expected: string | null): number | boolean | undefined {
  if (expected === "boolean" && (text === "true" || text === "false")) return text === "true";
  if (expected === "number" && /^-?\d+(\.\d+)?([eE][-+]?\d+)?$/.test(text)) return Number(text);
  return undefined;
}

function describe(schema: v.GenericSchema, issue: v.BaseIssue<unknown>, subject: Subject): Finding | undefined {
  const path = pathOf(issue);
  const last = issue.path?.at(-1);
  if (last?.origin === "key" && issue.expected === "never") {
    // All keys of that map that nobody knows were told by `strayKeys`; what it cannot see into is told here.
    if (entriesAt(schema, subject.value, path.slice(0, -1))) return undefined;
    return atKey(subject, path, "is an unknown key");
  }
  if (last?.origin === "key" && issue.input === undefined) {
    const wanted = entriesAt(schema, subject.value, path.slice(0, -1))?.[String(path.at(-1))];
    return complain(subject, path, wanted ? expectation(wanted) : "must be given");
  }
  if (last?.origin === "key") {
    return atKey(subject, path, `${wording(issue)}: current value is ${quote(String(path.at(-1)))}`);
  }
  return complain(subject, path, wording(issue));
}

/** A schema's own message says what must be; where it has none, its type does. */
function wording(issue: v.BaseIssue<unknown>): string {
  if (!issue.message.startsWith("Invalid ")) return issue.message;
  const bound = String(issue.requirement);
  switch (issue.type) {
    case "min_length":
      return issue.requirement === 1 ? "must not be empty" : `must have a length of at least ${bound}`;
    case "max_length":
      return `must have a length of at most ${bound}`;
    case "min_value":
      return `must be at least ${bound}`;
    case "max_value":
      return `must be at most ${bound}`;
    case "integer":
      return "must be a whole number";
    case "url":
      return "must be a URL";
    default:
      return `must be ${kindName(issue.expected)}`;
  }
}

/** The value as the file has it: without what variables hold, without what lists and maps hold, one line, not for ever. */
function show(value: unknown, place: Place): string {
  if (value === undefined) return "missing";
  if (Array.isArray(value)) return value.length === 0 ? "an empty list" : "a list";
  if (typeof value === "object" && value !== null) return "a map";
  if (place.source === undefined && typeof value !== "string") return String(value);
  const text = place.source ?? String(value);
  return quote(text.replace(/:\/\/[^/@\s]*@/g, "://…@"));
}

function pathOf(issue: v.BaseIssue<unknown>): (string | number)[] {
  return (issue.path ?? []).map((item) => (typeof item.key === "number" ? item.key : String(item.key)));
}

/** The place of a path, or of the nearest part around it that is there. */
function placeOf(place: Place, path: Path): Place {
  let current = place;
  for (const step of path) {
    const next = current.parts.get(step);
    if (!next) return { ...current, variable: undefined, source: undefined };
    current = next;
  }
  return current;
}
