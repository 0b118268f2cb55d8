import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import * as v from "valibot";
import { parse } from "yaml";
import { alertGroups, renderAlerts, renderAlertTests } from "../../src/alerts/render.ts";
import { runbookUrl } from "../../src/alerts/rule.ts";
import type { Monitored } from "../../src/dashboard/monitored.ts";
import { root } from "../harness/build.ts";
import { byDefault, likeSplits, withEverything } from "../harness/monitored.ts";

const all = [byDefault, likeSplits, withEverything];
const rulesOf = (monitored: Monitored) => alertGroups(monitored).flatMap(({ rules }) => rules);
const names = (monitored: Monitored) => rulesOf(monitored).map(({ alert }) => alert);

const always = ["SpectaInstanceDown", "SpectaAbsent", "SpectaSeriesDropped"];
const ofWorkers = ["SpectaHandlerNotSucceeding", "SpectaHandlerNeverSucceeded"];
const ofPushes = ["SpectaNoPushes", "SpectaPushesRejected"];
const ofEndpoints = ["SpectaEndpointDown", "SpectaCertificateExpiresSoon", "SpectaCertificateAlmostExpired"];

test("a configuration has the alerts of what it watches and no others", () => {
  expect(names(byDefault)).toEqual([...ofEndpoints, ...ofPushes, ...ofWorkers, ...always]);
  expect(names({ ...byDefault, pushed: {} })).toEqual([...ofEndpoints, ...ofWorkers, ...always]);
  expect(names({ ...byDefault, handlers: [] })).toEqual([...ofPushes, ...always]);
  expect(names({ ...byDefault, pushed: {}, handlers: [] })).toEqual(always);
  expect(names(likeSplits)).toEqual([
    ...ofEndpoints,
    ...["SpectaContainerDown", "SpectaContainerDegraded", "SpectaStackUnhealthy", "SpectaStackStuck"],
    ...["SpectaBuildsFailing", "SpectaGithubQuotaLow", "SpectaDeploymentFailed"],
    ...ofPushes,
    ...ofWorkers,
    ...always,
  ]);
});

test("every alert fires in one scene at least and is silent in another", () => {
  for (const monitored of all) {
    for (const { alert, fires, silent } of rulesOf(monitored)) {
      expect([alert, fires.length > 0, silent.length > 0]).toEqual([alert, true, true]);
    }
  }
});

test("every alert has a severity, texts that name its labels, and a chapter in the runbook", () => {
  const runbook = readFileSync(join(root, "examples/prometheus/RUNBOOK.md"), "utf8");
  const chapters = [...runbook.matchAll(/^## (\w+)$/gm)].map(([, name]) => name!);
  const alerts = rulesOf(likeSplits);
  expect(chapters.toSorted()).toEqual(alerts.map(({ alert }) => alert).toSorted());
  for (const { alert, severity, summary, description, fires } of alerts) {
    expect(runbookUrl(alert)).toEndWith(`RUNBOOK.md#${alert.toLowerCase()}`);
    expect(["critical", "warning"]).toContain(severity);
    expect(description).toEndWith(".");
    for (const label of Object.keys(fires[0]!.labels).filter((name) => name !== "job")) {
      expect(`${alert}: ${summary} ${description}`).toContain(`{{ $labels.${label} }}`);
    }
  }
});

test("every rule keeps to the environment of the configuration", () => {
  for (const monitored of all) {
    for (const { alert, expr } of rulesOf(monitored)) {
      const matchers = expr.match(/env="(\w+)"/g);
      expect([alert, ...new Set(matchers)]).toEqual([alert, `env="${monitored.environment}"`]);
    }
  }
});

test("a handler may be without success as long as its own rhythm needs, five minutes at least", () => {
  const handler = (name: string, coolerMs: number | undefined, deadlineMs: number) => ({
    name,
    builtIn: false,
    metrics: {},
    coolerMs,
    deadlineMs,
  });
  const handlers = [
    handler("quick", 5000, 5000),
    handler("hourly", 3_600_000, 60_000),
    handler("own", undefined, 90_000),
  ];
  const rule = rulesOf({ ...byDefault, handlers }).find(({ alert }) => alert === "SpectaHandlerNotSucceeding");
  const waits = [...(rule?.expr ?? "").matchAll(/handler=~"([^"]+)".*?> (\d+)/g)].map(([, name, wait]) => [name, wait]);
  expect(waits).toEqual([
    ["quick", "300"],
    ["hourly", "10980"],
    ["own", "480"],
  ]);
});

const ruleFile = v.object({
  groups: v.array(
    v.object({
      name: v.string(),
      rules: v.array(
        v.strictObject({
          alert: v.string(),
          expr: v.string(),
          for: v.optional(v.string()),
          labels: v.strictObject({ severity: v.string() }),
          annotations: v.strictObject({ summary: v.string(), description: v.string(), runbook_url: v.string() }),
        }),
      ),
    }),
  ),
});

test("rule files of several environments can be loaded together: their groups have names of their own", () => {
  const groups = [byDefault, { ...byDefault, environment: "testing" }].flatMap(
    (monitored) => v.parse(ruleFile, parse(renderAlerts(monitored))).groups,
  );
  expect(new Set(groups.map(({ name }) => name)).size).toBe(groups.length);
});

test("the same input gives the same text", () => {
  expect(renderAlerts(withEverything)).toBe(renderAlerts(structuredClone(withEverything)));
  expect(renderAlertTests(withEverything)).toBe(renderAlertTests(structuredClone(withEverything)));
});

test("the unit tests name the file of rules that they are given", () => {
  expect(parse(renderAlertTests(byDefault, "specta.yaml"))).toMatchObject({ rule_files: ["specta.yaml"] });
});
