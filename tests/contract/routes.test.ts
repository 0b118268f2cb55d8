import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { gunzipSync } from "node:zlib";
import { push } from "../harness/daemon.ts";
import { Exposition } from "../harness/exposition.ts";
import { rawRequest, sendRaw } from "../harness/raw.ts";
import { startTestServer, type TestServer } from "../harness/server.ts";

let specta: TestServer;
beforeAll(async () => {
  specta = await startTestServer({
    routes: { "/status": () => new Response("a page", { headers: { "content-type": "text/html" } }) },
  });
});
afterAll(() => specta.server.stop(0));

const origin = { Origin: "https://app.example" };
const ask = (path: string, init?: BunFetchRequestInit) => fetch(`${specta.url}${path}`, init);

describe("liveness", () => {
  test("GET / is OK and a line feed, as plain text", async () => {
    const answer = await ask("/");
    expect(answer.status).toBe(200);
    expect(answer.headers.get("content-type")).toBe("text/plain");
    expect(await answer.text()).toBe("OK\n");
  });

  test("a query does not change the route", async () => {
    expect(await (await ask("/?probe=1")).text()).toBe("OK\n");
  });

  test("a drain turns it to 503 and closes connections, while all goes on being answered", async () => {
    await using other = await startTestServer();
    expect((await fetch(other.url)).headers.get("connection")).not.toBe("close");
    await other.server.drain();
    const answer = await fetch(other.url);
    expect(answer.status).toBe(503);
    expect(await answer.text()).toBe("stopping\n");
    expect(answer.headers.get("connection")).toBe("close");
    const pushed = await push(other.url, "Histogram", [{ metric: "page_ready_duration_seconds", number: 1 }]);
    expect(pushed.status).toBe(200);
    expect(pushed.headers.get("connection")).toBe("close");
  });
});

describe("version", () => {
  test("one line of JSON with six keys", async () => {
    const answer = await ask("/version");
    expect(answer.headers.get("content-type")).toBe("application/json");
    const text = await answer.text();
    expect(text).toEndWith("}\n");
    expect(text.trimEnd()).not.toContain("\n");
    expect(JSON.parse(text)).toEqual({
      arc: process.arch === "x64" ? "amd64" : "arm64",
      gos: "linux",
      sha: "n/a",
      src: "https://github.com/0xSplits/specta",
      tag: "n/a",
      ver: `bun${Bun.version}`,
    });
  });
});

describe("the exposition", () => {
  const type = "text/plain; version=0.0.4; charset=utf-8";

  test("has the text format's type whatever is asked for", async () => {
    const answer = await ask("/metrics", { headers: { Accept: "application/openmetrics-text; version=1.0.0" } });
    expect(answer.headers.get("content-type")).toBe(type);
    expect(new Exposition(await answer.text()).families.has("page_ready_duration_seconds")).toBeTrue();
  });

  for (const [accepted, encoding] of [
    ["gzip", "gzip"],
    ["deflate, GZIP;q=0.5", "gzip"],
    ["*", "gzip"],
    ["gzip;q=0", null],
    ["*;q=0.5, gzip;q=0", null],
    ["identity", null],
    ["br", null],
    ["", null],
  ] as const) {
    test(`is ${encoding ?? "plain"} for Accept-Encoding "${accepted}"`, async () => {
      const answer = await ask("/metrics", { headers: { "Accept-Encoding": accepted }, decompress: false });
      expect(answer.headers.get("content-encoding")).toBe(encoding);
      expect(answer.headers.get("vary")).toContain("Accept-Encoding");
      const bytes = await answer.bytes();
      const text = encoding === "gzip" ? gunzipSync(bytes).toString() : new TextDecoder().decode(bytes);
      expect(new Exposition(text).value("page_ready_duration_seconds_count", { env: "testing", page: "root" })).toBe(0);
    });
  }
});

describe("HEAD", () => {
  for (const path of ["/", "/version", "/metrics", "/status"]) {
    test(`${path} answers as GET does, without a body`, async () => {
      const get = await ask(path, { headers: { "Accept-Encoding": "identity" } });
      const head = await ask(path, { method: "HEAD", headers: { "Accept-Encoding": "identity" } });
      expect(head.status).toBe(get.status);
      expect(head.headers.get("content-type")).toBe(get.headers.get("content-type"));
      expect(await head.text()).toBe("");
    });
  }
});

describe("paths and methods", () => {
  for (const path of ["/nope", "/version/", "/Version", "/metrics/", "/%76ersion", "/metrics.API", "/index.html"]) {
    test(`${path} is not found`, async () => {
      const answer = await ask(path);
      expect(answer.status).toBe(404);
      expect(answer.headers.get("content-type")).not.toContain("html");
    });
  }

  for (const [method, path, allow] of [
    ["POST", "/", "GET, HEAD"],
    ["PUT", "/version", "GET, HEAD"],
    ["DELETE", "/metrics", "GET, HEAD"],
    ["OPTIONS", "/status", "GET, HEAD"],
    ["GET", "/metrics.API/Counter", "POST"],
    ["HEAD", "/metrics.API/Gauge", "POST"],
    ["PATCH", "/metrics.API/Histogram", "POST"],
    ["OPTIONS", "/metrics.API/Histogram", "POST"],
  ] as const) {
    test(`${method} ${path} is not allowed, and says what is`, async () => {
      const answer = await ask(path, { method });
      expect(answer.status).toBe(405);
      expect(answer.headers.get("allow")).toBe(allow);
    });
  }

  test("a Host header that is none does not matter", async () => {
    const answer = await sendRaw(specta.server.port, rawRequest("GET /version HTTP/1.1", { Host: "a b<>" }));
    expect(answer).toStartWith("HTTP/1.1 200 OK");
    const body = '{"action":[{"metric":"page_ready_duration_seconds","number":1}]}';
    const headers = { Host: "a b<>", "Content-Type": "application/json", "Content-Length": String(body.length) };
    const pushed = await sendRaw(specta.server.port, rawRequest("POST /metrics.API/Histogram HTTP/1.1", headers, body));
    expect(pushed).toEndWith('{"result":[{"status":"success"}]}');
  });
});

describe("CORS", () => {
  const json = { "Content-Type": "application/json" };
  const answers = {
    "the liveness": () => ask("/", { headers: origin }),
    "the exposition": () => ask("/metrics", { headers: origin }),
    "a path that is not found": () => ask("/nope", { headers: origin }),
    "a method that is not allowed": () => ask("/version", { method: "POST", headers: origin }),
    "an RPC": () =>
      ask("/metrics.API/Histogram", {
        method: "POST",
        headers: { ...origin, ...json },
        body: '{"action":[{"metric":"page_ready_duration_seconds"}]}',
      }),
    "a rejected RPC": () =>
      ask("/metrics.API/Histogram", { method: "POST", headers: { ...origin, ...json }, body: "{}" }),
    "an RPC by GET": () => ask("/metrics.API/Histogram", { headers: origin }),
    "an unknown RPC": () => ask("/metrics.API/Nope", { method: "POST", headers: { ...origin, ...json }, body: "{}" }),
    "an unknown content type": () => ask("/metrics.API/Gauge", { method: "POST", headers: origin, body: "x" }),
    "a body that is too large": () =>
      ask("/metrics.API/Gauge", { method: "POST", headers: { ...origin, ...json }, body: "x".repeat(65_537) }),
  };
  for (const [name, call] of Object.entries(answers)) {
    test(`${name} can be read by any page`, async () => {
      const { headers } = await call();
      expect(headers.get("access-control-allow-origin")).toBe("*");
      expect(headers.get("access-control-expose-headers")).toBe("*");
      expect(headers.get("access-control-allow-credentials")).toBeNull();
      expect(headers.get("vary")).toContain("Origin");
    });
  }

  test("without an Origin only Vary is there", async () => {
    const { headers } = await ask("/");
    expect(headers.get("access-control-allow-origin")).toBeNull();
    expect(headers.get("access-control-expose-headers")).toBeNull();
    expect(headers.get("vary")).toBe("Origin");
  });

  test("a preflight names the methods and echoes the headers", async () => {
    const preflight = (path: string) =>
      ask(path, {
        method: "OPTIONS",
        headers: {
          ...origin,
          "Access-Control-Request-Method": "POST",
          "Access-Control-Request-Headers": "content-type,connect-protocol-version,x-anything",
        },
      });
    const answer = await preflight("/metrics.API/Histogram");
    expect(answer.status).toBe(204);
    expect(await answer.text()).toBe("");
    expect(answer.headers.get("access-control-allow-origin")).toBe("*");
    expect(answer.headers.get("access-control-allow-methods")).toBe("POST");
    expect(answer.headers.get("access-control-allow-headers")).toBe("content-type,connect-protocol-version,x-anything");
    expect(Number(answer.headers.get("access-control-max-age"))).toBeGreaterThan(0);
    expect(answer.headers.get("vary")).toContain("Origin");
    expect((await preflight("/metrics")).headers.get("access-control-allow-methods")).toBe("GET, HEAD");
    expect((await preflight("/nope")).status).toBe(204);
  });

  test("a list of origins is echoed one at a time, and to nobody else", async () => {
    const corsOrigins = ["https://app.example", "https://other.example"];
    await using listed = await startTestServer({ config: { corsOrigins } });
    for (const one of corsOrigins) {
      const { headers } = await fetch(listed.url, { headers: { Origin: one } });
      expect(headers.get("access-control-allow-origin")).toBe(one);
      expect(headers.get("vary")).toBe("Origin");
    }
    const stranger = { Origin: "https://app.example.evil" };
    const answer = await fetch(listed.url, { headers: stranger });
    expect(answer.status).toBe(200);
    expect(answer.headers.get("access-control-allow-origin")).toBeNull();
    expect(answer.headers.get("access-control-expose-headers")).toBeNull();
    expect(answer.headers.get("vary")).toBe("Origin");
    const preflight = await fetch(`${listed.url}/metrics.API/Gauge`, {
      method: "OPTIONS",
      headers: { ...stranger, "Access-Control-Request-Method": "POST" },
    });
    expect(preflight.status).toBe(204);
    expect(preflight.headers.get("access-control-allow-methods")).toBeNull();
  });
});

describe("a route that throws", () => {
  test("is 500, told to nobody but the log, and nothing else ends", async () => {
    await using broken = await startTestServer({
      routes: {
        "/status": () => {
          throw new Error("a secret of the house");
        },
      },
    });
    const answer = await fetch(`${broken.url}/status`, { headers: origin });
    expect(answer.status).toBe(500);
    expect(answer.headers.get("access-control-allow-origin")).toBe("*");
    expect(await answer.text()).toBe("internal error\n");
    expect(broken.log.entries.at(-1)).toMatchObject({
      level: "error",
      message: "request failed",
      keys: { code: "internal", method: "/status", reason: "a secret of the house" },
    });
    expect((await fetch(broken.url)).status).toBe(200);
  });
});
