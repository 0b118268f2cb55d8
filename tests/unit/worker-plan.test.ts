import { describe, expect, test } from "bun:test";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as v from "valibot";
import { Problems } from "../../src/base/errors.ts";
import { maxThreadEndMs } from "../../src/base/limits.ts";
import type { HandlerConfig } from "../../src/config/config.ts";
import type { BuiltIn } from "../../src/handlers/handler.ts";
import { Registry } from "../../src/metrics/registry.ts";
import { inspectHandler } from "../../src/worker/inspect.ts";
import { dutyOf, planHandlers } from "../../src/worker/plan.ts";
import { HandlerSeries, Owners } from "../../src/worker/series.ts";
import { ManualClock } from "../harness/clock.ts";
import { fixture, planned } from "../harness/worker.ts";

const places = (amount: number) => Array.from({ length: amount }, (_, index) => `place-${index}`);

const probe: BuiltIn<{ readonly amount: number; readonly lookback?: number }> = {
  name: "probe",
  coolerMs: 5000,
  timeoutMs: 60_000,
  schema: v.object({ amount: v.number(), lookback: v.exactOptional(v.number()) }),
  variables: ["AWS_*", "TOKEN"],
  inactive: ({ amount }) => (amount === 0 ? "it has nothing to look at" : undefined),
  metrics: ({ amount }) => ({ probed: { kind: "gauge", help: "x", labels: { place: places(amount) } } }),
  describe: ({ amount }) => `${amount} places`,
  load: () => Promise.reject(new Error("not loaded here")),
};

const hurried: BuiltIn = {
  ...probe,
  name: "hurried",
  deadlineMs: (_, __, timeoutMs) => timeoutMs * 3,
  inactive: () => undefined,
};

const variables = { AWS_REGION: "eu-west-1", AWS_PROFILE: undefined, TOKEN: "t", OTHER: "o", TOKENS: "no", QUEUE: "q" };

function handler(name: string, more: Partial<HandlerConfig> = {}): HandlerConfig {
  return {
    name,
    coolerMs: undefined,
    timeoutMs: undefined,
    staleAfterMs: 300_000,
    maxSeries: 100,
    environments: [],
    file: undefined,
    env: [],
    settings: { amount: 3 },
    ...more,
  };
}

function plan(...handlers: HandlerConfig[]) {
  return planHandlers({ handlers }, { environment: "staging", variables }, [probe, hurried]);
}

describe("the plan", () => {
  test("gives a built-in handler its own times, metrics and variables where the configuration says nothing", () => {
    expect(plan(handler("probe"))[0]).toEqual({
      name: "probe",
      inactive: undefined,
      file: undefined,
      settings: { amount: 3 },
      metrics: { probed: { kind: "gauge", help: "x", labels: { place: ["place-0", "place-1", "place-2"] } } },
      coolerMs: 5000,
      timeoutMs: 60_000,
      deadlineMs: 60_000,
      staleAfterMs: 300_000,
      maxSeries: 100,
      lookbackMs: 86_400_000,
      variables: { AWS_REGION: "eu-west-1", TOKEN: "t" },
      description: "3 places",
    });
  });

  test("takes the configuration's times before", () => {
    const [planned] = plan(
      handler("probe", { coolerMs: 1, timeoutMs: 2, settings: { amount: 1, lookback: 3_600_000 } }),
    );
    expect(planned).toMatchObject({ coolerMs: 1, timeoutMs: 2, deadlineMs: 2, lookbackMs: 3_600_000 });
  });

  test("lets a built-in handler derive its deadline from its timeout", () => {
    expect(plan(handler("hurried", { timeoutMs: 500 }))[0]).toMatchObject({ timeoutMs: 500, deadlineMs: 1500 });
  });

  test("gives a user's handler 30 s, no cooler of its own, and only the variables that it names", () => {
    const [planned] = plan(
      handler("queue", { file: "/etc/queue.ts", env: ["QUEUE", "AWS_PROFILE", "NOWHERE"], settings: { url: "x" } }),
    );
    expect(planned).toMatchObject({
      coolerMs: undefined,
      timeoutMs: 30_000,
      deadlineMs: 30_000,
      metrics: undefined,
      variables: { QUEUE: "q" },
      description: "/etc/queue.ts",
    });
    expect(dutyOf(planned!, "staging")).toEqual({
      handler: "queue",
      file: "/etc/queue.ts",
      settings: { url: "x" },
      environment: "staging",
      coolerMs: undefined,
      timeoutMs: 30_000,
      maxSeries: 100,
      variables: { QUEUE: "q" },
    });
  });

  test("says why a handler does not run", () => {
    const reasons = plan(
      handler("probe", { settings: { amount: 0 } }),
      handler("queue", { file: "/etc/queue.ts", environments: ["testing", "production"] }),
    ).map(({ name, inactive }) => [name, inactive]);
    expect(reasons).toEqual([
      ["probe", "it has nothing to look at"],
      ["queue", "it runs in testing, production only"],
      ["hurried", "the configuration does not name it"],
    ]);
  });

  test("refuses a configuration that needs more series than max_series, with the number and the metric", () => {
    const refuse = () =>
      plan(
        handler("probe", { settings: { amount: 101 } }),
        handler("hurried", { settings: { amount: 3 }, maxSeries: 2 }),
      );
    expect(refuse).toThrow(Problems);
    expect(refuse).toThrow(
      "handlers.probe.max_series must be at least 101, the series of probed: current value is 100\n" +
        "handlers.hurried.max_series must be at least 3, the series of probed: current value is 2",
    );
    expect(plan(handler("probe", { settings: { amount: 101 }, maxSeries: 101 }))[0]?.inactive).toBeUndefined();
  });
});

describe("a metric", () => {
  const options = {
    registry: new Registry("testing"),
    owners: new Owners(),
    clock: new ManualClock(),
    staleAfterMs: 1,
    maxSeries: 9,
    isShown: () => true,
    dropped: () => undefined,
  };
  const depth = { depth: { kind: "gauge", help: "x" } } as const;

  test("belongs to the first handler that declares it, and to no second one", () => {
    new HandlerSeries({ ...options, handler: "first" }).declare(depth);
    new HandlerSeries({ ...options, handler: "first" }).declare(depth);
    const second = new HandlerSeries({ ...options, handler: "second" });
    expect(() => second.declare(depth)).toThrow("the metric depth is reported by first already");
  });

  test("that specta itself or a client writes is nobody's", () => {
    options.registry.define("pushed", { kind: "gauge", help: "y" });
    const series = new HandlerSeries({ ...options, handler: "first" });
    expect(() => series.declare({ worker_handler_execution_total: { kind: "counter", help: "x" } })).toThrow(
      "is reported by specta itself already",
    );
    expect(() => series.declare({ pushed: { kind: "gauge", help: "x" } })).toThrow(
      "the metric pushed is defined already, with another shape",
    );
  });
});

describe("an inspection", () => {
  test("tells what a user's handler declares, without running it", async () => {
    const result = await inspectHandler(planned("well", fixture("well.ts"), { coolerMs: undefined }), "testing");
    expect(result).toMatchObject({
      declaration: { active: true, coolerMs: 200, metrics: { well_depth: { kind: "gauge" } } },
    });
  });

  test.each([
    ["nowhere.ts", /^there is no file .+nowhere\.ts: create it/],
    ["spinning.ts", /^it did not load within 200ms$/],
  ])("tells why %s cannot be loaded", async (name, problem) => {
    const result = await inspectHandler(planned("own", fixture(name), { timeoutMs: 200 }), "testing");
    expect(result).toEqual({ problem: expect.stringMatching(problem) });
  });

  test("ends although a thread that is deep in native code does not", async () => {
    const folder = mkdtempSync(join(tmpdir(), "specta-inspect-"));
    const [gate, file, began] = [join(folder, "gate"), join(folder, "deep.ts"), join(folder, "began")];
    expect(Bun.spawnSync(["mkfifo", gate]).exitCode).toBe(0);
    writeFileSync(
      file,
      `import { readFileSync, writeFileSync } from "node:fs";
      writeFileSync(${JSON.stringify(began)}, "");
      readFileSync(${JSON.stringify(gate)});`,
    );
    const clock = new ManualClock();
    const inspection = inspectHandler(planned("deep", file, { timeoutMs: 200 }), "testing", clock);
    while (!existsSync(began)) await Bun.sleep(1);
    clock.advance(200);
    // The control: so far the thread is waited for.
    expect(await Promise.race([inspection, Bun.sleep(20)])).toBeUndefined();
    clock.advance(maxThreadEndMs);
    expect(await inspection).toEqual({ problem: "it did not load within 200ms" });
    // Whoever opens the other end lets the reader go.
    expect(Bun.spawnSync(["sh", "-c", 'exec 3<>"$0"', gate]).exitCode).toBe(0);
    rmSync(folder, { recursive: true });
  });
});
