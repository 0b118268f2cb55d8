/** The embedded default. It is known to be good YAML, so Bun's own reader will do, which gives no places. */
import text from "./default.yaml" with { type: "text" };
import { type Entry, placeAt, type Tree } from "./tree.ts";
import { expand } from "./variables.ts";

export const embeddedText = text;

/** The default without its places, which only messages need. */
export function readEmbedded(lookup: (name: string) => string | undefined): Tree {
  return { ...read(Bun.YAML.parse(embeddedText), lookup), findings: [], position: () => "1:1" };
}

function read(value: unknown, lookup: (name: string) => string | undefined): Entry {
  const place = placeAt(0);
  if (typeof value === "string") return { value: expand(value, lookup).text, place };
  if (Array.isArray(value)) return { value: value.map((item) => read(item, lookup).value), place };
  if (typeof value !== "object" || value === null) return { value, place };
  const entries = Object.entries(value).map(([key, item]) => [key, read(item, lookup).value]);
  return { value: Object.fromEntries(entries), place };
}
