/** The configuration reference of the README, made from the schemas: their messages, defaults and descriptions. */
import { defaultTimeoutMs } from "../../src/base/limits.ts";
import { formatDuration } from "../../src/base/units.ts";
import { commonSchema, nameRule, ownSchema } from "../../src/config/handlers.ts";
import { serverSchema } from "../../src/config/server.ts";
import { kindName } from "../../src/config/shape.ts";
import type { BuiltIn } from "../../src/handlers/handler.ts";
import { builtIns } from "../../src/handlers/index.ts";
import { metricsSchema } from "../../src/metrics/definition.ts";

const begin = "<!-- reference -->\n";
const end = "<!-- /reference -->";

/** What is read of a valibot schema; which of it there is depends on `type`. */
export interface Shape {
  readonly type: string;
  readonly kind?: string;
  readonly expects?: string | null;
  readonly message?: unknown;
  readonly default?: unknown;
  readonly entries?: Readonly<Record<string, Shape>>;
  readonly item?: Shape;
  readonly key?: Shape;
  readonly value?: Shape;
  readonly wrapped?: Shape;
  readonly pipe?: readonly Shape[];
  readonly description?: string;
  readonly metadata?: { readonly rule?: string };
}

export interface Row {
  readonly key: string;
  /** What its value may be, in the words of the errors. */
  readonly rule: string;
  readonly fallback: string;
  readonly description: string;
}

/** A page with the reference between its markers made anew. @throws when it has not both markers */
export function withReference(page: string): string {
  const from = page.indexOf(begin);
  const to = page.indexOf(end);
  if (from < 0 || to < from) throw new Error(`the page must have ${begin.trim()} and ${end}`);
  return `${page.slice(0, from)}${begin}\n${reference()}\n\n${page.slice(to)}`;
}

export function reference(): string {
  const metric = shapeOf(metricsSchema);
  const own = Object.keys(shapeOf(commonSchema).entries ?? {});
  return [
    section("server", table(rowsOf(shapeOf(serverSchema)))),
    section("metrics", `What clients may push. A name: ${wordsOf(metric.key)}.`, table(rowsOf(metric.value))),
    section("handlers", "What every handler may have:", table(rowsOf(shapeOf(commonSchema))), coolers(builtIns)),
    "What the built-in ones have beside:",
    table(builtIns.flatMap(({ name, schema }) => rowsOf(shapeOf(schema), `${name}.`))),
    `What one of your own has beside. Its name: ${words(nameRule)}.`,
    table(rowsOf(shapeOf(ownSchema)).filter(({ key }) => !own.includes(key))),
  ].join("\n\n");
}

/** A row a key, with those of the maps and lists in it. @throws when one has no description */
export function rowsOf(shape: Shape | undefined, path = ""): Row[] {
  return Object.entries(shape?.entries ?? {}).flatMap(([name, entry]) => {
    const key = `${path}${name}`;
    const inner = unwrap(entry);
    const description = described(entry);
    const hasParts = inner.entries !== undefined || inner.item?.entries !== undefined;
    const parts = inner.entries === undefined ? rowsOf(unwrap(inner.item), `${key}[].`) : rowsOf(inner, `${key}.`);
    if (description === undefined) {
      if (hasParts) return parts;
      throw new Error(`${key} must have a description`);
    }
    return [{ key, rule: wordsOf(entry), fallback: fallbackOf(entry), description }, ...parts];
  });
}

function section(name: string, ...blocks: readonly string[]): string {
  return [`### \`${name}\``, ...blocks].join("\n\n");
}

function table(rows: readonly Row[]): string {
  const lines = rows.map(({ key, rule, fallback, description }) =>
    [`\`${key}\``, rule, fallback, description].map((cell) => cell.replaceAll("|", "\\|")).join(" | "),
  );
  return [
    "| key | what it may be | default | what it does |",
    "|---|---|---|---|",
    ...lines.map((line) => `| ${line} |`),
  ].join("\n");
}

/** What stands in no schema, as each handler has its own. */
function coolers(handlers: readonly Pick<BuiltIn, "name" | "coolerMs" | "timeoutMs">[]): string {
  const pairs = Map.groupBy(
    handlers,
    ({ coolerMs, timeoutMs }) => `\`cooler\` ${formatDuration(coolerMs)}, \`timeout\` ${formatDuration(timeoutMs)}`,
  );
  const lines = [...pairs].map(([times, group]) => `- ${group.map(({ name }) => `\`${name}\``).join(", ")}: ${times}`);
  const ofUsers = `- one of your own: what its \`cooler()\` returns, \`timeout\` ${formatDuration(defaultTimeoutMs)}`;
  return ["Where these two are not given:", "", ...lines, ofUsers].join("\n");
}

function fallbackOf(shape: Shape): string {
  if (shape.default !== undefined) {
    const { default: value } = shape;
    return `\`${typeof value === "string" ? value : JSON.stringify(value)}\``;
  }
  return ["optional", "exact_optional", "nullish"].includes(shape.type) ? "–" : "required";
}

function wordsOf(shape: Shape | undefined, separator = "; "): string {
  const inner = unwrap(shape);
  const steps = flatten(inner);
  const rule = steps.find(({ metadata }) => metadata?.rule !== undefined)?.metadata?.rule;
  if (rule !== undefined) return words(rule);
  const told = steps.flatMap(({ message, kind, expects }) => {
    if (typeof message === "string") return message;
    return kind === "schema" && expects !== undefined ? `must be ${kindName(expects)}` : [];
  });
  // What says which text it must be says that it must be text.
  const isSpecific = told.some((message) => /^must be (?!text|valid)/.test(message));
  const kept = told.filter(
    (message) => message !== "must be valid Unicode" && !(isSpecific && message === "must be text"),
  );
  const item =
    inner.item !== undefined && inner.item.entries === undefined ? [`each ${wordsOf(inner.item, ", ")}`] : [];
  return [...new Set([...kept.map(words), ...item])].join(separator);
}

/** All that a schema checks, in order: its own kind first, what is in pipes in pipes too. */
function flatten(shape: Shape): Shape[] {
  if (shape.pipe === undefined) return [shape];
  return shape.pipe.flatMap((step, index) => (index === 0 || step.pipe !== undefined ? flatten(step) : [step]));
}

/** An error's words without their grammar: what must be, and what must not. */
function words(message: string): string {
  return message
    .replace(/^must not be /, "not ")
    .replace(/^must (?:be|have|name) /, "")
    .replace(/^must /, "");
}

function described(shape: Shape): string | undefined {
  const own = flatten(shape).findLast(({ description }) => description !== undefined)?.description;
  return own ?? (shape.wrapped === undefined ? undefined : described(shape.wrapped));
}

function unwrap(shape: Shape | undefined): Shape {
  let current: Shape = shape ?? { type: "unknown" };
  while (current.wrapped !== undefined) current = current.wrapped;
  return current;
}

function shapeOf(schema: object): Shape {
  return schema as Shape;
}
