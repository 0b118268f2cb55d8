/** The built-in handlers in the compiled binary, whose bundle has other builds of their SDKs than the sources find. */
import { afterAll, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { FakeAws } from "../harness/aws.ts";
import { compiled } from "../harness/build.ts";
import { scrape, startDaemon } from "../harness/daemon.ts";
import { rawServer, status } from "../harness/http.ts";
import { Splits, sixHandlers } from "../harness/splits.ts";
import { testWith } from "../harness/tools.ts";

const env = "testing";
const folder = mkdtempSync(join(tmpdir(), "specta-handlers-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

testWith(["openssl"], "all six run as examples/splits.yaml says, and report what is there", async () => {
  await using splits = await Splits.start();
  const config = splits.configuration("100ms");
  await using daemon = await startDaemon({ binary: compiled(), config, env: splits.variables });
  expect((await daemon.line("worker is executing tasks")).pipelines).toBe("6");
  for (const handler of sixHandlers) await daemon.line("instrumented worker handler", { handler, success: "true" });
  expect(daemon.logs.filter(({ level }) => level === "error")).toEqual([]);

  const metrics = await scrape(daemon.url);
  const health = (name: string, label: string) =>
    Object.fromEntries(metrics.series(name, { env }).map(({ labels, value }) => [labels[label], value]));
  expect(health("http_endpoint_health", "service")).toEqual({
    explorer: 1,
    server: 1,
    specta: 1,
    "splits-lite": 1,
    teams: 1,
  });
  expect(Object.keys(health("aws_ecs_container_health", "service"))).toHaveLength(9);
  expect(health("aws_cloudformation_stack_health", "stack")).toMatchObject({ cache: 1, database: 1, alloy: 1 });
  expect(metrics.value("aws_ec2_keypair_total", { env })).toBe(3);
  expect(splits.github.requests.every(({ status }) => status === 200 || status === 304)).toBe(true);

  // What ended before the start does not count; an end that comes now does.
  const nowMs = Date.now();
  const path = ".github/workflows/go-build.yaml";
  const attempts = [{ startedMs: nowMs - 60_000, endedMs: nowMs, conclusion: "failure" }];
  splits.github.add("kayron", { id: 999_999, name: "Go Build", path, createdMs: nowMs - 60_000, attempts });
  const ended = { id: "now", startMs: nowMs - 60_000, endMs: nowMs, status: "Failed" };
  splits.aws.pipelines[0]?.executions.push(ended);
  await daemon.line("instrumented build container", { run: "999999" });
  await daemon.line("instrumented pipeline execution", { execution: "now" });
});

testWith(["openssl"], "the way out that only the environment file names is the handlers'", async () => {
  await using splits = await Splits.start();
  using proxy = await rawServer(status(404));
  const { NODE_EXTRA_CA_CERTS: authorities, ...variables } = splits.variables;
  const lines = { NODE_EXTRA_CA_CERTS: authorities, HTTP_PROXY: proxy.url, NO_PROXY: "127.0.0.1" };
  const file = join(folder, "variables");
  writeFileSync(
    file,
    Object.entries(lines)
      .map(([name, value]) => `${name}=${value}\n`)
      .join(""),
  );
  const options = {
    binary: compiled(),
    config: splits.configuration(),
    env: { ...variables, SPECTA_GITHUB_URL: "http://github.invalid" },
  };
  const look = async (args: readonly string[]) => {
    await using daemon = await startDaemon({ ...options, args });
    for (const handler of ["build", "endpoint"]) await daemon.line("instrumented worker handler", { handler });
    const all = (await scrape(daemon.url)).series("http_endpoint_health", { env });
    return all.filter(({ labels }) => labels.service === "explorer").map(({ value }) => value);
  };
  expect(await look(["--env", file])).toEqual([1]);
  expect(proxy.requests).toHaveLength(4);
  expect(proxy.requests[0]).toStartWith("GET http://github.invalid/repos/0xSplits/");
  // The control: without the file there is no proxy, and nobody knows the authority.
  expect(await look([])).toEqual([0]);
  expect(proxy.requests).toHaveLength(4);
});

describe("credentials of AWS are found", () => {
  const home = join(folder, "home");
  const file = join(folder, "token");
  const noKeys = { AWS_ACCESS_KEY_ID: undefined, AWS_SECRET_ACCESS_KEY: undefined };
  const ways: readonly (readonly [string, (aws: FakeAws) => Record<string, string | undefined>])[] = [
    ["in the environment", () => ({})],
    ["in the shared files", () => ({ ...noKeys, HOME: home })],
    ["by a process", () => ({ ...noKeys, HOME: home, AWS_PROFILE: "process" })],
    [
      "at the endpoint of a container",
      (aws) => ({
        ...noKeys,
        AWS_CONTAINER_CREDENTIALS_FULL_URI: `${aws.url}/container-credentials`,
        AWS_CONTAINER_AUTHORIZATION_TOKEN: aws.containerToken,
      }),
    ],
    [
      "at the endpoint of an instance",
      (aws) => ({ ...noKeys, AWS_EC2_METADATA_DISABLED: undefined, AWS_EC2_METADATA_SERVICE_ENDPOINT: aws.url }),
    ],
    [
      "by the token of a web identity",
      () => ({
        ...noKeys,
        AWS_WEB_IDENTITY_TOKEN_FILE: file,
        AWS_ROLE_ARN: "arn:aws:iam::123456789012:role/specta",
      }),
    ],
  ];

  test.each(ways)("%s", async (_, variables) => {
    await using aws = await new FakeAws().start();
    aws.keyPairs = ["a", "b"];
    const { accessKeyId, secretAccessKey } = aws.keys;
    const keys = `aws_access_key_id = ${accessKeyId}\naws_secret_access_key = ${secretAccessKey}\n`;
    const answer = JSON.stringify({ Version: 1, AccessKeyId: accessKeyId, SecretAccessKey: secretAccessKey });
    mkdirSync(join(home, ".aws"), { recursive: true });
    writeFileSync(join(home, ".aws", "credentials"), `[default]\n${keys}`);
    writeFileSync(join(home, "answer.json"), answer);
    writeFileSync(join(home, ".aws", "config"), `[profile process]\ncredential_process = cat ${home}/answer.json\n`);
    writeFileSync(file, "web-sentinel");
    await using daemon = await startDaemon({
      binary: compiled(),
      config: "handlers: { keypair: {} }",
      env: { ...aws.variables, ...variables(aws) },
    });
    const { success } = await daemon.line("instrumented worker handler");
    expect(daemon.logs.filter(({ level }) => level === "error")).toEqual([]);
    expect(success).toBe("true");
    expect((await scrape(daemon.url)).value("aws_ec2_keypair_total", { env })).toBe(2);
  });
});
