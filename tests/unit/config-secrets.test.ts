/** A secret's value is in no problem, wherever it stands and whatever else is wrong. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Problems } from "../../src/base/errors.ts";
import { loadFile } from "../../src/config/load-file.ts";
import { builtIns } from "../fixtures/config/built-ins.ts";

const secret = "hush-hush-4711";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "specta-secrets-"));
  writeFileSync(join(folder, "spaced"), `${secret} ${secret}\n`);
});
afterAll(() => rmSync(folder, { recursive: true }));

function told(text: string, variables: Record<string, string> = {}): string {
  const file = join(folder, "specta.yaml");
  writeFileSync(file, text);
  try {
    loadFile({ file, variables, builtIns });
  } catch (error) {
    if (!(error instanceof Problems)) throw error;
    return `${error.message}\n${error.stack}\n${Bun.inspect(error)}\n${JSON.stringify(error.problems)}`;
  }
  return "";
}

test("control: text that is no secret is shown", () => {
  expect(told(`server: { max_body: ${secret} }`)).toContain(secret);
});

describe("a secret written as text", () => {
  test.each([
    `server: { push: { tokens: [${secret}] } }`,
    `server: { push: { tokens: ["${secret} \${X}"] } }`,
    `server: { push: { tokens: ${secret} } }`,
    `server: { push: { tokens: [[${secret}]] } }`,
    `server: { push: { tokens: [{ value: ${secret} }] } }`,
    `server: { push: { tokens: [{ file: [${secret}] }] } }`,
    `server: { push: { tokens: [{ file: ${secret} }] } }`,
    `server: { push: { token: ${secret} } }`,
    `server: { push: ${secret} }`,
    `server: { push: [${secret}] }`,
    `server: { scrape: { tokens: [${secret}] } }`,
    `server: { scrape: { password: ${secret} } }`,
    `server: { psh: { tokens: [${secret}] } }`,
    `server: [${secret}]`,
    `sever: { push: { tokens: [${secret}] } }`,
    `- ${secret}`,
    `server: { push: { tokens: [*${secret}] } }`,
    `server: { push: { tokens: [!${secret} x] } }`,
    `server: { push: { tokens: [!!binary "${secret}"] } }`,
    `server: { push: { tokens: ["\\q${secret}"] } }`,
    `server: { push: { tokens: [${secret} }`,
    `server:\n  push:\n    tokens:\n      - |${secret}\n`,
    `server:\n  push:\n    tokens:\n  ${secret}\n`,
    `server: "x" ${secret}`,
    `%${secret}\n---\nserver: 1`,
    `handlers: { endpoint: { targets: [{ service: a, urls: ["ftp://user:${secret}@host/"] }] } }`,
    `handlers: { own: { file: a.ts, with: { token: ${secret} }, cooler: x } }`,
    `handlers: { own: { with: { token: ${secret} } } }`,
  ])("%s", (text) => {
    const all = told(text, { X: "x" });
    expect(all).toContain("specta.yaml:");
    expect(all).not.toContain(secret);
  });
});

describe("a secret in a variable", () => {
  const variables = { HUSH: secret, SPACED: `${secret} ${secret}`, LINES: `${secret}\n${secret}` };
  test.each([
    'server: { push: { tokens: ["x${HUSH}"] } }',
    'server: { push: { tokens: ["${SPACED}", "${LINES}"] } }',
    "server: { push: { tokens: [{ file: spaced }] } }",
    'server: { push: { tokens: [{ file: "${HUSH}" }] } }',
    'server: { push: { tokens: ["${HUSH}"] }, max_body: "${HUSH}" }',
    'server: { rate_limit: { burst: "${HUSH}" }, cors: { origins: ["${HUSH}"] }, trusted_proxies: ["${HUSH}"] }',
    'server: { tls: { cert_file: "${HUSH}", key_file: "a${HUSH}b" } }',
    'metrics: { a: { kind: "${HUSH}", help: x, labels: "${HUSH}" } }',
    'metrics: { a: { kind: gauge, help: x, labels: { l: ["${HUSH}", "${HUSH}"] } } }',
    'handlers: { endpoint: { cooler: "${HUSH}", environments: ["${HUSH}"], targets: "${HUSH}" } }',
    'handlers: { endpoint: { targets: [{ service: a, urls: ["${HUSH}", "ftp://u:${HUSH}@h"], status: ["${HUSH}"] }] } }',
    'handlers: { own: { file: "${HUSH}", env: ["${SPACED}"] } }',
    'handlers: "${HUSH}"',
    '"${HUSH}"',
  ])("%s", (text) => {
    const all = told(text, variables);
    expect(all).toContain("specta.yaml:");
    expect(all).not.toContain(secret);
  });
});
