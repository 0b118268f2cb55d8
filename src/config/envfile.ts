/** The environment file: `NAME=value` a line, for variables that the environment does not set. */
import { existsSync } from "node:fs";
import { Problems } from "../base/errors.ts";
import { readTextFile } from "./files.ts";
import type { Variables } from "./variables.ts";

export const defaultEnvFile = ".env";

/**
 * The environment with what the file adds to it. What is set wins, also when it is empty.
 *
 * @param file - the file that the user named; undefined: `.env`, which may be missing
 * @throws {Problems} when a named file cannot be read, and for each line that is none; values are in no message
 */
export function withEnvFile(environment: Variables, file: string | undefined): Variables {
  const path = file ?? defaultEnvFile;
  if (file === undefined && !existsSync(path)) return environment;
  const { text, problem } = readTextFile(path);
  if (text === undefined) throw new Problems([`${path} must be an environment file that can be read: ${problem}`]);
  const { variables, problems } = parseEnvFile(text);
  if (problems.length > 0) throw new Problems(problems.map((line) => `${path}:${line}`));
  const set = Object.entries(environment).filter(([, value]) => value !== undefined);
  return { ...variables, ...Object.fromEntries(set) };
}

export interface EnvFile {
  readonly variables: Readonly<Record<string, string>>;
  /** `LINE: what must be`, in the order of the file. */
  readonly problems: readonly string[];
}

const assignment = /^[ \t]*(?:export[ \t]+)?([A-Za-z_][A-Za-z0-9_]*)[ \t]*=[ \t]*/;
const rest = /^[ \t]*(?:#.*)?$/;
const escapes: Readonly<Record<string, string>> = { n: "\n", r: "\r", t: "\t", '"': '"', "\\": "\\", $: "$" };

/**
 * Lines are `NAME=value` or `export NAME=value`; the last of two wins. A value in single quotes is taken as it is, one in
 * double quotes knows `\n`, `\r`, `\t`, `\"`, `\\` and `\$`; both may go on over lines. A bare one ends at ` #` or at the
 * end of its line. Nothing is expanded.
 */
export function parseEnvFile(text: string): EnvFile {
  const plain = text.replace(/\r\n?/g, "\n");
  const lines = plain.split("\n");
  const starts: number[] = [0];
  for (const line of lines) starts.push(starts.at(-1)! + line.length + 1);
  const variables: Record<string, string> = {};
  const problems: string[] = [];
  for (let index = 0; index < lines.length; index += 1) {
    const line = lines[index]!;
    if (rest.test(line)) continue;
    const [match, name] = assignment.exec(line) ?? [];
    if (match === undefined || name === undefined) {
      problems.push(`${index + 1}: must be NAME=value`);
      continue;
    }
    const quote = line[match.length];
    if (quote !== '"' && quote !== "'") {
      variables[name] = bare(line.slice(match.length));
      continue;
    }
    const quoted = readQuoted(plain, starts[index]! + match.length, quote);
    if (quoted === undefined) {
      problems.push(`${index + 1}: must end with the quote that it begins with`);
      break;
    }
    const first = index;
    index += quoted.lines;
    if (rest.test(quoted.rest)) variables[name] = quoted.value;
    else problems.push(`${first + 1}: must have nothing but a comment after the closing quote`);
  }
  return { variables, problems };
}

function bare(text: string): string {
  const comment = text.startsWith("#") ? 0 : text.search(/[ \t]#/);
  return (comment < 0 ? text : text.slice(0, comment)).trim();
}

/** The value between quotes, how many further lines it takes, and what follows it on its last one. */
function readQuoted(text: string, start: number, quote: string) {
  let value = "";
  for (let index = start + 1; index < text.length; index += 1) {
    const character = text[index]!;
    if (character === quote) {
      const end = text.indexOf("\n", index);
      const lines = text.slice(start, index).split("\n").length - 1;
      return { value, lines, rest: text.slice(index + 1, end < 0 ? undefined : end) };
    }
    const next = text[index + 1] ?? "";
    if (character === "\\" && quote === '"' && Object.hasOwn(escapes, next)) {
      value += escapes[next];
      index += 1;
    } else value += character;
  }
  return undefined;
}
