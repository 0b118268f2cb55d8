import { describe, expect, test } from "bun:test";
import { batches, parseServiceArn, healthOf as serviceHealth } from "../../../src/handlers/container/services.ts";
import { type Execution, endedOf, endedSince } from "../../../src/handlers/deployment/executions.ts";
import type { Sample } from "../../../src/handlers/handler.ts";
import { leastHealthy } from "../../../src/handlers/health.ts";
import { Reminders } from "../../../src/handlers/reminders.ts";
import { labeller, healthOf as stackHealth } from "../../../src/handlers/stack/classify.ts";

describe("a stack", () => {
  test.each([
    ["CREATE_COMPLETE", 1],
    ["UPDATE_COMPLETE", 1],
    ["IMPORT_COMPLETE", 1],
    ["DELETE_COMPLETE", 1],
    ["CREATE_IN_PROGRESS", 0.5],
    ["UPDATE_IN_PROGRESS", 0.5],
    ["DELETE_IN_PROGRESS", 0.5],
    ["IMPORT_IN_PROGRESS", 0.5],
    ["REVIEW_IN_PROGRESS", 0.5],
    ["UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", 0.5],
    ["CREATE_FAILED", 0],
    ["DELETE_FAILED", 0],
    ["UPDATE_FAILED", 0],
    ["ROLLBACK_IN_PROGRESS", 0],
    ["ROLLBACK_COMPLETE", 0],
    ["ROLLBACK_FAILED", 0],
    ["UPDATE_ROLLBACK_IN_PROGRESS", 0],
    ["UPDATE_ROLLBACK_COMPLETE", 0],
    ["UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS", 0],
    ["UPDATE_ROLLBACK_FAILED", 0],
    ["IMPORT_ROLLBACK_IN_PROGRESS", 0],
    ["IMPORT_ROLLBACK_COMPLETE", 0],
    ["IMPORT_ROLLBACK_FAILED", 0],
    ["SOMETHING_NEW", 0],
    ["", 0],
  ])("of status %s has the health %d", (status, health) => {
    expect(stackHealth(status)).toBe(health);
  });

  const labelOf = labeller({ names: { Stack: "any", CacheStack: "cache", BigCacheStack: "big", constructor: "odd" } });

  test.each([
    ["root-CacheStack-1ABCDEFGHIJK2", "cache"],
    ["root-BigCacheStack-1ABCDEFGHIJK2", "big"],
    ["root-OtherStack-1ABCDEFGHIJK2", "any"],
    ["Stack", "any"],
    ["my-constructor", "odd"],
    ["production", "root"],
    ["root-Other-ABCDEFGHI", "root"],
    ["root-Other-abcdefghijkl", "root"],
    ["root-Other-ABCDEFGHIJ", undefined],
    ["root-Other-1ABCDEFGHIJK2", undefined],
  ])("named %s has the label %p", (name, label) => {
    expect(labelOf(name)).toBe(label);
  });

  test("keeps its label when two configured names are equally long", () => {
    const names = { AStack: "first", BStack: "second" };
    expect(labeller({ names })("BStack-AStack")).toBe("first");
  });
});

describe("an ECS service", () => {
  test.each([
    [0, 0, 0],
    [0, 2, 0],
    [1, 2, 0.5],
    [2, 2, 1],
    [3, 2, 0.5],
    [1, 0, 0.5],
  ])("with %d running of %d desired has the health %d", (running, desired, health) => {
    expect(serviceHealth({ running, desired })).toBe(health);
  });

  test("is known by its ARN, in every partition", () => {
    const arn = "arn:aws:ecs:us-west-2:123456789012:service/main/server";
    expect(parseServiceArn(arn)).toEqual({ arn, cluster: "main", service: "server" });
    const gov = "arn:aws-us-gov:ecs:us-gov-west-1:123456789012:service/main/server";
    expect(parseServiceArn(gov)).toEqual({ arn: gov, cluster: "main", service: "server" });
  });

  test.each([
    "arn:aws:ecs:us-west-2:123456789012:service/server",
    "arn:aws:ecs:us-west-2:123456789012:service/main/server/more",
    "arn:aws:ecs:us-west-2:123456789012:cluster/main/server",
    "arn:aws:ecs:us-west-2:123456789012:service/main/",
    "arn:aws:rds:us-west-2:123456789012:service/main/server",
    "main/server",
    "",
  ])("is not known by %p", (arn) => {
    expect(parseServiceArn(arn)).toBeUndefined();
  });

  test("is described with at most nine others of its own cluster", () => {
    const services = Array.from({ length: 25 }, (_, index) => ({
      arn: `${index}`,
      cluster: index % 5 === 0 ? "small" : "large",
      service: `${index}`,
    }));
    const parts = batches(services, 10);
    expect(parts.map((part) => part.length)).toEqual([5, 10, 10]);
    expect(parts.map((part) => new Set(part.map(({ cluster }) => cluster)).size)).toEqual([1, 1, 1]);
    expect(new Set(parts.flat())).toEqual(new Set(services));
    expect(batches([], 10)).toEqual([]);
  });
});

describe("an execution of a pipeline", () => {
  const execution: Execution = { id: "e1", status: "Succeeded", startMs: 1000, updatedMs: 161_500 };
  const arn = "arn:aws:codepipeline:us-west-2:123456789012:shop";

  test.each(["Succeeded", "Failed", "Stopped", "Superseded", "Cancelled", "SomethingNew"])(
    "has ended as %s",
    (status) => {
      expect(endedSince({ ...execution, status }, 0)).toBe(true);
    },
  );

  test.each(["InProgress", "Stopping"])("has not ended as %s", (status) => {
    expect(endedSince({ ...execution, status }, 0)).toBe(false);
  });

  test("is left out when it ended before the lookback", () => {
    expect(endedSince(execution, 161_500)).toBe(true);
    expect(endedSince(execution, 161_501)).toBe(false);
  });

  test("is counted and timed, as a success only when it succeeded", () => {
    const labels = { platform: "codepipeline", success: "true" };
    expect(endedOf(arn, execution)).toEqual({
      key: `${arn}/executions/e1`,
      createdMs: 1000,
      endedMs: 161_500,
      line: {
        message: "instrumented pipeline execution",
        keys: { execution: "e1", latency: "2m41s", success: "true" },
      },
      samples: [
        { metric: "deployment_execution_total", labels, number: 1 },
        { metric: "deployment_execution_duration_seconds", labels, number: 160.5 },
      ],
    });
    for (const status of ["Failed", "Stopped", "Superseded", "Cancelled"]) {
      expect(endedOf(arn, { ...execution, status }).samples[0]?.labels?.success).toBe("false");
    }
  });

  test("took no time where AWS's times run backwards", () => {
    expect(endedOf(arn, { ...execution, updatedMs: 0 }).samples[1]?.number).toBe(0);
  });
});

describe("the least healthy of several", () => {
  const sample = (service: string, number: number, more = {}): Sample => ({
    metric: "health",
    labels: { service, ...more },
    number,
  });

  test("wins, whatever their order", () => {
    expect(leastHealthy([sample("a", 1), sample("b", 0), sample("a", 0.5), sample("b", 1)])).toEqual([
      sample("a", 0.5),
      sample("b", 0),
    ]);
  });

  test("is looked for among equal labels and metrics alone", () => {
    const other = { metric: "other", labels: { service: "a" }, number: 0 };
    expect(leastHealthy([sample("a", 1), sample("a", 0, { url: "x" }), other])).toHaveLength(3);
    const turned: Sample = { metric: "health", labels: { url: "x", service: "a" }, number: 0 };
    expect(leastHealthy([sample("a", 1, { url: "x" }), turned])).toEqual([turned]);
  });
});

describe("what lasts", () => {
  test("is told when it appears and once an hour", () => {
    const clock = { ms: 0 };
    const reminders = new Reminders<string>(() => clock.ms);
    const told: [number, string][] = [];
    for (; clock.ms <= 7_300_000; clock.ms += 5000) {
      const events = new Map([["a", "a"]]);
      if (clock.ms >= 60_000) events.set("b", "b");
      for (const event of reminders.due(events)) told.push([clock.ms, event]);
    }
    expect(told).toEqual([
      [0, "a"],
      [60_000, "b"],
      [3_600_000, "a"],
      [3_660_000, "b"],
      [7_200_000, "a"],
      [7_260_000, "b"],
    ]);
  });

  test("is not told again when it flickers within the hour", () => {
    const clock = { ms: 0 };
    const reminders = new Reminders<string>(() => clock.ms);
    const told = [["a"], [], ["a"], [], ["a"]].map((names) => {
      clock.ms += 1_700_000;
      return reminders.due(new Map(names.map((name) => [name, name])));
    });
    expect(told).toEqual([["a"], [], [], [], ["a"]]);
  });
});
