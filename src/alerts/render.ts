/** Prometheus rules and their promtool unit tests, as YAML. */
import { stringify } from "yaml";
import type { Monitored } from "../dashboard/monitored.ts";
import { endedRules } from "./ended.ts";
import { healthRules } from "./health.ts";
import { operationRules } from "./operation.ts";
import { pushRules } from "./push.ts";
import { type Firing, type Rule, runbookUrl, type Scene } from "./rule.ts";
import { workerRules } from "./worker.ts";

/** The rules by their group; a group without rules is left out. */
export function alertGroups(
  monitored: Monitored,
): readonly { readonly name: string; readonly rules: readonly Rule[] }[] {
  const groups = [
    { name: "health", rules: healthRules(monitored) },
    { name: "ended", rules: endedRules(monitored) },
    { name: "pushes", rules: pushRules(monitored) },
    { name: "worker", rules: workerRules(monitored) },
    { name: "specta", rules: operationRules(monitored) },
  ];
  return groups
    .filter(({ rules }) => rules.length > 0)
    .map(({ name, rules }) => ({ name: `specta ${monitored.environment} ${name}`, rules }));
}

/** A rule file for Prometheus 2 and 3. Its rules look at one environment, so files of several can be loaded together. */
export function renderAlerts(monitored: Monitored): string {
  const groups = alertGroups(monitored).map(({ name, rules }) => ({
    name,
    rules: rules.map((rule) => ({
      alert: rule.alert,
      expr: rule.expr,
      ...(rule.for === undefined ? {} : { for: rule.for }),
      labels: { severity: rule.severity },
      annotations: annotations(rule, (text) => text),
    })),
  }));
  const comment = `# Prometheus rules for specta in ${monitored.environment}, made from its configuration by "specta alerts".\n`;
  return comment + yaml({ groups });
}

/**
 * The unit tests of these rules for `promtool test rules`: every alert fires, and is silent in each of its controls.
 *
 * @param ruleFile where the rules are, relative to the tests
 */
export function renderAlertTests(monitored: Monitored, ruleFile = "rules.yaml"): string {
  const rules = alertGroups(monitored).flatMap((group) => group.rules);
  const tests = rules.flatMap((rule) => [
    ...rule.fires.map((scene) => unitTest(rule, scene, [expected(rule, scene)])),
    ...rule.silent.map((scene) => unitTest(rule, scene, [])),
  ]);
  const comment = `# Unit tests of ${ruleFile}, made by "specta alerts --tests". Run them with "promtool test rules".\n`;
  return comment + yaml({ rule_files: [ruleFile], evaluation_interval: "1m", tests });
}

function unitTest(rule: Rule, scene: Scene, alerts: readonly object[]): object {
  return {
    name: `${rule.alert} ${alerts.length > 0 ? "fires" : "is silent"}: ${scene.name}`,
    interval: "1m",
    input_series: Object.entries(scene.series).map(([series, values]) => ({ series, values })),
    alert_rule_test: [{ eval_time: `${scene.atMinute}m`, alertname: rule.alert, exp_alerts: alerts }],
  };
}

function expected(rule: Rule, { labels, value = "" }: Firing): object {
  const fill = (text: string) =>
    text
      .replace(/\{\{ \$labels\.(\w+) \}\}/g, (_, label: string) => labels[label] ?? "")
      .replace(/\{\{ \$value [^}]*\}\}/g, value);
  return { exp_labels: { ...labels, severity: rule.severity }, exp_annotations: annotations(rule, fill) };
}

function annotations({ alert, summary, description }: Rule, fill: (text: string) => string): object {
  return { summary: fill(summary), description: fill(description), runbook_url: runbookUrl(alert) };
}

function yaml(document: object): string {
  return stringify(document, { lineWidth: 0 });
}
