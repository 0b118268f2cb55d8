/** How the build handler's requests leave: by the proxy and the authorities that its thread's own variables name. */
import { afterAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createHandler } from "../../../src/handlers/build/handler.ts";
import type { Report } from "../../../src/handlers/handler.ts";
import { dayMs, reasonsOf, settings } from "../../harness/builds.ts";
import { selfSigned } from "../../harness/certificate.ts";
import { type Answer, rawServer } from "../../harness/http.ts";
import { testWith } from "../../harness/tools.ts";

const folder = mkdtempSync(join(tmpdir(), "specta-build-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const shop = settings([{ name: "shop", check: "ci" }]);
const empty: Answer = (socket) => {
  const body = '{"total_count":0,"workflow_runs":[]}';
  socket.write(`HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
};

function create(url: string, variables: Readonly<Record<string, string>>) {
  const world = {
    environment: "testing",
    variables: { SPECTA_GITHUB_TOKEN: "ghp_sentinel", SPECTA_GITHUB_URL: url, ...variables },
  };
  return createHandler(shop, world, { retryMs: 1 });
}

async function look(url: string, variables: Readonly<Record<string, string>>): Promise<Report> {
  const context = {
    with: shop,
    environment: "testing",
    timeoutMs: 60_000,
    signal: new AbortController().signal,
    log: () => undefined,
  };
  return (await create(url, variables).ensure(context)) as Report;
}

describe("the proxy", () => {
  test("of the thread's variables is used, and passed by for NO_PROXY", async () => {
    using github = await rawServer(empty);
    using proxy = await rawServer(empty);
    const variables = { HTTP_PROXY: proxy.url };
    expect((await look(github.url, variables)).failures).toEqual([]);
    expect(proxy.requests).toHaveLength(1);
    expect(proxy.requests[0]).toStartWith(`GET ${github.url}/repos/acme/shop/actions/runs?`);
    expect(github.requests).toHaveLength(0);
    expect((await look(github.url, { ...variables, NO_PROXY: "127.0.0.1" })).failures).toEqual([]);
    expect(proxy.requests).toHaveLength(1);
    expect(github.requests).toHaveLength(1);
  });

  test("that is away is an error without its password", async () => {
    const variables = { HTTP_PROXY: "http://user:pass-sentinel@127.0.0.1:1" };
    const [reason = ""] = reasonsOf(await look("http://github.invalid", variables));
    expect(reason).toContain("no answer from GitHub: ");
    expect(reason).not.toContain("sentinel");
  });

  test("that is none is said at the start, without its text", () => {
    const broken = () => create("https://github.invalid", { HTTPS_PROXY: "socks5://user:pass-sentinel@proxy" });
    expect(broken).toThrow("HTTPS_PROXY must be an http or https URL");
    expect(broken).not.toThrow("sentinel");
    expect(() => create("http://github.invalid", { HTTPS_PROXY: "socks5://proxy" })).not.toThrow();
  });
});

describe("an authority", () => {
  for (const name of ["NODE_EXTRA_CA_CERTS", "SSL_CERT_FILE"]) {
    testWith(["openssl"], `that the thread's ${name} names is trusted, another is not`, async () => {
      const nowMs = Math.floor(Date.now() / 1000) * 1000;
      const tls = selfSigned(nowMs - dayMs, nowMs + dayMs);
      const file = join(folder, `${name}.crt`);
      writeFileSync(file, tls.cert);
      using github = await rawServer(empty, tls);
      expect(reasonsOf(await look(github.url, {}))[0]).toMatch(/no answer from GitHub: .*certificate/i);
      expect(github.requests).toHaveLength(0);
      expect((await look(github.url, { [name]: file })).failures).toEqual([]);
      expect(github.requests).toHaveLength(1);
    });
  }

  test("whose file is not there is said at the start", () => {
    const missing = () => create("https://github.invalid", { SSL_CERT_FILE: "/nowhere/ca.pem" });
    expect(missing).toThrow("SSL_CERT_FILE must be a file that can be read: /nowhere/ca.pem");
  });
});
