/** A reader of Alloy's configuration language, as far as examples use it: blocks, attributes, references, calls. */

const blank = /^(?:\s+|\/\/[^\n]*)+/;
const opening = /^([a-z][\w.]*)(?:\s+"(\w+)")?\s*\{/;
const text = '"(?:[^"\\\\\\n]|\\\\.)*"';
const reference = "[a-z]\\w*(?:\\.\\w+)+";
const value = `(?:${text}|\\d+(?:\\.\\d+)?|true|false|null|${reference}(?:\\(${text}\\))?)`;
const attribute = new RegExp(`^[a-z]\\w*\\s*=\\s*(?:${value}|\\[${value}(?:,\\s*${value})*,?\\])[ \\t]*(?=\\n|//)`);

/** What is wrong in a configuration, one line each; empty when nothing is. Components' arguments are not known here. */
export function alloyProblems(source: string): string[] {
  const declared = new Set<string>();
  const referred = new Set<string>();
  let rest = source;
  let depth = 0;
  const take = (pattern: RegExp) => {
    const match = pattern.exec(rest);
    if (match) rest = rest.slice(match[0].length);
    return match;
  };
  for (;;) {
    take(blank);
    if (rest === "") break;
    const block = take(opening);
    if (block) {
      const [, component, label] = block;
      if (depth === 0 && label !== undefined) declared.add(`${component}.${label}`);
      depth += 1;
      continue;
    }
    if (depth > 0 && take(/^\}/)) {
      depth -= 1;
      continue;
    }
    const set = depth > 0 ? take(attribute) : null;
    if (!set) return [`${JSON.stringify(rest.split("\n")[0])} is not understood`];
    for (const [name] of set[0].replace(new RegExp(text, "g"), '""').matchAll(new RegExp(reference, "g"))) {
      // A call of the library is no reference to a component, and what a component exports stands last.
      if (!name.startsWith("sys.")) referred.add(name.split(".").slice(0, -1).join("."));
    }
  }
  if (depth > 0) return ["a { is not closed"];
  return [...referred].filter((name) => !declared.has(name)).map((name) => `${name} is not declared`);
}
