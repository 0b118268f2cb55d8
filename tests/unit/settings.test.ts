import { expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Problems } from "../../src/base/errors.ts";
import { loadSettings } from "../../src/commands/settings.ts";
import { selfSigned } from "../harness/certificate.ts";

/** The problems of an environment file and a configuration file. */
async function problemsOf(environment: string, configuration: string): Promise<readonly string[]> {
  const folder = await mkdtemp(join(tmpdir(), "settings-"));
  const envFile = join(folder, "specta.env");
  const configFile = join(folder, "specta.yaml");
  await Bun.write(envFile, environment);
  await Bun.write(configFile, configuration);
  try {
    await loadSettings(envFile, configFile, "development");
    return [];
  } catch (thrown) {
    if (!(thrown instanceof Problems)) throw thrown;
    return thrown.problems.map((problem) => problem.replace(`${folder}/`, ""));
  } finally {
    await rm(folder, { recursive: true });
  }
}

function watching(url: string, more = ""): string {
  return `handlers:\n  endpoint: { targets: [{ service: specta, urls: ["${url}"] }]${more} }\n`;
}

const wrongPort = 'SPECTA_HTTP_PORT must be a port from 0 to 65535: current value is "http"';

for (const url of ["http://${SPECTA_HTTP_ADDRESS}/version", "http://127.0.0.1:${SPECTA_HTTP_PORT}/version"]) {
  test(`a wrong port is one problem, though the configuration has it in ${url}`, async () => {
    expect(await problemsOf("SPECTA_HTTP_PORT=http\n", watching(url))).toEqual([wrongPort]);
    expect(await problemsOf("SPECTA_HTTP_PORT=8080\n", watching(url))).toEqual([]);
  });
}

test("a wrong host is one problem, and the configuration's own are told beside it", async () => {
  const configuration = watching("http://${SPECTA_HTTP_ADDRESS}/version", ", coolr: 5s");
  expect(await problemsOf("SPECTA_HTTP_HOST=no host\n", configuration)).toEqual([
    'SPECTA_HTTP_HOST must be an IP address or a host name: current value is "no host"',
    expect.stringMatching(/^specta\.yaml:2:\d+: handlers\.endpoint\.coolr is an unknown key: did you mean cooler\?$/),
  ]);
});

test("a missing environment is one problem, though the configuration has it in a URL", async () => {
  const before = process.env.SPECTA_ENVIRONMENT;
  delete process.env.SPECTA_ENVIRONMENT;
  const file = join(await mkdtemp(join(tmpdir(), "settings-")), "specta.yaml");
  await Bun.write(file, watching("http://shop.${SPECTA_ENVIRONMENT}.example.com"));
  try {
    await expect(loadSettings(undefined, file)).rejects.toMatchObject({
      problems: [expect.stringMatching(/^SPECTA_ENVIRONMENT must be .+: current value is missing/)],
    });
    expect((await loadSettings(undefined, file, "testing")).environment.environment).toBe("testing");
  } finally {
    if (before !== undefined) process.env.SPECTA_ENVIRONMENT = before;
    await rm(join(file, ".."), { recursive: true });
  }
});

test("a ledger that can never be opened is a problem beside the others, unless no handler runs", async () => {
  const missing = "SPECTA_DATABASE_URL=sqlite:///nowhere/at-all/ledger.db\n";
  const rule = "SPECTA_DATABASE_URL must name an SQLite file, or a new one in a folder that is there";
  const told = [`${rule}: there is no folder /nowhere/at-all`];
  const wrong = watching("http://127.0.0.1/", ", coolr: 5s");
  expect(await problemsOf(missing, watching("http://127.0.0.1/"))).toEqual(told);
  expect(await problemsOf(missing, wrong)).toEqual([expect.stringContaining("coolr"), ...told]);
  expect(await problemsOf(`${missing}SPECTA_RUN_WORKER=false\n`, watching("http://127.0.0.1/"))).toEqual([]);
  expect(await problemsOf("SPECTA_DATABASE_URL=postgres:///x\n", watching("http://127.0.0.1/"))).toEqual([
    expect.stringMatching(/^SPECTA_DATABASE_URL must be .*: current value is no URL$/),
  ]);
});

test("certificates and keys are told that no listener can use, with all other problems", async () => {
  const folder = await mkdtemp(join(tmpdir(), "settings-tls-"));
  const [good, other] = [selfSigned(Date.now(), Date.now() + 86_400_000), selfSigned(0, 86_400_000)];
  const files = { cert: good.cert, key: good.key, otherKey: other.key, text: "no PEM", half: good.key.slice(0, 90) };
  for (const [name, text] of Object.entries(files)) await Bun.write(join(folder, name), text);
  const problems = async (cert: string, key: string, ca = "cert", environment = "") => {
    const tls = { cert_file: join(folder, cert), key_file: join(folder, key), client_ca_file: join(folder, ca) };
    return (await problemsOf(environment, `server: { tls: ${JSON.stringify(tls)} }\n`)).map((problem) =>
      problem.replace(`${folder}/`, ""),
    );
  };
  const noKey = "server.tls.key_file must be a private key in PEM without a passphrase: current value is";
  try {
    expect(await problems("cert", "key")).toEqual([]);
    expect(await problems("cert", "otherKey")).toEqual([
      'server.tls.key_file must be the key of the certificate: current value is "otherKey"',
    ]);
    expect(await problems("text", "half", "text", "SPECTA_HTTP_PORT=http\n")).toEqual([
      wrongPort,
      'server.tls.cert_file must be a certificate in PEM: current value is "text"',
      `${noKey} "half"`,
      'server.tls.client_ca_file must be certificates in PEM: current value is "text"',
    ]);
    expect(await problems("cert", "cert")).toEqual([`${noKey} "cert"`]);
    expect(await problems("text", "text", "text", "SPECTA_RUN_SERVER=false\n")).toEqual([]);
  } finally {
    await rm(folder, { recursive: true });
  }
});
