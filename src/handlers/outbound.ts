/**
 * How requests leave a handler's thread. Bun knows the proxy and the authorities from the environment that the process
 * was started with; what the environment file adds is seen by our variables alone, so it is given to `fetch` here.
 */
import { readFileSync, statSync } from "node:fs";
import { messageOf } from "../base/errors.ts";
import { maxPemBytes } from "../base/limits.ts";

/** The environment variables that decide it. */
export const outboundVariables: readonly string[] = [
  "HTTPS_PROXY",
  "HTTP_PROXY",
  "NO_PROXY",
  "https_proxy",
  "http_proxy",
  "no_proxy",
  "NODE_EXTRA_CA_CERTS",
  "SSL_CERT_DIR",
  "SSL_CERT_FILE",
];

/** Those that name files of authorities. */
export const authorityVariables: readonly string[] = ["NODE_EXTRA_CA_CERTS", "SSL_CERT_FILE"];

type Variables = Readonly<Record<string, string | undefined>>;

/** What `fetch` is given beside a request to a URL, so that it leaves as the thread's variables say. */
export type WayOut = (url: URL) => object;

export interface WayOutOptions {
  /** Names of the variables that name files of authorities; left out: `authorityVariables`. */
  readonly names?: readonly string[];
  /** What goes past the proxy, whatever `NO_PROXY` says; left out: nothing. */
  readonly isDirect?: (url: URL) => boolean;
}

/**
 * The way out by the thread's proxy and authorities, whose files are read at the first request with TLS.
 *
 * @throws (what it returns does) when the proxy is no URL, or a file of authorities is none
 */
export function wayOut(variables: Variables, options: WayOutOptions = {}): WayOut {
  const { names = authorityVariables, isDirect = () => false } = options;
  let trust: object | undefined;
  return (url) => {
    const proxy = isDirect(url) ? undefined : proxyFor(url, variables);
    // Bun would take a proxy from the process's own environment, for itself as well; only `false` says that there is none.
    const way = { proxy: proxy ?? false };
    if (url.protocol !== "https:" && !proxy?.startsWith("https:")) return way;
    // Some hundred certificates in memory, which plain HTTP does not need.
    trust ??= trusting(authorities(variables, names));
    return { ...way, ...trust };
  };
}

function trusting(ca: readonly string[] | undefined): object {
  return ca === undefined ? {} : { tls: { ca } };
}

/** The proxy for a URL, or undefined. @throws when the variable's value is no URL; its text is not repeated. */
export function proxyFor(url: URL, variables: Variables): string | undefined {
  const names = url.protocol === "https:" ? ["https_proxy", "HTTPS_PROXY"] : ["http_proxy", "HTTP_PROXY"];
  const name = names.find((candidate) => variables[candidate]);
  if (name === undefined || isExempt(url, variables.no_proxy || variables.NO_PROXY || "")) return undefined;
  const written = variables[name] ?? "";
  const proxy = URL.parse(written.includes("://") ? written : `http://${written}`);
  if (proxy === null || !/^https?:$/.test(proxy.protocol)) throw new Error(`${name} must be an http or https URL`);
  return proxy.href;
}

/** `NO_PROXY` as curl reads it: hosts with all below them, with or without a dot in front and a port behind, or `*`. */
function isExempt(url: URL, noProxy: string): boolean {
  const host = url.hostname.toLowerCase();
  const port = url.port || (url.protocol === "https:" ? "443" : "80");
  return noProxy.split(/[\s,]+/).some((entry) => {
    if (entry === "*") return true;
    const [, name = "", wantedPort = port] = /^(?:\*?\.)?(\[.*\]|[^:]+)(?::(\d+))?$/.exec(entry.toLowerCase()) ?? [];
    return name !== "" && wantedPort === port && (host === name || host.endsWith(`.${name}`));
  });
}

/**
 * All authorities to trust, as PEM, when the variables name files of some that Bun does not trust already; undefined
 * otherwise, and then the quicker way is to say nothing. `SSL_CERT_DIR` is left to Bun.
 *
 * @throws when a file cannot be read or holds no certificate
 */
function authorities(variables: Variables, names: readonly string[] = authorityVariables): string[] | undefined {
  const named = names.flatMap((name) => {
    const path = variables[name];
    return path ? certificates(name, path) : [];
  });
  if (named.length === 0) return undefined;
  const { getCACertificates } = process.getBuiltinModule("node:tls");
  const trusted = getCACertificates("default");
  const known = new Set(trusted.map(withoutSpace));
  const added = named.filter((pem) => !known.has(withoutSpace(pem)));
  return added.length === 0 ? undefined : [...trusted, ...added];
}

function certificates(name: string, path: string): string[] {
  let text: string;
  try {
    const { size } = statSync(path);
    if (size > maxPemBytes) throw new Error(`it has more than ${maxPemBytes} bytes`);
    text = readFileSync(path, "utf8");
  } catch (error) {
    throw new Error(`${name} must be a file that can be read: ${path}: ${messageOf(error)}`);
  }
  const found = text.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g);
  if (found === null) throw new Error(`${name} must hold certificates in PEM form: ${path}`);
  return found;
}

function withoutSpace(pem: string): string {
  return pem.replace(/\s+/g, "");
}
