/** The embedded default: its values as the bundler has read them, its text for the day that something is wrong with it. */
import { defaultValues } from "./default.macro.ts" with { type: "macro" };
import text from "./default.yaml" with { type: "text" };
import { type Entry, placeAt, type Tree } from "./tree.ts";
import { expand } from "./variables.ts";

export const embeddedText = text;
const values: unknown = defaultValues();

/** The default without its places, which only messages need. */
export function readEmbedded(lookup: (name: string) => string | undefined): Tree {
  return { ...read(values, lookup), findings: [], position: () => "1:1" };
}

function read(value: unknown, lookup: (name: string) => string | undefined): Entry {
  const place = placeAt(0);
  if (typeof value === "string") return { value: expand(value, lookup).text, place };
  if (Array.isArray(value)) return { value: value.map((item) => read(item, lookup).value), place };
  if (typeof value !== "object" || value === null) return { value, place };
  const entries = Object.entries(value).map(([key, item]) => [key, read(item, lookup).value]);
  return { value: Object.fromEntries(entries), place };
}
