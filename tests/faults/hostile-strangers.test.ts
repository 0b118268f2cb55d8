/** Strangers who try to get in, to be somebody else, or to hold TLS up: refused, and others are served. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect as connectTls } from "node:tls";
import { compiled } from "../harness/build.ts";
import { selfSigned } from "../harness/certificate.ts";
import { push, startDaemon } from "../harness/daemon.ts";
import { Exposition } from "../harness/exposition.ts";
import { Line, prize, prizePost, Target } from "../harness/hostile.ts";
import { testWith } from "../harness/tools.ts";

// The first of them builds the binary.
setDefaultTimeout(120_000);

const good = prizePost(`Content-Length: ${prize.length}\r\n`);
const kept = good.replace("Connection: close\r\n", "");

describe("who is let in", () => {
  const token = "let-me-in-4711";
  let target: Target;
  beforeAll(async () => {
    target = await Target.start(
      { env: { TOKEN: token } },
      {
        server: { push: { tokens: ["${TOKEN}"] }, scrape: { tokens: ["${TOKEN}"] } },
        headers: { Authorization: `Bearer ${token}` },
      },
    );
  });
  afterAll(() => target[Symbol.asyncDispose]());

  const basic = (credentials: string | Uint8Array) => `Basic ${Buffer.from(credentials).toString("base64")}`;
  const ask = async (authorization: string) => {
    const text = `GET /metrics HTTP/1.1\r\nHost: h\r\nConnection: close\r\nAuthorization: ${authorization}\r\n\r\n`;
    const [status] = await target.statuses(new Uint8Array(Buffer.from(text, "latin1")));
    return status;
  };

  test.each([
    ["one character less", `Bearer ${token.slice(0, -1)}`],
    ["one more", `Bearer ${token}x`],
    ["twice the token", `Bearer ${token}${token}`],
    ["two tokens", `Bearer ${token} ${token}`],
    ["ten thousand characters", `Bearer ${"x".repeat(10_000)}`],
    ["another case", `Bearer ${token.toUpperCase()}`],
    ["a quoted one", `Bearer "${token}"`],
    ["a NUL's neighbour", `Bearer ${token}\xa0`],
    ["nothing", "Bearer "],
    ["another scheme", `Token ${token}`],
    ["a list of schemes", `Basic x, Bearer ${token}`],
    ["the token as the user", basic(`${token}:`)],
    ["a colon in front of it", basic(`me::${token}`)],
    ["a colon behind it", basic(`me:${token}:`)],
    ["no colon", basic(token)],
    ["a user of many colons, as a password may have them", basic(`a:b:c:${token}`)],
    ["letters beyond ASCII", basic(`me:${token}ü`)],
    ["bytes that are no UTF-8", basic(new Uint8Array([0x6d, 0x3a, 0xff, 0xfe, 0xc3]))],
    ["a header twice", `Bearer x\r\nAuthorization: Bearer ${token}`],
  ])("not by %s", async (_, authorization) => {
    expect(await ask(authorization)).toBe(401);
  });

  test.each([
    ["the token", `Bearer ${token}`],
    ["its scheme in capitals", `BEARER ${token}`],
    ["a password of any user", basic(`me:${token}`)],
    ["a user beyond ASCII", basic(`mé:${token}`)],
    ["no user", basic(`:${token}`)],
  ])("control: by %s", async (_, authorization) => {
    expect(await ask(authorization)).toBe(200);
  });

  test("a push without a token records nothing, though its body is a good one, and another follows", async () => {
    const statuses = await target.withstands(() => target.statuses(kept + kept + good));
    expect(new Set(statuses)).toEqual(new Set([401]));
  });
});

describe("addresses that a client makes up", () => {
  const limited = { rate_limit: { requests_per_second: 0.001, burst: 50 } };
  const ask = (url: string, forwarded: string) =>
    push(url, "Counter", [{ metric: "probes_total", number: 1 }], { "X-Forwarded-For": forwarded });

  test("are one address where no proxy is trusted, and many behind a trusted one", async () => {
    const refusals = async (server: object) => {
      await using target = await Target.start({}, { server: { ...limited, ...server } });
      const answers = [];
      for (let at = 0; at < 80; at += 1) answers.push((await ask(target.daemon.url, `203.0.113.${at}`)).status);
      return answers.filter((status) => status === 429).length;
    };
    // Two requests of the set-up count as well.
    expect(await refusals({})).toBe(80 - 48);
    expect(await refusals({ trusted_proxies: ["192.0.2.0/24"] })).toBe(80 - 48);
    // The control.
    expect(await refusals({ trusted_proxies: ["127.0.0.0/8"] })).toBe(0);
  });

  test("are not believed in front of the one that the proxy has seen", async () => {
    await using target = await Target.start(
      {},
      { server: { ...limited, trusted_proxies: ["127.0.0.0/8", "10.0.0.0/8"] } },
    );
    const spellings = [
      (at: number) => `198.51.100.${at}, 203.0.113.9`,
      (at: number) => `10.0.0.${at}, 203.0.113.9, 10.0.0.1`,
      (at: number) => `${at}, ::ffff:203.0.113.9`,
      (at: number) => `junk-${at},203.0.113.9:${4000 + at}`,
      (at: number) => `${"1.1.1.1, ".repeat(at)}::ffff:cb00:7109`,
    ];
    const statuses: number[] = [];
    for (let at = 0; at < 60; at += 1) {
      const spelled = spellings[at % spellings.length]!;
      statuses.push((await ask(target.daemon.url, spelled(at))).status);
    }
    expect(statuses.indexOf(429)).toBe(50);
    expect(new Set(statuses.slice(50))).toEqual(new Set([429]));
  });
});

describe("TLS", () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "specta-hostile-"));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  /** What a client sends first. */
  async function hello(): Promise<Uint8Array> {
    const heard = Promise.withResolvers<Uint8Array>();
    using server = Bun.listen({
      hostname: "127.0.0.1",
      port: 0,
      socket: { data: (_, bytes) => heard.resolve(new Uint8Array(bytes)) },
    });
    const client = connectTls({ port: server.port, host: "127.0.0.1" });
    client.on("error", () => client.destroy());
    const bytes = await heard.promise;
    client.destroy();
    return bytes;
  }

  testWith(["openssl"], "handshakes that are slow, broken or none hold no connection, and no other up", async () => {
    const nowMs = Math.floor(Date.now() / 1000) * 1000;
    const { key, cert } = selfSigned(nowMs - 3_600_000, nowMs + 86_400_000);
    const [keyFile, certFile] = [join(folder, "key.pem"), join(folder, "cert.pem")];
    writeFileSync(keyFile, key);
    writeFileSync(certFile, cert);
    const config = JSON.stringify({
      server: { tls: { cert_file: certFile, key_file: keyFile } },
      metrics: { clicks_total: { kind: "counter", help: "clicks" } },
    });
    await using daemon = await startDaemon({ binary: compiled(), config });
    const { port } = new URL(daemon.url);
    const ask = async (path: string, init: RequestInit = {}) => {
      const answer = await fetch(`https://127.0.0.1:${port}${path}`, { ...init, tls: { rejectUnauthorized: false } });
      return await answer.text();
    };
    const clicks = async () => new Exposition(await ask("/metrics")).value("clicks_total", { env: "testing" });
    const first = await hello();
    const open = async (bytes: string | Uint8Array) => {
      const line = await Line.to(Number(port));
      if (bytes.length > 0) await line.send(bytes);
      return line;
    };
    const lines: Line[] = await Promise.all([
      open(""),
      open(first.slice(0, 50)),
      open(first),
      open(good),
      open(Uint8Array.from({ length: 1000 }, (_, at) => (at * 7) & 255)),
      open(new Uint8Array([0x16, 3, 1, 0xff, 0xff, 1, 0, 0xff, 0xff])),
      ...Array.from({ length: 500 }, () => open(first.slice(0, 40))),
    ]);
    const slow = await open("");
    for (let at = 0; at < first.length && !slow.isClosed; at += 1) {
      await slow.send(first.slice(at, at + 1));
      await Bun.sleep(20);
      if (at % 50 === 0) expect(await ask("/")).toBe("OK\n");
    }
    const closed = await Promise.all([...lines, slow].map((line) => line.closed));
    expect(closed.filter((text) => text.includes("HTTP/1.1"))).toEqual([]);
    expect(await clicks()).toBe(0);
    // The control.
    const headers = { "Content-Type": "application/json" };
    expect(await ask("/metrics.API/Counter", { method: "POST", headers, body: prize })).toContain("success");
    expect(await clicks()).toBe(1);
    expect(daemon.logs.filter(({ level }) => level === "error")).toEqual([]);
  });
});
