import { describe, expect, test } from "bun:test";
import { availableParallelism } from "node:os";
import { Problems } from "../../src/base/errors.ts";
import { readEnvironment } from "../../src/config/environment.ts";
import type { Variables } from "../../src/config/variables.ts";

const read = (variables: Variables) => readEnvironment({ SPECTA_ENVIRONMENT: "testing", ...variables });

function problems(attempt: () => unknown): readonly string[] {
  try {
    attempt();
  } catch (error) {
    if (error instanceof Problems) return error.problems;
    throw error;
  }
  return [];
}

const rules = {
  SPECTA_ENVIRONMENT: "development, testing, staging or production",
  SPECTA_HTTP_HOST: "an IP address or a host name",
  SPECTA_HTTP_PORT: "a port from 0 to 65535",
  SPECTA_HTTP_THREADS: "a number from 1 to 256 or auto",
  SPECTA_DRAIN_SECONDS: "a number of seconds from 0 to 3600",
  SPECTA_LOG_LEVEL: "debug, info, warning or error",
  SPECTA_RUN_SERVER: "1, t, T, TRUE, true, True, 0, f, F, FALSE, false or False",
  SPECTA_RUN_WORKER: "1, t, T, TRUE, true, True, 0, f, F, FALSE, false or False",
  AWS_REGION: "an AWS region such as us-west-2",
} as const;

test("the defaults are those of the documentation", () => {
  const { variables, ...environment } = read({});
  expect(environment).toEqual({
    environment: "testing",
    githubToken: undefined,
    githubUrl: undefined,
    httpHost: "127.0.0.1",
    httpPort: 7777,
    httpThreads: 1,
    drainMs: 0,
    logLevel: "debug",
    runServer: true,
    runWorker: true,
    config: undefined,
    databaseUrl: undefined,
    awsRegion: "us-west-2",
  });
  expect(variables).toEqual({ SPECTA_ENVIRONMENT: "testing", AWS_REGION: "us-west-2" });
});

test("what is set is taken", () => {
  const { githubToken, databaseUrl, ...environment } = read({
    SPECTA_ENVIRONMENT: "production",
    SPECTA_GITHUB_TOKEN: "token",
    SPECTA_GITHUB_URL: "https://github.example.com/api/v3/",
    SPECTA_HTTP_HOST: "::",
    SPECTA_HTTP_PORT: "0",
    SPECTA_HTTP_THREADS: "4",
    SPECTA_DRAIN_SECONDS: "2.5",
    SPECTA_LOG_LEVEL: "warning",
    SPECTA_RUN_SERVER: "F",
    SPECTA_RUN_WORKER: "0",
    SPECTA_CONFIG: "specta.yaml",
    SPECTA_DATABASE_URL: "postgres://specta:secret@db/specta",
    AWS_REGION: "eu-central-1",
  });
  expect(githubToken?.reveal()).toBe("token");
  expect(databaseUrl?.reveal()).toBe("postgres://specta:secret@db/specta");
  expect(environment).toMatchObject({
    environment: "production",
    githubUrl: "https://github.example.com/api/v3",
    httpHost: "::",
    httpPort: 0,
    httpThreads: 4,
    drainMs: 2500,
    logLevel: "warning",
    runServer: false,
    runWorker: false,
    config: "specta.yaml",
    awsRegion: "eu-central-1",
  });
});

test("auto threads are one a core", () => {
  expect(read({ SPECTA_HTTP_THREADS: "auto" }).httpThreads).toBe(Math.min(availableParallelism(), 256));
});

test.each(Object.keys(rules).filter((name) => name !== "SPECTA_ENVIRONMENT"))(
  "an empty %s is as good as unset",
  (name) => {
    expect(read({ [name]: "" })).toMatchObject({ ...read({}), variables: expect.anything() });
  },
);

test.each(["SPECTA_GITHUB_TOKEN", "SPECTA_GITHUB_URL", "SPECTA_CONFIG", "SPECTA_DATABASE_URL"])(
  "an empty %s is as good as unset",
  (name) => {
    const { githubToken, githubUrl, config, databaseUrl } = read({ [name]: "" });
    expect([githubToken, githubUrl, config, databaseUrl]).toEqual([undefined, undefined, undefined, undefined]);
  },
);

describe("SPECTA_ENVIRONMENT is required", () => {
  test("unset", () => {
    expect(problems(() => readEnvironment({}))).toEqual([
      "SPECTA_ENVIRONMENT must be development, testing, staging or production: current value is missing: set it, as in SPECTA_ENVIRONMENT=development",
    ]);
  });
  test("empty", () => {
    expect(problems(() => readEnvironment({ SPECTA_ENVIRONMENT: "" }))).toEqual([
      'SPECTA_ENVIRONMENT must be development, testing, staging or production: current value is ""',
    ]);
  });
});

describe("booleans are read as Go reads them", () => {
  const readServer = (text: string) => read({ SPECTA_RUN_SERVER: text }).runServer;
  test.each(["1", "t", "T", "TRUE", "true", "True"])("%s is true", (text) => expect(readServer(text)).toBe(true));
  test.each(["0", "f", "F", "FALSE", "false", "False"])("%s is false", (text) => expect(readServer(text)).toBe(false));
});

test.each<[keyof typeof rules, string]>([
  ["SPECTA_ENVIRONMENT", "Production"],
  ["SPECTA_HTTP_HOST", "256.0.0.1"],
  ["SPECTA_HTTP_HOST", "http://localhost"],
  ["SPECTA_HTTP_HOST", "[::1]"],
  ["SPECTA_HTTP_HOST", "-a"],
  ["SPECTA_HTTP_PORT", "http"],
  ["SPECTA_HTTP_PORT", "65536"],
  ["SPECTA_HTTP_PORT", "-1"],
  ["SPECTA_HTTP_PORT", "7777 "],
  ["SPECTA_HTTP_PORT", "1e3"],
  ["SPECTA_HTTP_PORT", "tcp://10.0.0.1:7777"],
  ["SPECTA_HTTP_THREADS", "0"],
  ["SPECTA_HTTP_THREADS", "257"],
  ["SPECTA_HTTP_THREADS", "AUTO"],
  ["SPECTA_DRAIN_SECONDS", "-1"],
  ["SPECTA_DRAIN_SECONDS", "3601"],
  ["SPECTA_DRAIN_SECONDS", "5s"],
  ["SPECTA_LOG_LEVEL", "warn"],
  ["SPECTA_RUN_SERVER", "yes"],
  ["SPECTA_RUN_WORKER", "tRUE"],
  ["SPECTA_RUN_WORKER", "constructor"],
  ["AWS_REGION", "us west"],
])("%s may not be %p", (name, value) => {
  expect(problems(() => read({ [name]: value }))).toEqual([
    `${name} must be ${rules[name]}: current value is ${JSON.stringify(value)}`,
  ]);
});

test("all problems are told at once", () => {
  const all = problems(() =>
    readEnvironment({ SPECTA_HTTP_PORT: "http", SPECTA_LOG_LEVEL: "loud", SPECTA_DRAIN_SECONDS: "x" }),
  );
  expect(all).toEqual([
    "SPECTA_ENVIRONMENT must be development, testing, staging or production: current value is missing: set it, as in SPECTA_ENVIRONMENT=development",
    'SPECTA_HTTP_PORT must be a port from 0 to 65535: current value is "http"',
    'SPECTA_DRAIN_SECONDS must be a number of seconds from 0 to 3600: current value is "x"',
    'SPECTA_LOG_LEVEL must be debug, info, warning or error: current value is "loud"',
  ]);
});

describe("what a secret holds is in no problem", () => {
  test.each([
    ["SPECTA_GITHUB_TOKEN", "hush-hush and spaces", "SPECTA_GITHUB_TOKEN must be visible ASCII without spaces"],
    [
      "SPECTA_GITHUB_URL",
      "https://user:hush-hush@github.example.com",
      "SPECTA_GITHUB_URL must be an http or https URL without user, query and fragment",
    ],
    [
      "SPECTA_DATABASE_URL",
      "mysql://user:hush-hush@db",
      "SPECTA_DATABASE_URL must be sqlite://FILE or postgres://USER:PASSWORD@HOST/DATABASE",
    ],
    [
      "SPECTA_DATABASE_URL",
      "sqlite://",
      "SPECTA_DATABASE_URL must be sqlite://FILE or postgres://USER:PASSWORD@HOST/DATABASE",
    ],
  ])("%s=%s", (name, value, problem) => expect(problems(() => read({ [name]: value }))).toEqual([problem]));

  test("printing the environment prints no secret", () => {
    const { variables: _, ...environment } = read({
      SPECTA_GITHUB_TOKEN: "hush-hush",
      SPECTA_DATABASE_URL: "sqlite://hush-hush",
    });
    expect(Bun.inspect(environment) + JSON.stringify(environment)).not.toContain("hush-hush");
    expect(environment.githubToken?.reveal()).toBe("hush-hush");
  });
});
