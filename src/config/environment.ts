/** The process's own settings, from environment variables. */
import { availableParallelism } from "node:os";
import { ipVersion } from "../base/address.ts";
import { mustBe, Problems } from "../base/errors.ts";
import { maxDrainSeconds, maxHttpThreads } from "../base/limits.ts";
import { Secret } from "../base/secret.ts";
import type { Environment } from "./config.ts";
import { environmentNames } from "./values.ts";
import { type Variables, variable, type variableDefaults } from "./variables.ts";

const logLevels = ["debug", "info", "warning", "error"] as const;

/** Booleans as Go's `strconv.ParseBool` reads them. */
const yes: readonly string[] = ["1", "t", "T", "TRUE", "true", "True"];
const no: readonly string[] = ["0", "f", "F", "FALSE", "false", "False"];

/**
 * Reads the variables, after the environment file. An empty one is as good as unset, but for `SPECTA_ENVIRONMENT`.
 *
 * @throws {Problems} with one problem for each variable that is wrong; what a secret holds is in none.
 */
export function readEnvironment(variables: Variables): Environment {
  const reader = new Reader(variables);
  const environment: Environment = {
    environment: reader.environment(),
    githubToken: reader.token("SPECTA_GITHUB_TOKEN"),
    githubUrl: reader.url("SPECTA_GITHUB_URL"),
    httpHost: reader.read("SPECTA_HTTP_HOST", "an IP address or a host name", parseHost),
    httpPort: reader.read("SPECTA_HTTP_PORT", "a port from 0 to 65535", (text) => parseWhole(text, 0, 65_535)),
    httpThreads: reader.read("SPECTA_HTTP_THREADS", `a number from 1 to ${maxHttpThreads} or auto`, parseThreads),
    drainMs: reader.read("SPECTA_DRAIN_SECONDS", `a number of seconds from 0 to ${maxDrainSeconds}`, parseDrain),
    logLevel: reader.read("SPECTA_LOG_LEVEL", listed(logLevels), (text) => logLevels.find((level) => level === text)),
    runServer: reader.read("SPECTA_RUN_SERVER", listed([...yes, ...no]), parseBoolean),
    runWorker: reader.read("SPECTA_RUN_WORKER", listed([...yes, ...no]), parseBoolean),
    config: variables.SPECTA_CONFIG || undefined,
    databaseUrl: reader.databaseUrl("SPECTA_DATABASE_URL"),
    awsRegion: reader.read("AWS_REGION", "an AWS region such as us-west-2", parseRegion),
    // A thread that is given AWS_REGION finds the default there, as the SDK knows none.
    variables: { ...variables, AWS_REGION: variable(variables, "AWS_REGION") },
  };
  if (reader.problems.length > 0) throw new Problems(reader.problems);
  return environment;
}

class Reader {
  readonly problems: string[] = [];
  readonly #variables: Variables;

  constructor(variables: Variables) {
    this.#variables = variables;
  }

  /** A variable with a default. A wrong one is a problem, and what is returned for it is never used. */
  read<T>(name: keyof typeof variableDefaults, expected: string, parse: (text: string) => T | undefined): T {
    const current = variable(this.#variables, name) ?? "";
    const value = parse(current);
    if (value === undefined) this.problems.push(mustBe(name, expected, current));
    return value as T;
  }

  environment(): Environment["environment"] {
    const current = this.#variables.SPECTA_ENVIRONMENT;
    const value = environmentNames.find((name) => name === current);
    if (value === undefined) {
      const advice = current === undefined ? ": set it, as in SPECTA_ENVIRONMENT=development" : "";
      this.problems.push(mustBe("SPECTA_ENVIRONMENT", listed(environmentNames), current) + advice);
    }
    return value ?? "development";
  }

  token(name: string): Secret | undefined {
    const current = this.#variables[name];
    if (!current) return undefined;
    if (!/^[\x21-\x7e]+$/.test(current)) this.problems.push(`${name} must be visible ASCII without spaces`);
    return new Secret(current);
  }

  url(name: "SPECTA_GITHUB_URL"): string | undefined {
    const current = this.#variables[name];
    if (!current) return undefined;
    const url = URL.parse(current);
    const usable = url && /^https?:$/.test(url.protocol) && url.search === "" && url.hash === "";
    if (usable && url.username === "" && url.password === "") return current.replace(/\/+$/, "");
    // Not what it is: a URL may hold a password.
    this.problems.push(`${name} must be an http or https URL without user, query and fragment`);
    return undefined;
  }

  databaseUrl(name: string): Secret | undefined {
    const current = this.#variables[name];
    if (!current) return undefined;
    const isFile = /^sqlite:\/\/./.test(current);
    const isServer = /^postgres(ql)?:\/\//.test(current) && URL.canParse(current);
    if (!isFile && !isServer)
      this.problems.push(`${name} must be sqlite://FILE or postgres://USER:PASSWORD@HOST/DATABASE`);
    return new Secret(current);
  }
}

/** `a, b or c` */
function listed(names: readonly string[]): string {
  return `${names.slice(0, -1).join(", ")} or ${names.at(-1)}`;
}

function parseWhole(text: string, min: number, max: number): number | undefined {
  const number = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
  return number >= min && number <= max ? number : undefined;
}

function parseThreads(text: string): number | undefined {
  return text === "auto" ? Math.min(availableParallelism(), maxHttpThreads) : parseWhole(text, 1, maxHttpThreads);
}

function parseDrain(text: string): number | undefined {
  const seconds = /^\d{1,9}(\.\d{1,3})?$/.test(text) ? Number(text) : Number.NaN;
  return seconds <= maxDrainSeconds ? Math.round(seconds * 1000) : undefined;
}

function parseBoolean(text: string): boolean | undefined {
  return yes.includes(text) || (no.includes(text) ? false : undefined);
}

function parseHost(text: string): string | undefined {
  const isName = /^(?=.{1,253}$)[a-z0-9_]([a-z0-9_-]{0,62})(\.[a-z0-9_]([a-z0-9_-]{0,62}))*$/i.test(text);
  // Numbers and dots alone are an address that went wrong.
  return ipVersion(text) !== 0 || (isName && !/^[\d.]+$/.test(text)) ? text : undefined;
}

function parseRegion(text: string): string | undefined {
  return /^[a-z0-9-]{1,64}$/.test(text) ? text : undefined;
}
