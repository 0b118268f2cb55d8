/** Who is let in, how often, and what is recorded once: server.push, scrape, rate_limit, tls, and Idempotency-Key. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { copyFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect } from "node:tls";
import { object, parse, string } from "valibot";
import { Problems } from "../../src/base/errors.ts";
import { Secret } from "../../src/base/secret.ts";
import { push } from "../harness/daemon.ts";
import { defaultServerConfig, startTestServer, type TestServer } from "../harness/server.ts";
import { testWith, tool } from "../harness/tools.ts";
import { actionFields, grpcFrame, input } from "../harness/wire.ts";

const metric = "page_ready_duration_seconds";
const one = [{ metric, number: 1 }];
const count = async (server: TestServer, headers = {}) => {
  const text = await (await fetch(`${server.url}/metrics`, { headers })).text();
  return Number(new RegExp(`^${metric}_count\\{env="testing"\\} (\\d+)$`, "m").exec(text)?.[1] ?? 0);
};

const errorOf = async (answer: Response) => parse(object({ message: string() }), await answer.json());

describe("push tokens", () => {
  let specta: TestServer;
  beforeAll(async () => {
    specta = await startTestServer({ config: { pushTokens: [new Secret("first-token"), new Secret("second-token")] } });
  });
  afterAll(() => specta.server.stop(0));

  for (const authorization of ["Bearer first-token", "bearer second-token", "Bearer  first-token"]) {
    test(`${authorization} may push`, async () => {
      expect((await push(specta.url, "Histogram", one, { Authorization: authorization })).status).toBe(200);
    });
  }

  for (const authorization of [
    "",
    "Bearer",
    "Bearer first",
    "Bearer first-tokens",
    "first-token",
    "Basic OmZpcnN0LXRva2Vu",
  ]) {
    test(`${JSON.stringify(authorization)} may not, and nothing is recorded`, async () => {
      const before = await count(specta);
      const answer = await push(
        specta.url,
        "Histogram",
        one,
        authorization === "" ? {} : { Authorization: authorization },
      );
      expect(answer.status).toBe(401);
      expect(answer.headers.get("www-authenticate")).toBe('Bearer realm="specta"');
      const error = await answer.json();
      expect(error).toMatchObject({ code: "unauthenticated", details: [{ debug: { kind: "unauthenticated" } }] });
      expect(JSON.stringify(error)).not.toContain("first-token");
      expect(await count(specta)).toBe(before);
    });
  }

  test("each protocol has its own error", async () => {
    const path = `${specta.url}/metrics.API/Histogram`;
    const body = input(actionFields(metric, 1));
    const twirp = await fetch(path, { method: "POST", headers: { "Content-Type": "application/protobuf" }, body });
    expect(twirp.status).toBe(401);
    expect(await twirp.json()).toMatchObject({ code: "unauthenticated", meta: { kind: "unauthenticated" } });
    const framed = { "Content-Type": "application/grpc-web+proto" };
    const web = await fetch(path, { method: "POST", headers: framed, body: grpcFrame(body) });
    expect(await web.text()).toContain("grpc-status: 16");
  });

  test("the other routes and a preflight stay open", async () => {
    for (const path of ["/", "/version", "/metrics"]) expect((await fetch(specta.url + path)).status).toBe(200);
    const preflight = await fetch(`${specta.url}/metrics.API/Histogram`, {
      method: "OPTIONS",
      headers: { Origin: "https://a.example", "Access-Control-Request-Method": "POST" },
    });
    expect(preflight.status).toBe(204);
  });
});

describe("scrape tokens", () => {
  let specta: TestServer;
  beforeAll(async () => {
    specta = await startTestServer({
      config: { scrapeTokens: [new Secret("scrape-token")] },
      routes: { "/status": () => new Response("page"), "/status.json": () => new Response("{}") },
    });
  });
  afterAll(() => specta.server.stop(0));

  const basic = (user: string, password: string) => ({
    Authorization: `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}`,
  });

  for (const path of ["/metrics", "/status", "/status.json"]) {
    test(`${path} is for those who have one`, async () => {
      const stranger = await fetch(specta.url + path);
      expect(stranger.status).toBe(401);
      expect(stranger.headers.get("www-authenticate")).toStartWith('Basic realm="specta"');
      for (const headers of [
        { Authorization: "Bearer scrape-token" },
        basic("", "scrape-token"),
        basic("me", "scrape-token"),
      ]) {
        expect((await fetch(specta.url + path, { headers })).status).toBe(200);
      }
      for (const headers of [{ Authorization: "Bearer x" }, basic("scrape-token", ""), basic("me", "scrape-token:")]) {
        expect((await fetch(specta.url + path, { headers })).status).toBe(401);
      }
    });
  }

  test("the rest stays open", async () => {
    for (const path of ["/", "/version"]) expect((await fetch(specta.url + path)).status).toBe(200);
    expect((await push(specta.url, "Histogram", one)).status).toBe(200);
  });
});

describe("the rate limit", () => {
  test("beyond the burst it is 429, by the address that a trusted proxy names", async () => {
    const rateLimit = { requestsPerSecond: 0.001, burst: 2 };
    await using specta = await startTestServer({ config: { rateLimit, trustedProxies: ["127.0.0.0/8"] } });
    const from = (address: string) => push(specta.url, "Histogram", one, { "X-Forwarded-For": address });
    const statuses = [];
    for (let turn = 0; turn < 3; turn += 1) statuses.push((await from("192.0.2.1")).status);
    expect(statuses).toEqual([200, 200, 429]);
    const refused = await from("9.9.9.9, 192.0.2.1");
    expect(refused.status).toBe(429);
    expect(Number(refused.headers.get("retry-after"))).toBeGreaterThan(0);
    expect(await refused.json()).toMatchObject({
      code: "resource_exhausted",
      details: [{ debug: { kind: "rate_limited" } }],
    });
    expect((await from("192.0.2.2")).status).toBe(200);
    expect((await fetch(specta.url)).status).toBe(200);
  });

  test("nobody else's X-Forwarded-For is believed", async () => {
    await using specta = await startTestServer({ config: { rateLimit: { requestsPerSecond: 0.001, burst: 1 } } });
    const from = (address: string) => push(specta.url, "Histogram", one, { "X-Forwarded-For": address });
    expect((await from("192.0.2.1")).status).toBe(200);
    expect((await from("192.0.2.2")).status).toBe(429);
  });
});

describe("Idempotency-Key", () => {
  let specta: TestServer;
  beforeAll(async () => {
    specta = await startTestServer();
  });
  afterAll(() => specta.server.stop(0));

  const send = (key: string, action: unknown[] = one, headers: Record<string, string> = {}) =>
    fetch(`${specta.url}/metrics.API/Histogram`, {
      method: "POST",
      headers: { "Content-Type": "application/json", "Idempotency-Key": key, ...headers },
      body: JSON.stringify({ action }),
    });

  test("a second request with a key is answered as the first and records nothing", async () => {
    const before = await count(specta);
    const answers = [await send("a-1"), await send("a-1")];
    expect(await Promise.all(answers.map((answer) => answer.text()))).toEqual(
      Array(2).fill('{"result":[{"status":"success"}]}'),
    );
    expect((await count(specta)) - before).toBe(1);
    await send("a-2");
    expect((await count(specta)) - before).toBe(2);
  });

  test("a key holds across protocols", async () => {
    const before = await count(specta);
    const path = `${specta.url}/metrics.API/Histogram`;
    const body = input(actionFields(metric, 1));
    const key = { "Idempotency-Key": "across" };
    await send("across");
    const proto = await fetch(path, {
      method: "POST",
      headers: { "Content-Type": "application/protobuf", ...key },
      body,
    });
    expect(proto.status).toBe(200);
    const framed = { "Content-Type": "application/grpc-web+proto", ...key };
    const web = await fetch(path, { method: "POST", headers: framed, body: grpcFrame(body) });
    expect(await web.text()).toContain("grpc-status: 0");
    expect((await count(specta)) - before).toBe(1);
  });

  test("many at once record one", async () => {
    const before = await count(specta);
    const answers = await Promise.all(Array.from({ length: 20 }, () => send("together")));
    expect(answers.map((answer) => answer.status)).toEqual(Array(20).fill(200));
    expect((await count(specta)) - before).toBe(1);
  });

  test("the same key with another body is refused", async () => {
    await send("b-1");
    const before = await count(specta);
    const answer = await send("b-1", [{ metric, number: 2 }]);
    expect(answer.status).toBe(400);
    expect(await answer.json()).toMatchObject({
      code: "invalid_argument",
      details: [{ debug: { kind: "idempotency_key" } }],
    });
    expect(await count(specta)).toBe(before);
  });

  test("a failure is not remembered", async () => {
    expect((await send("c-1", [{ metric: "nobody_knows" }])).status).toBe(400);
    expect((await send("c-1")).status).toBe(200);
  });

  for (const key of ["", "a b", "x".repeat(129), "é"]) {
    test(`${JSON.stringify(key.slice(0, 9))} is no key`, async () => {
      const before = await count(specta);
      const answer = await send(key);
      expect(answer.status).toBe(400);
      expect((await errorOf(answer)).message).toContain("Idempotency-Key must be 1 to 128 visible ASCII characters");
      expect(await count(specta)).toBe(before);
    });
  }
});

describe("listening", () => {
  test("a port in use is a problem that names it", async () => {
    await using first = await startTestServer();
    const { port } = first.server;
    const second = startTestServer({ port });
    expect(second).rejects.toThrow(
      new Problems([`SPECTA_HTTP_PORT must be a free port: current value is ${port}, in use on 127.0.0.1`]),
    );
    await second.catch(() => {});
  });

  test("so is an address that is not here", async () => {
    expect(startTestServer({ host: "192.0.2.1" })).rejects.toThrow(/^SPECTA_HTTP_HOST must be an address to listen on/);
  });
});

describe("TLS", () => {
  const makeCertificate = (folder: string, name: string, issuer?: string) => {
    const files = ["-keyout", join(folder, `${name}.key`), "-out", join(folder, `${name}.crt`)];
    const signed = issuer ? ["-CA", join(folder, `${issuer}.crt`), "-CAkey", join(folder, `${issuer}.key`)] : [];
    const made = Bun.spawnSync([
      ...[tool("openssl"), "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"],
      ...[...files, "-days", "2", "-subj", `/CN=${name}`, "-addext", "subjectAltName=IP:127.0.0.1", ...signed],
    ]);
    if (!made.success) throw new Error(made.stderr.toString());
    return { certFile: join(folder, `${name}.crt`), keyFile: join(folder, `${name}.key`) };
  };

  const inFolder = async (run: (folder: string) => Promise<void>) => {
    const folder = mkdtempSync(join(tmpdir(), "specta-tls-"));
    try {
      await run(folder);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  };

  const subject = (port: number) =>
    new Promise<string>((resolve, reject) => {
      const socket = connect({ port, host: "127.0.0.1", rejectUnauthorized: false }, () => {
        resolve(String(socket.getPeerCertificate().subject.CN));
        socket.destroy();
      });
      socket.on("error", reject);
    });

  testWith(["openssl"], "a certificate that changes on disk is served, half of a change is not", () =>
    inFolder(async (folder) => {
      const old = makeCertificate(folder, "old");
      const young = makeCertificate(folder, "young");
      await using specta = await startTestServer({
        config: { tls: { ...old, clientCaFile: undefined } },
        tlsReloadMs: 5,
      });
      expect(await subject(specta.server.port)).toBe("old");
      const entry = (message: string) => specta.log.entries.find((one) => one.message === message);
      const until = async (message: string) => {
        // A handshake that the change meets is reset.
        while (entry(message) === undefined) await subject(specta.server.port).catch(() => {});
      };
      copyFileSync(young.certFile, old.certFile);
      await until("certificate was not renewed");
      copyFileSync(young.keyFile, old.keyFile);
      await until("certificate was renewed");
      expect(await subject(specta.server.port)).toBe("young");
    }),
  );

  testWith(["openssl"], "with a client CA only its clients get in", () =>
    inFolder(async (folder) => {
      const server = makeCertificate(folder, "server");
      const ca = makeCertificate(folder, "ca");
      const client = makeCertificate(folder, "client", "ca");
      const stranger = makeCertificate(folder, "stranger");
      await using specta = await startTestServer({ config: { tls: { ...server, clientCaFile: ca.certFile } } });
      const ask = (who?: { certFile: string; keyFile: string }) =>
        fetch(specta.url, {
          tls: { rejectUnauthorized: false, ...(who && { cert: Bun.file(who.certFile), key: Bun.file(who.keyFile) }) },
        });
      expect(await (await ask(client)).text()).toBe("OK\n");
      expect(ask(stranger)).rejects.toThrow();
      expect(ask()).rejects.toThrow();
    }),
  );

  test("files that are not there are a problem with their key", () => {
    const tls = { certFile: "/nowhere/cert.pem", keyFile: "/nowhere/key.pem", clientCaFile: undefined };
    expect(startTestServer({ config: { ...defaultServerConfig, tls } })).rejects.toThrow(
      /^server.tls.cert_file must be a file that can be read: current value is "\/nowhere\/cert.pem"/,
    );
  });
});
