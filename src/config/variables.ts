/** `${NAME}` in the configuration: which variables there are, and how text takes them. */

export type Variables = Readonly<Record<string, string | undefined>>;

/** What specta's own variables are when they are unset or empty; the others have no default. */
export const variableDefaults = {
  AWS_REGION: "us-west-2",
  SPECTA_DRAIN_SECONDS: "0",
  SPECTA_GITHUB_URL: "https://api.github.com",
  SPECTA_HTTP_HOST: "127.0.0.1",
  SPECTA_HTTP_PORT: "7777",
  SPECTA_HTTP_THREADS: "1",
  SPECTA_LOG_LEVEL: "debug",
  SPECTA_RUN_SERVER: "true",
  SPECTA_RUN_WORKER: "true",
} as const;

const defaults: Variables = variableDefaults;

/** A variable's value, or its default. Empty is unset for a variable with a default, and a value for any other. */
export function variable(variables: Variables, name: string): string | undefined {
  const fallback = Object.hasOwn(defaults, name) ? defaults[name] : undefined;
  const value = Object.hasOwn(variables, name) ? variables[name] : undefined;
  return fallback === undefined ? value : value || fallback;
}

/**
 * The host and port at which this process reaches itself: `${SPECTA_HTTP_ADDRESS}` in the configuration. A listener on
 * all addresses is reached on the loopback one.
 */
export function ownAddress(host: string, port: string): string {
  if (host === "0.0.0.0") return `127.0.0.1:${port}`;
  if (host === "::") return `[::1]:${port}`;
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

export interface Expansion {
  readonly text: string;
  /** The one variable that the whole text was, if it was. */
  readonly whole: string | undefined;
  /** Variables that are not set; each stands for nothing in `text`. */
  readonly unset: readonly string[];
  /** Whether a `${` is not followed by a name and `}`. */
  readonly malformed: boolean;
}

const reference = /\$\$\{|\$\{(?:([A-Za-z_][A-Za-z0-9_]*)\})?/g;

/** Puts variables in the places of `${NAME}`; `$${` is a plain `${`. What a variable holds is not looked at again. */
export function expand(source: string, lookup: (name: string) => string | undefined): Expansion {
  const unset: string[] = [];
  let whole: string | undefined;
  let malformed = false;
  const text = source.replace(reference, (match: string, name: string | undefined) => {
    if (match === "$${") return "${";
    if (name === undefined) {
      malformed = true;
      return "";
    }
    if (match.length === source.length) whole = name;
    const value = lookup(name);
    if (value === undefined) unset.push(name);
    return value ?? "";
  });
  return { text, whole, unset, malformed };
}
