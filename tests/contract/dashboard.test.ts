/** The dashboard as Grafana's published types want it, and its queries on a real Prometheus with data behind them. */
import { expect, test } from "bun:test";
import { renderDashboard } from "../../src/dashboard/render.ts";
import { startExporter } from "../harness/exporter.ts";
import { fill, type Panel, panelsOf, readDashboard } from "../harness/grafana.ts";
import { byDefault, likeSplits, odd, withEverything } from "../harness/monitored.ts";
import { Prometheus } from "../harness/prometheus.ts";
import { testWith } from "../harness/tools.ts";
import { type Judged, typeErrors } from "../harness/typecheck.ts";

const sdk = "@grafana/grafana-foundation-sdk";
const kinds = {
  "status-history": "statushistory",
  timeseries: "timeseries",
  stat: "stat",
  bargauge: "bargauge",
  table: "table",
} as const;
const withOwnFieldConfig: readonly string[] = ["statushistory", "timeseries", "table"];
const imports = ["dashboard", "prometheus", ...Object.values(kinds)].map(
  (name) => `import type * as ${name} from "${sdk}/${name}";`,
);

/** A dashboard and, each by its own type, what the dashboard's type leaves open: panels, their options, their queries. */
function judged(text: string): Judged[] {
  const whole = JSON.parse(text);
  const parts = whole.panels.flatMap((panel: Record<string, unknown>): Judged[] => {
    if (panel.type === "row") return [{ value: panel, type: "dashboard.RowPanel" }];
    const kind = kinds[panel.type as keyof typeof kinds];
    const { defaults } = panel.fieldConfig as { defaults: { custom?: unknown } };
    return [
      { value: panel, type: "dashboard.Panel" },
      { value: panel.options, type: `${kind}.Options` },
      ...(withOwnFieldConfig.includes(kind) ? [{ value: defaults.custom ?? {}, type: `${kind}.FieldConfig` }] : []),
      ...(panel.targets as unknown[]).map((value) => ({ value, type: "prometheus.Dataquery" })),
    ];
  });
  return [{ value: whole, type: "dashboard.Dashboard" }, ...parts];
}

test("dashboards are of the types that Grafana publishes", () => {
  const all = [byDefault, likeSplits, withEverything, ...Object.values(odd)].flatMap((monitored) =>
    judged(renderDashboard(monitored)),
  );
  expect(all.length).toBeGreaterThan(100);
  expect(typeErrors(imports, all)).toEqual([]);
}, 60_000);

const spoiled: readonly (readonly [what: string, from: string, to: string])[] = [
  ["an unknown key of the dashboard", '"uid": "specta"', '"uids": "specta"'],
  ["an unknown kind of threshold", '"mode": "absolute"', '"mode": "certain"'],
  ["a value that an option does not have", '"showValue": "never"', '"showValue": "seldom"'],
  ["an unknown key of a query", '"refId": "A"', '"refID": "A"'],
];

test("a dashboard that breaks these types is seen", () => {
  for (const [what, from, to] of spoiled) {
    const text = renderDashboard(byDefault);
    expect(text).toContain(from);
    expect([what, typeErrors(imports, judged(text.replace(from, to))).length]).not.toEqual([what, 0]);
  }
}, 60_000);

/** The queries that return nothing. @throws when Prometheus does not understand one. */
async function empty(prometheus: Prometheus, panels: readonly Panel[], environment: string): Promise<string[]> {
  const found: string[] = [];
  for (const { title, targets } of panels) {
    for (const { expr, instant } of targets) {
      const query = fill(expr, environment);
      expect(query).not.toContain("$");
      const results = instant ? await prometheus.query(query) : await prometheus.range(query, 1, 0.5);
      const isThere = results.some(({ values }) => values.some((value) => Number.isFinite(value)));
      if (!isThere) found.push(`${title}: ${query}`);
    }
  }
  return found;
}

testWith(
  ["prometheus"],
  "every query of every panel returns series, with bounds as Prometheus 2 and as Prometheus 3 store them",
  async () => {
    // Two daemons that report the same in two environments, one for each way to write a bound.
    const styles = { staging: "1", testing: "1.0" } as const;
    using second = startExporter({ ...withEverything, environment: "staging" }, { bounds: styles.staging });
    using third = startExporter({ ...withEverything, environment: "testing" }, { bounds: styles.testing });
    await using prometheus = await Prometheus.start({ targets: [second.port, third.port] });
    const panels = panelsOf(readDashboard(renderDashboard(withEverything)));
    for (const environment of Object.keys(styles)) {
      expect(await empty(prometheus, panels, environment)).toEqual([]);
    }
    // The control: an environment that nobody reports from has nothing to show.
    const nothing = await Promise.all(
      panels.flatMap(({ targets }) => targets.map(({ expr }) => prometheus.query(fill(expr, "production")))),
    );
    expect(nothing.flat()).toEqual([]);
    // The exporter counts half of the observations in the first bucket, whose bound is a whole number.
    const level = panels.find(({ title }) => title === "checkout_duration_seconds: under 1 s");
    for (const environment of Object.keys(styles)) {
      const [share] = await prometheus.query(fill(level?.targets[0]?.expr ?? "", environment));
      expect(share?.values).toEqual([0.5]);
    }
  },
  60_000,
);

testWith(
  ["prometheus"],
  "so it is with few metrics, many targets and odd names",
  async () => {
    // An environment for each, so that none is answered by the data of another.
    const daemons = Object.entries(odd).map(([environment, monitored]) => ({ ...monitored, environment }));
    using exporters = new DisposableStack();
    const targets = daemons.map((monitored) => exporters.use(startExporter(monitored)).port);
    await using prometheus = await Prometheus.start({ targets });
    for (const monitored of daemons) {
      const panels = panelsOf(readDashboard(renderDashboard(monitored)));
      expect(await empty(prometheus, panels, monitored.environment)).toEqual([]);
    }
  },
  60_000,
);
