/**
 * The files of the checkout that are made: by `specta dashboard` and `specta alerts` the examples, of the embedded default,
 * and golden ones of a larger configuration; from the schemas the reference in the README. Run this file to make them anew.
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { renderAlerts, renderAlertTests } from "../../src/alerts/render.ts";
import { renderDashboard } from "../../src/dashboard/render.ts";
import { root } from "./build.ts";
import { byDefault, likeSplits } from "./monitored.ts";
import { withReference } from "./reference.ts";

/** What each file must hold, by its path in the checkout. */
export function renderedFiles(): ReadonlyMap<string, string> {
  return new Map([
    ["examples/grafana/dashboards/specta.json", renderDashboard(byDefault)],
    ["examples/prometheus/rules.yaml", renderAlerts(byDefault)],
    ["examples/prometheus/rules.test.yaml", renderAlertTests(byDefault)],
    ["tests/golden/dashboard-splits.json", renderDashboard(likeSplits)],
    ["tests/golden/alerts-splits.yaml", renderAlerts(likeSplits)],
    ["README.md", withReference(readFileSync(join(root, "README.md"), "utf8"))],
  ]);
}

if (import.meta.main) {
  for (const [path, text] of renderedFiles()) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
}
