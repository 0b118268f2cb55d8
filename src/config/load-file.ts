/** Reads a configuration file with the places of its values. Import it when there is one: see `yaml.ts`. */
import { Problems } from "../base/errors.ts";
import { maxConfigBytes, maxConfigProblems } from "../base/limits.ts";
import type { Config } from "./config.ts";
import { embeddedText } from "./embedded.ts";
import { readTextFile } from "./files.ts";
import { embeddedName, interpret, type LoadOptions, lookupIn } from "./interpret.ts";
import type { Finding, Tree } from "./tree.ts";
import { readYaml } from "./yaml.ts";

/**
 * Loads and validates a file, or the text of the embedded default.
 *
 * @throws {Problems} with every problem there is, each as `FILE:LINE:COLUMN: PATH must be …: current value is …`, and none
 * with what a variable or a secret holds.
 */
export function loadFile(options: LoadOptions): Config {
  const { file } = options;
  const tree = readYaml(file === undefined ? embeddedText : readSource(file), lookupIn(options));
  const { config, findings } = interpret(tree, options);
  if (config) return config;
  throw new Problems(listProblems(findings, file ?? embeddedName, tree));
}

function readSource(file: string): string {
  const { text, problem } = readTextFile(file, maxConfigBytes);
  if (text !== undefined) return text;
  throw new Problems([`${file} must be a configuration file that can be read: ${problem}`]);
}

/** In the order of the file, each once. */
function listProblems(findings: readonly Finding[], source: string, tree: Tree): readonly string[] {
  const sorted = findings.toSorted((a, b) => a.offset - b.offset);
  const lines = [...new Set(sorted.map(({ offset, text }) => `${source}:${tree.position(offset)}: ${text}`))];
  if (lines.length <= maxConfigProblems) return lines;
  return [...lines.slice(0, maxConfigProblems), `${source}: ${lines.length - maxConfigProblems} further problems`];
}
