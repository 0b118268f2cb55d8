/**
 * A YAML text as plain values beside their places in the text. Nothing here knows what specta's configuration means.
 * Import it when a file is read: the library costs 7 MB, which the embedded default does without.
 */
import {
  type ErrorCode,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  type Pair,
  parseDocument,
} from "yaml";
import { maxConfigDepth, maxConfigValues } from "../base/limits.ts";
import { type Entry, type Finding, formatPath, type Path, type Place, placeAt, type Tree } from "./tree.ts";
import { expand } from "./variables.ts";

/**
 * Reads one document. Strings have their variables; maps are plain objects. When the syntax is broken, `findings` tells
 * where and the value is undefined.
 */
export function readYaml(text: string, lookup: (name: string) => string | undefined): Tree {
  const lineCounter = new LineCounter();
  const position = (offset: number) => {
    const { line, col } = lineCounter.linePos(offset);
    return `${Math.max(line, 1)}:${Math.max(col, 1)}`;
  };
  // Doubles are found by the reader below: the library compares each key with every other.
  const options = { lineCounter, uniqueKeys: false, prettyErrors: false, schema: "core", logLevel: "error" } as const;
  const document = parseDocument(text, options);
  const broken = [...document.errors, ...document.warnings];
  if (broken.length > 0) {
    const findings = broken.map(({ pos, code, message }) => ({
      offset: pos[0],
      text: `the file must be valid YAML: ${syntaxRules[code] ?? message}`,
    }));
    return { value: undefined, place: placeAt(0), findings, position };
  }
  const reader = new Reader(lookup);
  const entry = document.contents === null ? { value: null, place: placeAt(0) } : reader.read(document.contents, [], 0);
  return { ...entry, findings: reader.findings, position };
}

/** In place of the library's messages that quote the text, which may be a secret, or speak of the library. */
const syntaxRules: Partial<Record<ErrorCode, string>> = {
  BAD_COLLECTION_TYPE: "A tag does not fit its value",
  BAD_DIRECTIVE: "A directive is not known or malformed",
  BAD_DQ_ESCAPE: "An escape sequence is not known",
  IMPOSSIBLE: "This was not expected here",
  MULTIPLE_DOCS: "There must be one document",
  RESOURCE_EXHAUSTION: "It is nested too deep",
  TAG_RESOLVE_FAILED: "A tag is not known",
  UNEXPECTED_TOKEN: "This was not expected here",
};

class Reader {
  readonly findings: Finding[] = [];
  readonly #lookup: (name: string) => string | undefined;
  readonly #anchors = new Map<string, Node>();
  readonly #open = new Set<Node>();
  readonly #unset = new Set<string>();
  #values = 0;

  constructor(lookup: (name: string) => string | undefined) {
    this.#lookup = lookup;
  }

  read(node: Node, path: Path, keyOffset: number): Entry {
    const offset = node.range?.[0] ?? keyOffset;
    this.#values += 1;
    if (this.#values > maxConfigValues) return this.#refuse(offset, [], `must have at most ${maxConfigValues} values`);
    if (path.length > maxConfigDepth) {
      return this.#refuse(offset, path, `must be nested at most ${maxConfigDepth} deep`);
    }
    if (isAlias(node)) return this.#alias(node.source, offset, path, keyOffset);
    if ("anchor" in node && node.anchor !== undefined) this.#anchors.set(node.anchor, node);
    this.#open.add(node);
    try {
      if (isMap(node)) return this.#map(node.items, offset, path, keyOffset);
      if (isSeq(node)) return this.#list(node.items, offset, path, keyOffset);
      return this.#scalar(isScalar(node) ? node.value : undefined, offset, path, keyOffset);
    } finally {
      this.#open.delete(node);
    }
  }

  #alias(name: string, offset: number, path: Path, keyOffset: number): Entry {
    const target = this.#anchors.get(name);
    if (target === undefined) return this.#refuse(offset, path, "must be an alias of an anchor before it");
    if (this.#open.has(target)) return this.#refuse(offset, path, "must not be an alias of what it is in");
    return this.read(target, path, keyOffset);
  }

  #map(items: readonly Pair[], offset: number, path: Path, keyOffset: number): Entry {
    const value: Record<string, unknown> = {};
    const parts = new Map<string | number, Place>();
    for (const item of items) {
      const keyNode = item.key as Node | null;
      const at = keyNode?.range?.[0] ?? offset;
      const key = isScalar(keyNode) ? keyNode.value : undefined;
      if (this.#values > maxConfigValues) break;
      if (key === "__proto__") {
        this.#refuse(at, path, "must have other keys than __proto__");
      } else if (typeof key !== "string") {
        this.#refuse(at, path, "must have text as its keys, in quotes where they look like anything else");
      } else if (parts.has(key)) {
        this.#refuse(at, [...path, key], "must not be given twice");
      } else {
        const node = item.value as Node | null;
        const entry = node === null ? { value: null, place: placeAt(at) } : this.read(node, [...path, key], at);
        value[key] = entry.value;
        parts.set(key, { ...entry.place, keyOffset: at });
      }
    }
    return { value, place: placeAt(offset, { keyOffset, parts }) };
  }

  #list(items: readonly unknown[], offset: number, path: Path, keyOffset: number): Entry {
    const value: unknown[] = [];
    const parts = new Map<string | number, Place>();
    for (const [index, item] of items.entries()) {
      if (this.#values > maxConfigValues) break;
      const node = item as Node;
      const entry = this.read(node, [...path, index], node.range?.[0] ?? offset);
      value.push(entry.value);
      parts.set(index, entry.place);
    }
    return { value, place: placeAt(offset, { keyOffset, parts }) };
  }

  #scalar(value: unknown, offset: number, path: Path, keyOffset: number): Entry {
    if (value === null || typeof value === "number" || typeof value === "boolean") {
      return { value, place: placeAt(offset, { keyOffset }) };
    }
    if (typeof value !== "string") {
      return this.#refuse(offset, path, "must be text, a number, true, false, a list or a map");
    }
    if (!value.includes("${")) return { value, place: placeAt(offset, { keyOffset }) };
    const { text, whole, unset, malformed } = expand(value, this.#lookup);
    if (malformed) return this.#refuse(offset, path, "must write a variable as ${NAME}, and a plain ${ as $${");
    const place = placeAt(offset, { keyOffset, source: value, variable: whole, broken: unset.length > 0 });
    for (const name of unset) {
      // Once is enough: a variable that a file uses often is still one thing to mend.
      if (!this.#unset.has(name)) this.#refuse(offset, path, `must use variables that are set: ${name} is not`);
      this.#unset.add(name);
    }
    return { value: text, place };
  }

  #refuse(offset: number, path: Path, text: string): Entry {
    this.findings.push({ offset, text: `${formatPath(path)} ${text}` });
    return { value: undefined, place: placeAt(offset, { broken: true }) };
  }
}
