/** Makes a `Config` in which nothing is left to check from the values of a configuration. */
import { dirname, resolve } from "node:path";
import * as v from "valibot";
import { check, part, type Subject } from "./check.ts";
import type { Config } from "./config.ts";
import { type BuiltInShape, readHandlers } from "./handlers.ts";
import { readPushed } from "./pushed.ts";
import { readServer } from "./server.ts";
import type { Finding, Tree } from "./tree.ts";
import { ownAddress, type Variables, variable } from "./variables.ts";

export interface LoadOptions {
  /** The configuration file; undefined: the embedded default. */
  readonly file: string | undefined;
  /** What `${NAME}` takes, after the environment file. */
  readonly variables: Variables;
  readonly builtIns: readonly BuiltInShape[];
  /** The port that the server really has, when the variables ask for port 0. */
  readonly httpPort?: number | undefined;
}

/** How messages name the default. */
export const embeddedName = "the embedded default";

/** Each section has a schema of its own, so that a mistake in one hides none in another. */
const topSchema = v.strictObject(
  { server: v.optional(v.unknown()), metrics: v.optional(v.unknown()), handlers: v.optional(v.unknown()) },
  "must be a map of server, metrics and handlers",
);

/** The configuration that a tree holds, or what is wrong with it. */
export function interpret(
  tree: Tree,
  { file, builtIns }: LoadOptions,
): { readonly config: Config | undefined; readonly findings: readonly Finding[] } {
  const source = file ?? embeddedName;
  const folder = file === undefined ? process.cwd() : dirname(resolve(file));
  const findings: Finding[] = [...tree.findings];
  const report = (finding: Finding | undefined) => {
    if (finding) findings.push(finding);
  };
  const top: Subject = { value: tree.value ?? {}, place: tree.place, path: [] };
  check(topSchema, top, report);
  const server = readServer(part(top, "server"), folder, report);
  const metrics = readPushed(part(top, "metrics"), report);
  const handlers = readHandlers(part(top, "handlers"), builtIns, folder, report);
  const isGood = findings.length === 0 && server && metrics;
  return { config: isGood ? { source, folder, server, metrics, handlers } : undefined, findings };
}

/** Finds what `${NAME}` stands for. */
export function lookupIn({ variables, httpPort }: LoadOptions): (name: string) => string | undefined {
  const lookup = (name: string) =>
    name === "SPECTA_HTTP_PORT" && httpPort !== undefined ? String(httpPort) : variable(variables, name);
  return (name) => {
    if (name !== "SPECTA_HTTP_ADDRESS") return lookup(name);
    return ownAddress(lookup("SPECTA_HTTP_HOST") ?? "", lookup("SPECTA_HTTP_PORT") ?? "");
  };
}
