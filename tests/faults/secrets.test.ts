/**
 * Every secret that specta can be given is in nothing that it writes or answers, while everything fails that can. What
 * a user's own handler prints or throws is that handler's affair: the last test says so.
 */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { compiled } from "../harness/build.ts";
import { selfSigned } from "../harness/certificate.ts";
import { run } from "../harness/command.ts";
import { type Daemon, type DaemonOptions, startDaemon } from "../harness/daemon.ts";
import { freePort, startPostgres } from "../harness/postgres.ts";
import { Echo, leaks, type Secrets, sentinels } from "../harness/secrets.ts";
import { testWith } from "../harness/tools.ts";
import { actionFields, grpcFrame, input } from "../harness/wire.ts";

// The first of them builds the binary.
setDefaultTimeout(120_000);

const variables = sentinels(
  "SPECTA_GITHUB_TOKEN",
  "AWS_SECRET_ACCESS_KEY",
  "AWS_SESSION_TOKEN",
  "DATABASE_PASSWORD",
  "PUSH_TOKEN",
  "SCRAPE_TOKEN",
  "VAULT_TOKEN",
  "WITH_PASSWORD",
  "URL_PASSWORD",
  "URL_KEY",
  "PROXY_PASSWORD",
);
const filed = sentinels("PUSH_FILE", "SCRAPE_FILE", "ENV_FILE");
/** What a caller tries is nobody else's to read, either. */
const tried = sentinels("TRIED_TOKEN", "TRIED_PASSWORD");
const { key, cert } = selfSigned(
  Math.floor(Date.now() / 1000) * 1000 - 3_600_000,
  Math.floor(Date.now() / 1000) * 1000 + 86_400_000,
);
const [keyLine = ""] = key.split("\n").slice(1);
const secrets: Secrets = { ...variables, ...filed, ...tried, TLS_KEY: keyLine };

const vault = `
export const metrics = { vault_depth: { kind: "gauge", help: "depth", labels: {} } };
export const cooler = () => 100;
let turn = 0;
export async function ensure(context) {
  const known = [process.env.VAULT_TOKEN, context.with.password];
  if (known.some((one) => !one?.startsWith("hush-"))) throw new Error("the handler was not given its secrets");
  turn += 1;
  if (turn === 1) console.log("vault holds", known.length);
  if (turn === 4) process.exit(3);
  if (turn % 3 === 0) return [{ metric: "nobody_knows", labels: {}, number: 1 }];
  throw new Error("the vault is closed", { cause: new Error("it is late") });
}
`;

let folder: string;
let echo: Echo;
let config: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "specta-secrets-"));
  echo = await new Echo().start();
  const write = (name: string, text: string) => writeFileSync(join(folder, name), text);
  write("push-token", filed.PUSH_FILE);
  write("scrape-token", `${filed.SCRAPE_FILE}\n`);
  write("tls.key", key);
  write("tls.crt", cert);
  write("vault.ts", vault);
  write("secrets.env", `ENV_FILE=${filed.ENV_FILE}\n`);
  const quick = { cooler: "100ms", timeout: "2s" };
  const web = `http://watcher:\${URL_PASSWORD}@${echo.host}/page?key=\${URL_KEY}`;
  config = JSON.stringify({
    server: {
      push: { tokens: ["${PUSH_TOKEN}", "${ENV_FILE}", { file: join(folder, "push-token") }] },
      scrape: { tokens: ["${SCRAPE_TOKEN}", { file: join(folder, "scrape-token") }] },
      tls: { cert_file: join(folder, "tls.crt"), key_file: join(folder, "tls.key") },
    },
    metrics: { clicks_total: { kind: "counter", help: "clicks" } },
    handlers: {
      endpoint: {
        ...quick,
        targets: [
          { service: "web", urls: [web, web.replace("page", "other"), web.replace("http:", "https:")] },
          // A host that is not this one, so that the proxy is asked for it.
          { service: "far", urls: ["https://watcher:${URL_PASSWORD}@web.invalid/?key=${URL_KEY}"] },
          { service: "gone", urls: ["http://a:${URL_PASSWORD}@127.0.0.1:1/?k=${URL_KEY}"] },
        ],
      },
      build: { ...quick, organization: "acme", repositories: [{ name: "shop", check: "ci" }] },
      deployment: quick,
      container: quick,
      keypair: quick,
      stack: quick,
      vault: { ...quick, file: join(folder, "vault.ts"), env: ["VAULT_TOKEN"], with: { password: "${WITH_PASSWORD}" } },
    },
  });
});
afterAll(async () => {
  await echo[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});

/** The environment of a daemon whose targets are all the echo, or nothing at all. */
function environment(host: string, database: string | undefined): Record<string, string | undefined> {
  const { DATABASE_PASSWORD: _, PROXY_PASSWORD, ...given } = variables;
  return {
    ...given,
    AWS_ACCESS_KEY_ID: "AKIAIOSFODNN7EXAMPLE",
    AWS_ENDPOINT_URL: `http://${host}`,
    AWS_EC2_METADATA_DISABLED: "true",
    AWS_MAX_ATTEMPTS: "1",
    HOME: folder,
    HTTPS_PROXY: `http://proxy:${PROXY_PASSWORD}@${host}`,
    HTTP_PROXY: `http://proxy:${PROXY_PASSWORD}@${host}`,
    SPECTA_GITHUB_URL: `http://${host}`,
    SPECTA_DATABASE_URL: database,
  };
}

const active = ["endpoint", "build", "deployment", "container", "keypair", "stack", "vault"];

/** Waits until every handler has failed that often. */
async function untilFailed(daemon: Daemon, times: number): Promise<void> {
  const failures = (handler: string) =>
    daemon.logs.filter(
      (line) => line.handler === handler && (line.message === "worker execution failed" || line.success === "false"),
    ).length;
  while (!active.every((handler) => handler === "endpoint" || failures(handler) >= times)) await Bun.sleep(20);
}

const basic = (password: string) => `Basic ${Buffer.from(`anyone:${password}`).toString("base64")}`;
const tokens = [
  ...[
    tried.TRIED_TOKEN,
    variables.PUSH_TOKEN,
    variables.SCRAPE_TOKEN,
    filed.PUSH_FILE,
    filed.SCRAPE_FILE,
    filed.ENV_FILE,
  ].map((token) => `Bearer ${token}`),
  ...[tried.TRIED_PASSWORD, variables.SCRAPE_TOKEN].map((password) => basic(password)),
  `Basic ${tried.TRIED_PASSWORD}`,
  `Digest username="${tried.TRIED_TOKEN}"`,
];

/** All answers to all who ask, with and without a token, and how many of each status there were. */
async function ask(url: string): Promise<{ readonly text: string; readonly statuses: ReadonlyMap<number, number> }> {
  let text = "";
  const statuses = new Map<number, number>();
  const bodies: readonly (readonly [type: string, body: string | Uint8Array<ArrayBuffer>])[] = [
    ["application/json", '{"action":[{"metric":"clicks_total","number":1}]}'],
    ["application/json", '{"action":[{"metric":"nobody_knows","labels":{"a":"b"}}]}'],
    ["application/protobuf", input(actionFields("nobody_knows", 1))],
    ["application/grpc-web+proto", grpcFrame(input(actionFields("clicks_total", 1)))],
    ["text/plain", "?"],
  ];
  const note = async (path: string, init: RequestInit) => {
    const answer = await fetch(url + path, { ...init, tls: { rejectUnauthorized: false } });
    statuses.set(answer.status, (statuses.get(answer.status) ?? 0) + 1);
    text += `${answer.status} ${JSON.stringify([...answer.headers])}\n${await answer.text()}\n`;
  };
  for (const token of [undefined, ...tokens]) {
    const headers: Record<string, string> = token === undefined ? {} : { Authorization: token };
    for (const path of ["/", "/version", "/metrics", "/status", "/status.json", "/nope", "/metrics.API/Nope"]) {
      for (const method of ["GET", "HEAD", "PUT", "OPTIONS"]) await note(path, { method, headers });
    }
    for (const [type, body] of bodies) {
      await note("/metrics.API/Counter", { method: "POST", headers: { ...headers, "Content-Type": type }, body });
    }
  }
  return { text, statuses };
}

async function endOf(daemon: Daemon): Promise<string> {
  await daemon.stop();
  return `${await daemon.stdout()}\n${await daemon.stderr()}`;
}

function start(options: DaemonOptions): Promise<Daemon> {
  return startDaemon({ binary: compiled(), config, args: ["--env", join(folder, "secrets.env")], ...options });
}

const secure = (daemon: Daemon) => daemon.url.replace("http:", "https:");

test("control: what is looked for is found, plain and encoded", () => {
  for (const [name, value] of Object.entries(secrets)) {
    expect(leaks(`x${value}y`, secrets)).toEqual([name]);
    expect(leaks(basic(value), secrets)).toEqual([name]);
    expect(leaks(encodeURIComponent(`a=${value}&`), secrets)).toEqual([name]);
  }
  expect(leaks("hush", secrets)).toEqual([]);
});

testWith(["openssl"], "no secret is told while every target repeats what it is told, and breaks it", async () => {
  await using daemon = await start({ env: environment(echo.host, undefined) });
  await untilFailed(daemon, 12);
  const { text, statuses } = await ask(secure(daemon));
  const output = await endOf(daemon);
  expect(leaks(text, secrets)).toEqual([]);
  expect(leaks(output, secrets)).toEqual([]);
  // The controls: the secrets were used, the handlers failed, some callers got in and others did not.
  const used = leaks(echo.heard, secrets);
  expect(used).toEqual(
    expect.arrayContaining(["SPECTA_GITHUB_TOKEN", "AWS_SESSION_TOKEN", "PROXY_PASSWORD", "URL_KEY", "URL_PASSWORD"]),
  );
  expect(echo.heard).toMatch(/^GET http:.*\/repos\/acme\/shop\//m);
  expect(echo.heard).toMatch(/^CONNECT web\.invalid:443$/m);
  expect(output).not.toContain("was not given its secrets");
  expect(output).toContain("vault holds 2");
  for (const status of [200, 400, 401, 404, 405, 415])
    expect([status, statuses.get(status) ?? 0]).not.toEqual([status, 0]);
  expect(text).toContain('clicks_total{env="testing"}');
});

testWith(["openssl"], "nor while no target and no database can be reached", async () => {
  const closed = `127.0.0.1:${await freePort()}`;
  const database = `postgres://specta:${variables.DATABASE_PASSWORD}@${closed}/specta`;
  await using daemon = await start({ env: environment(closed, database) });
  await untilFailed(daemon, 3);
  const { text } = await ask(secure(daemon));
  const output = await endOf(daemon);
  expect(leaks(text + output, secrets)).toEqual([]);
  expect(output).toContain(`the ledger at postgres://specta@${closed}/specta cannot be reached`);
});

testWith(["openssl", "postgres", "initdb"], "nor while the database refuses its password", async () => {
  const postgres = await startPostgres();
  try {
    const database = `postgres://specta:${variables.DATABASE_PASSWORD}@127.0.0.1:${postgres.port}/postgres`;
    await using daemon = await start({ env: environment(echo.host, database) });
    await untilFailed(daemon, 3);
    const { text } = await ask(secure(daemon));
    const output = await endOf(daemon);
    expect(leaks(text + output, secrets)).toEqual([]);
    expect(output).toContain("refuses the user name or the password");
  } finally {
    await postgres.remove();
  }
});

describe("the command line", () => {
  const told = async (args: readonly string[], more: Record<string, string | undefined> = {}, text = config) => {
    const file = join(folder, "specta.yaml");
    writeFileSync(file, text);
    const database = `postgres://specta:${variables.DATABASE_PASSWORD}@127.0.0.1:1/specta`;
    const all = {
      ...environment(echo.host, database),
      SPECTA_ENVIRONMENT: "testing",
      SPECTA_CONFIG: file,
      ENV_FILE: filed.ENV_FILE,
      ...more,
    };
    const env = Object.fromEntries(
      Object.entries(all).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
    );
    // A daemon that finds nothing wrong with what it is given would run for ever.
    const { code, stdout, stderr } = await run([compiled(), ...args], { env, cwd: folder, timeoutMs: 10_000 });
    return { code, output: stdout + stderr };
  };

  test.each(["check", "dashboard", "alerts", "alerts --tests", "version", "help"])("%s tells none", async (line) => {
    const { code, output } = await told(line.split(" "));
    expect(leaks(output, secrets)).toEqual([]);
    expect({ code, output }).toEqual({ code: 0, output: expect.stringMatching(/\S/) });
  });

  const bad: Readonly<Record<string, readonly [variables: Record<string, string>, names: string]>> = {
    "a token of GitHub with a space": [
      { SPECTA_GITHUB_TOKEN: `${secrets.SPECTA_GITHUB_TOKEN} x` },
      "SPECTA_GITHUB_TOKEN must be visible ASCII",
    ],
    "a URL of GitHub with a password": [
      { SPECTA_GITHUB_URL: `https://u:${secrets.URL_PASSWORD}@h/` },
      "SPECTA_GITHUB_URL must be",
    ],
    "a database that nobody knows": [
      { SPECTA_DATABASE_URL: `mysql://u:${secrets.DATABASE_PASSWORD}@h/d` },
      "SPECTA_DATABASE_URL must be",
    ],
    "a database's address that is none": [
      { SPECTA_DATABASE_URL: `postgres://u:${secrets.DATABASE_PASSWORD}@h:x/d` },
      "SPECTA_DATABASE_URL must be",
    ],
    "a push token with a space": [
      { PUSH_TOKEN: `${secrets.PUSH_TOKEN} x` },
      "server.push.tokens[0] must be visible ASCII",
    ],
    "a password that breaks its URL": [{ URL_PASSWORD: `${secrets.URL_PASSWORD}/` }, "must be an http or https URL"],
    "a port that is none": [{ SPECTA_HTTP_PORT: "http" }, "SPECTA_HTTP_PORT must be a port"],
  };

  test.each(Object.keys(bad))("an error tells none: %s", async (name) => {
    const [wrong, expected] = bad[name]!;
    for (const command of ["daemon", "check", "dashboard"]) {
      const { code, output } = await told([command], wrong);
      expect(leaks(output, secrets)).toEqual([]);
      expect({ code, output }).toEqual({ code: 1, output: expect.stringContaining(expected) });
    }
  });

  test.each([
    ["a secret in place of a name", "PUSH_TOKEN", variables.PUSH_TOKEN],
    ["a key that nobody knows", '"tokens"', '"tokns"'],
    ["a list too deep", '"tokens":[', '"tokens":[['],
    ["no certificate", "tls.crt", "secrets.env"],
    ["no key", "tls.key", "secrets.env"],
  ])("a broken file tells none: %s", async (_, good, wrong) => {
    const { code, output } = await told(["daemon"], {}, config.replace(good, wrong));
    expect(leaks(output, secrets)).toEqual([]);
    expect({ code, output }).toEqual({ code: 1, output: expect.stringMatching(/specta: \S/) });
  });

  test("an environment file with a line that is none tells none", async () => {
    writeFileSync(join(folder, "broken.env"), `${filed.ENV_FILE}\nENV_FILE='${filed.ENV_FILE}\n`);
    const { code, output } = await told(["daemon", "--env", join(folder, "broken.env")]);
    expect(leaks(output, secrets)).toEqual([]);
    expect(code).toBe(1);
  });

  test("a misuse tells none", async () => {
    const { code, output } = await told(["daemon", "--evn", "x"]);
    expect(leaks(output, secrets)).toEqual([]);
    expect(code).toBe(2);
  });
});

test("control: a user's handler that throws its own secret tells the log, and the status page hides even that", async () => {
  const own = sentinels("OWN_TOKEN");
  writeFileSync(
    join(folder, "own.ts"),
    "export const metrics = {}; export const cooler = () => 100; export async function ensure() { throw new Error(`no entry with ${process.env.OWN_TOKEN}`); }",
  );
  const handlers = { own: { file: join(folder, "own.ts"), env: ["OWN_TOKEN"] } };
  await using daemon = await startDaemon({ binary: compiled(), config: JSON.stringify({ handlers }), env: own });
  await daemon.line("worker execution failed", { handler: "own" });
  const page = await (await fetch(`${daemon.url}/status`)).text();
  expect(page).toContain("no entry with ${OWN_TOKEN}");
  expect(leaks(page, own)).toEqual([]);
  expect(leaks(await endOf(daemon), own)).toEqual(["OWN_TOKEN"]);
});
