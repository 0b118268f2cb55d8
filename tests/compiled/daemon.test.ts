/** The daemon as people run it: the compiled binary, away from its sources, with nothing around it. */
import { afterAll, expect, test } from "bun:test";
import { chmodSync, copyFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { compiled, root } from "../harness/build.ts";
import { run } from "../harness/command.ts";
import { Daemon, push, scrape, startDaemon } from "../harness/daemon.ts";
import { testWith, tool } from "../harness/tools.ts";

const folder = mkdtempSync(join(tmpdir(), "specta-compiled-"));
chmodSync(folder, 0o755);
afterAll(() => {
  for (const name of readdirSync(folder)) chmodSync(join(folder, name), 0o755);
  rmSync(folder, { recursive: true, force: true });
});

const page = { metric: "page_ready_duration_seconds", number: 47, labels: { page: "root" } };

async function pushesAndScrapes(url: string): Promise<void> {
  const answer = await push(url, "Histogram", [page]);
  expect({ status: answer.status, body: await answer.text() }).toEqual({
    status: 200,
    body: '{"result":[{"status":"success"}]}',
  });
  const exposition = await scrape(url);
  expect(exposition.value("page_ready_duration_seconds_sum", { env: "testing", page: "root" })).toBe(47);
}

testWith(
  ["root", "setpriv"],
  "it runs as nobody, from a read-only folder, without HOME, and writes nothing",
  async () => {
    const place = mkdtempSync(join(folder, "read-only-"));
    const binary = join(place, "specta");
    copyFileSync(compiled(), binary);
    chmodSync(binary, 0o555);
    chmodSync(place, 0o555);
    const nobody = [
      tool("setpriv"),
      "--reuid=65534",
      "--regid=65534",
      "--clear-groups",
      "--no-new-privs",
      "--bounding-set=-all",
    ];
    expect((await run([...nobody, "touch", join(place, "file")], { env: { PATH: process.env.PATH ?? "" } })).code).toBe(
      1,
    );

    const version = await run([...nobody, binary, "version"], { cwd: place });
    expect(version).toMatchObject({ code: 0, stderr: "" });
    expect(version.stdout).toContain("Git Sha       n/a");

    await using daemon = await startDaemon({ binary, prefix: nobody, cwd: place, env: { TMPDIR: place } });
    expect(readFileSync(`/proc/${daemon.pid}/status`, "utf8")).toContain("\nUid:\t65534\t65534\t65534\t65534\n");
    await pushesAndScrapes(daemon.url);
    expect(await daemon.stop()).toEqual({ code: 0, signal: null });
    expect(await daemon.stderr()).toBe("");
    expect(readdirSync(place)).toEqual(["specta"]);
  },
);

test.each(["SIGTERM", "SIGINT"] as const)("%s ends it with exit code 0", async (signal) => {
  await using daemon = await startDaemon({ binary: compiled() });
  await pushesAndScrapes(daemon.url);
  daemon.signal(signal);
  expect(await daemon.exited).toEqual({ code: 0, signal: null });
  expect(await daemon.stderr()).toBe("");
});

test("a signal ends it with exit code 0 however early it comes", async () => {
  await using daemon = new Daemon({ binary: compiled() });
  await daemon.line("daemon is launching procs");
  daemon.signal("SIGTERM");
  expect(await daemon.exited).toEqual({ code: 0, signal: null });
});

test("while it drains all is answered, and / says that it stops; a second signal ends it at once", async () => {
  await using daemon = await startDaemon({ binary: compiled(), env: { SPECTA_DRAIN_SECONDS: "60" } });
  const before = await fetch(`${daemon.url}/`);
  expect({ status: before.status, body: await before.text() }).toEqual({ status: 200, body: "OK\n" });
  expect(before.headers.get("connection")).not.toBe("close");
  daemon.signal("SIGTERM");
  let answer = await fetch(`${daemon.url}/`);
  while (answer.status === 200) answer = await fetch(`${daemon.url}/`);
  expect({ status: answer.status, body: await answer.text() }).toEqual({ status: 503, body: "stopping\n" });
  expect(answer.headers.get("connection")).toBe("close");
  await pushesAndScrapes(daemon.url);
  daemon.signal("SIGTERM");
  expect(await daemon.exited).toEqual({ code: 0, signal: null });
});

test.each(["1", "2"])("connections without a whole request do not hold it up: %s threads", async (threads) => {
  await using daemon = await startDaemon({ binary: compiled(), env: { SPECTA_HTTP_THREADS: threads } });
  const { port } = new URL(daemon.url);
  const lines = Array.from({ length: 8 }, () => connect(Number(port), "127.0.0.1"));
  const closed = lines.map((line) => new Promise((resolve) => line.on("error", resolve).on("close", resolve)));
  for (const line of lines) line.write("GET / HTTP/1.1\r\nHost: h\r\n");
  // The control: a request that is under way is waited for, and answered.
  const body = JSON.stringify({ action: [{ metric: "page_ready_duration_seconds", number: 1 }] });
  const slow = connect(Number(port), "127.0.0.1");
  let answer = "";
  slow.on("data", (bytes) => {
    answer += bytes.toString();
  });
  const answered = new Promise((resolve) => slow.on("close", resolve));
  const head = "POST /metrics.API/Histogram HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\n";
  slow.write(`${head}Content-Length: ${body.length}\r\n\r\n${body.slice(0, -1)}`);
  await pushesAndScrapes(daemon.url);
  daemon.signal("SIGTERM");
  await daemon.line("daemon is stopping");
  const start = performance.now();
  slow.write(body.slice(-1));
  await answered;
  expect(answer).toStartWith("HTTP/1.1 200 OK\r\n");
  expect(await daemon.exited).toEqual({ code: 0, signal: null });
  expect(performance.now() - start).toBeLessThan(5000);
  await Promise.all(closed);
});

test("after the drain it ends by itself", async () => {
  await using daemon = await startDaemon({ binary: compiled(), env: { SPECTA_DRAIN_SECONDS: "1" } });
  const start = performance.now();
  expect(await daemon.stop()).toEqual({ code: 0, signal: null });
  expect(performance.now() - start).toBeGreaterThan(900);
});

test("a port in use is an error on stderr, exit code 1", async () => {
  await using first = await startDaemon({ binary: compiled() });
  const port = new URL(first.url).port;
  await using second = new Daemon({ binary: compiled(), env: { SPECTA_HTTP_PORT: port } });
  expect(await second.exited).toEqual({ code: 1, signal: null });
  expect(await second.stderr()).toContain(port);
  expect(second.logs.map(({ message }) => message)).not.toContain("server is accepting calls");
  await pushesAndScrapes(first.url);
});

test("all problems of the environment are said at once, and nothing listens", async () => {
  const env = {
    SPECTA_ENVIRONMENT: "prod",
    SPECTA_HTTP_PORT: "http",
    SPECTA_RUN_WORKER: "yes",
    SPECTA_LOG_LEVEL: "loud",
  };
  await using daemon = new Daemon({ binary: compiled(), env });
  expect(await daemon.exited).toEqual({ code: 1, signal: null });
  const stderr = await daemon.stderr();
  for (const name of Object.keys(env)) expect(stderr).toContain(name);
  expect(stderr).toContain('SPECTA_HTTP_PORT must be a port from 0 to 65535: current value is "http"');
  expect(await daemon.stdout()).toBe("");
});

test("without an environment it does not start", async () => {
  await using daemon = new Daemon({ binary: compiled(), env: { SPECTA_ENVIRONMENT: undefined } });
  expect(await daemon.exited).toEqual({ code: 1, signal: null });
  expect(await daemon.stderr()).toContain("SPECTA_ENVIRONMENT");
});

test("a problem of the configuration is said with its file and line, exit code 1", async () => {
  await using daemon = new Daemon({ binary: compiled(), config: "server:\n  max_body: 64KiB\nhandlerz: {}\n" });
  const path = join(daemon.folder, "specta.yaml");
  expect(await daemon.exited).toEqual({ code: 1, signal: null });
  const stderr = await daemon.stderr();
  expect(stderr).toContain(`${path}:3`);
  expect(stderr).toContain("handlers");
  expect(await daemon.stdout()).toBe("");
});

test("of the working folder's files only .env is read, and only for what the environment leaves unset", async () => {
  const cwd = mkdtempSync(join(folder, "dotenv-"));
  writeFileSync(join(cwd, ".env"), "SPECTA_ENVIRONMENT=staging\nSPECTA_LOG_LEVEL=error\n");
  writeFileSync(join(cwd, ".env.local"), "SPECTA_RUN_WORKER=neither\n");
  writeFileSync(join(cwd, ".env.production"), "SPECTA_RUN_WORKER=neither\n");
  writeFileSync(join(cwd, "bunfig.toml"), 'preload = ["./missing.ts"]\n');
  const env = { SPECTA_ENVIRONMENT: undefined, SPECTA_LOG_LEVEL: "debug" };
  await using daemon = await startDaemon({ binary: compiled(), cwd, env });
  expect(await daemon.line("daemon is launching procs")).toMatchObject({ environment: "staging" });
});

test("an environment file that is named must be there", async () => {
  await using daemon = new Daemon({ binary: compiled(), args: ["--env", "missing.env"] });
  expect(await daemon.exited).toEqual({ code: 1, signal: null });
  expect(await daemon.stderr()).toContain("missing.env");
});

/** The line that logged, as the binary names it, must hold the message in the source. */
function expectCaller(line: Readonly<Record<string, unknown>>): void {
  const [, path, number] = /^\.\.\.\/(src\/[\w/-]+\.ts):(\d+)$/.exec(String(line.caller)) ?? [];
  expect(path, String(line.caller)).toBeDefined();
  const source = readFileSync(join(root, path!), "utf8").split("\n");
  const near = source.slice(Number(number) - 1, Number(number) + 2).join("\n");
  expect(near).toContain(JSON.stringify(line.message));
}

test("its first log lines are exact, and name the source lines that wrote them", async () => {
  await using daemon = await startDaemon({ binary: compiled() });
  for (const message of ["daemon is launching procs", "worker is executing tasks"]) await daemon.line(message);
  expect(await daemon.stop()).toEqual({ code: 0, signal: null });
  expect(daemon.log.malformed).toEqual([]);
  const address = daemon.url.replace("http://", "");
  const keys = { environment: "testing", address, pipelines: "1" };
  const events = [
    ["daemon is launching procs", "environment", "src/commands/daemon.ts"],
    ["server is accepting calls", "address", "src/server/listen.ts"],
    ["worker is executing tasks", "pipelines", "src/worker/engine.ts"],
  ] as const;
  const lines = (await daemon.stdout()).split("\n");
  for (const [message, key, file] of events) {
    const line = lines.find((text) => text.includes(JSON.stringify(message)));
    expect(line).toMatch(/^\{ "time":"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", "level":"info", "message":"/);
    const end = `"message":"${message}", "${key}":"${keys[key]}", "caller":".../${file}:`;
    expect(line?.slice(line.indexOf('"message"'), line.lastIndexOf(":") + 1)).toBe(end);
    expect(line).toMatch(/:\d+" \}$/);
    expectCaller(await daemon.line(message));
  }
});

test("whatever a caller writes stays within its line: no line break of any kind, no control character", async () => {
  await using daemon = await startDaemon({ binary: compiled(), env: { SPECTA_LOG_LEVEL: "debug" } });
  const metric = 'a"b\\c\r\n\u0000\u001b[31m\u007f\u0085\u009b\u2028\u2029\u{1f600}';
  await (await push(daemon.url, "Counter", [{ metric, number: 1 }])).bytes();
  const line = await daemon.line("request failed");
  expect(line.reason).toEndWith(`current value is ${JSON.stringify(metric)}`);
  expect(await daemon.stop()).toEqual({ code: 0, signal: null });
  const output = await daemon.stdout();
  expect(output).toContain("\\u2028\\u2029");
  expect(output.replaceAll("\n", "")).not.toMatch(/[\p{Cc}\u2028\u2029]/u);
  expect(daemon.log.malformed).toEqual([]);
});
