/** Reads a configuration: from a file or the embedded default to a `Config` in which nothing is left to check. */
import { dirname, resolve } from "node:path";
import * as v from "valibot";
import { Problems } from "../base/errors.ts";
import { maxConfigBytes, maxConfigProblems } from "../base/limits.ts";
import { check, part, type Subject } from "./check.ts";
import type { Config } from "./config.ts";
import defaultText from "./default.yaml" with { type: "text" };
import { readTextFile } from "./files.ts";
import { type BuiltInShape, readHandlers } from "./handlers.ts";
import { readPushed } from "./pushed.ts";
import { readServer } from "./server.ts";
import { ownAddress, type Variables, variable } from "./variables.ts";
import { type Finding, readYaml, type Tree } from "./yaml.ts";

export interface LoadOptions {
  /** The configuration file; undefined: the embedded default. */
  readonly file: string | undefined;
  /** What `${NAME}` takes, after the environment file. */
  readonly variables: Variables;
  readonly builtIns: readonly BuiltInShape[];
  /** The port that the server really has, when the variables ask for port 0. */
  readonly httpPort?: number | undefined;
}

const embedded: string = defaultText;

/** Each section has a schema of its own, so that a mistake in one hides none in another. */
const topSchema = v.strictObject(
  { server: v.optional(v.unknown()), metrics: v.optional(v.unknown()), handlers: v.optional(v.unknown()) },
  "must be a map of server, metrics and handlers",
);

/**
 * Loads and validates.
 *
 * @throws {Problems} with every problem there is, each as `FILE:LINE:COLUMN: PATH must be …: current value is …`, and none
 * with what a variable or a secret holds.
 */
export function loadConfig(options: LoadOptions): Config {
  const source = options.file ?? "the embedded default";
  const folder = options.file === undefined ? process.cwd() : dirname(resolve(options.file));
  const tree = readYaml(options.file === undefined ? embedded : readSource(options.file), lookupIn(options));
  const findings: Finding[] = [...tree.findings];
  const report = (finding: Finding | undefined) => {
    if (finding) findings.push(finding);
  };
  const top: Subject = { value: tree.value ?? {}, place: tree.place, path: [] };
  check(topSchema, top, report);
  const server = readServer(part(top, "server"), folder, report);
  const metrics = readPushed(part(top, "metrics"), report);
  const handlers = readHandlers(part(top, "handlers"), options.builtIns, folder, report);
  if (findings.length === 0 && server && metrics) return { source, folder, server, metrics, handlers };
  throw new Problems(listProblems(findings, source, tree));
}

function readSource(file: string): string {
  const { text, problem } = readTextFile(file, maxConfigBytes);
  if (text !== undefined) return text;
  throw new Problems([`${file} must be a configuration file that can be read: ${problem}`]);
}

/** Finds what `${NAME}` stands for. */
function lookupIn({ variables, httpPort }: LoadOptions): (name: string) => string | undefined {
  const lookup = (name: string) =>
    name === "SPECTA_HTTP_PORT" && httpPort !== undefined ? String(httpPort) : variable(variables, name);
  return (name) => {
    if (name !== "SPECTA_HTTP_ADDRESS") return lookup(name);
    return ownAddress(lookup("SPECTA_HTTP_HOST") ?? "", lookup("SPECTA_HTTP_PORT") ?? "");
  };
}

/** In the order of the file, each once. */
function listProblems(findings: readonly Finding[], source: string, tree: Tree): readonly string[] {
  const sorted = findings.toSorted((a, b) => a.offset - b.offset);
  const lines = [...new Set(sorted.map(({ offset, text }) => `${source}:${tree.position(offset)}: ${text}`))];
  if (lines.length <= maxConfigProblems) return lines;
  return [...lines.slice(0, maxConfigProblems), `${source}: ${lines.length - maxConfigProblems} further problems`];
}
