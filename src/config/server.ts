/** The `server` part of the configuration. */
import { resolve } from "node:path";
import * as v from "valibot";
import * as limits from "../base/limits.ts";
import { about, noDoubles } from "../base/schema.ts";
import { formatSize } from "../base/units.ts";
import { check, complain, part, type Report, type Subject } from "./check.ts";
import type { ServerConfig, TlsConfig } from "./config.ts";
import { readTextFile } from "./files.ts";
import { isOrigin, parseNetwork } from "./networks.ts";
import { readSecrets, secretsRule } from "./secrets.ts";
import { integer, size, text, unique } from "./values.ts";

const origins = v.pipe(
  unique(
    v.pipe(
      v.string("must be text"),
      v.check(
        (origin) => origin === "*" || isOrigin(origin),
        "must be * or an origin as browsers send it, scheme://host[:port] without a default port or a path",
      ),
    ),
  ),
  v.check((list) => list.length === 1 || !list.includes("*"), "must have * alone or not at all"),
  v.maxLength(limits.maxServerList, `must have at most ${limits.maxServerList} entries`),
);

const networks = v.pipe(
  v.array(
    v.pipe(
      v.string("must be text"),
      v.check(
        (network) => parseNetwork(network) !== undefined,
        "must be an address or a network such as 10.0.0.0/8 or fd00::/8",
      ),
      v.transform((network) => parseNetwork(network) ?? network),
    ),
    "must be a list",
  ),
  noDoubles(),
  v.maxLength(limits.maxServerList, `must have at most ${limits.maxServerList} entries`),
);

const perSecond = `must be a number from 0 to ${limits.maxRequestsPerSecond}`;

const rateLimit = v.strictObject(
  {
    requests_per_second: v.optional(
      about(
        "Pushes and scrapes a second that one client address may make; 0 is no limit.",
        v.pipe(v.number(perSecond), v.minValue(0, perSecond), v.maxValue(limits.maxRequestsPerSecond, perSecond)),
      ),
      0,
    ),
    burst: v.optional(
      about("Of them at once; 0 is as many as a second allows.", integer(0, limits.maxRequestsPerSecond)),
      0,
    ),
  },
  "must be a map",
);

const tls = v.strictObject(
  {
    cert_file: about(
      "The file of the certificate, its chain behind it. It is read again when it changes, as are the two others.",
      text,
    ),
    key_file: about("The file of its key.", text),
    client_ca_file: v.optional(
      about(
        "A file of authorities, of which one must have signed a client's certificate. Left out: clients need none.",
        text,
      ),
    ),
  },
  "must be a map",
);

/** The list itself is checked where its secrets are read. */
function tokens(description: string) {
  const list = v.pipe(v.unknown(), v.metadata({ rule: secretsRule }), v.description(description));
  return v.nullish(v.strictObject({ tokens: v.optional(list, []) }, "must be a map"));
}

/** The section as it is written. */
export const serverSchema = v.strictObject(
  {
    max_body: v.optional(
      about(
        "The largest body of a request, on the wire and again when it is unpacked.",
        size(limits.minMaxBodyBytes, limits.maxMaxBodyBytes),
      ),
      formatSize(limits.defaultMaxBodyBytes),
    ),
    cors: v.nullish(
      v.strictObject(
        { origins: v.optional(about("Where browsers may call from; an empty list is nowhere.", origins), ["*"]) },
        "must be a map",
      ),
      {},
    ),
    push: tokens("When there are any, a push needs one: `Authorization: Bearer …`."),
    scrape: tokens(
      "The same for `/metrics`, `/status` and `/status.json`, there also as the password of basic authentication.",
    ),
    rate_limit: v.nullish(rateLimit, {}),
    trusted_proxies: v.nullish(about("Load balancers whose `X-Forwarded-For` is believed.", networks), []),
    tls: v.nullish(about("Serves HTTPS.", tls)),
  },
  "must be a map",
);

type Written = v.InferOutput<typeof serverSchema>;

/** The section with what was left out filled in; relative paths start at `folder`. Undefined when a problem was reported. */
export function readServer(section: Subject, folder: string, report: Report): ServerConfig | undefined {
  const written = check(serverSchema, section, report);
  const pushTokens = readSecrets(part(section, "push"), "tokens", folder, report);
  const scrapeTokens = readSecrets(part(section, "scrape"), "tokens", folder, report);
  const tlsFiles = readTls(part(section, "tls"), folder, report);
  if (!written) return undefined;
  return {
    maxBodyBytes: written.max_body,
    corsOrigins: written.cors.origins,
    pushTokens,
    scrapeTokens,
    rateLimit: rateLimitOf(written),
    trustedProxies: written.trusted_proxies,
    tls: tlsFiles,
  };
}

/** Without a burst of its own a limit allows at once what a second allows, and at least one request. */
function rateLimitOf({ rate_limit: written }: Written): ServerConfig["rateLimit"] {
  if (written.requests_per_second === 0) return undefined;
  const { requests_per_second: requestsPerSecond, burst } = written;
  return { requestsPerSecond, burst: burst || Math.max(1, Math.ceil(requestsPerSecond)) };
}

/** Whatever else is wrong with the section, its files are looked at; what is wrong with its form was told. */
function readTls(section: Subject, folder: string, report: Report): TlsConfig | undefined {
  const { success, output: written } = v.safeParse(tls, section.value);
  if (!success) return undefined;
  const pathOf = (key: keyof typeof written, file: string): string => {
    const path = resolve(folder, file);
    const { problem } = readTextFile(path, limits.maxPemBytes);
    if (problem !== undefined) report(complain(section, [key], `must name a file that can be read (${problem})`));
    return path;
  };
  return {
    certFile: pathOf("cert_file", written.cert_file),
    keyFile: pathOf("key_file", written.key_file),
    clientCaFile: written.client_ca_file === undefined ? undefined : pathOf("client_ca_file", written.client_ca_file),
  };
}
