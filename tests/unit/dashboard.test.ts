import { expect, test } from "bun:test";
import type { Monitored } from "../../src/dashboard/monitored.ts";
import { average, bucket, labelsOf, oneOf, quote, select, share } from "../../src/dashboard/query.ts";
import { renderDashboard } from "../../src/dashboard/render.ts";
import { panelsOf, readDashboard, rowsOf } from "../harness/grafana.ts";
import { byDefault, likeSplits, withEverything } from "../harness/monitored.ts";

const titles = (monitored: Monitored) => panelsOf(readDashboard(renderDashboard(monitored))).map(({ title }) => title);
const rows = (monitored: Monitored) => rowsOf(readDashboard(renderDashboard(monitored))).map(({ title }) => title);

const health = ["Endpoint Health", "Container Health", "CloudFormation Health"];

test("the health panels have their titles and are status histories, a row a service", () => {
  const panels = panelsOf(readDashboard(renderDashboard(likeSplits)));
  const found = panels.filter(({ title }) => health.includes(title));
  expect(found.map(({ title, type }) => [title, type])).toEqual(health.map((title) => [title, "status-history"]));
  expect(found.map(({ targets }) => targets.map(({ legendFormat }) => legendFormat))).toEqual([
    ["{{service}}"],
    ["{{service}}"],
    ["{{stack}}"],
  ]);
  for (const panel of found) {
    expect(panel.fieldConfig.defaults.mappings).toEqual([
      {
        type: "value",
        options: {
          "1": { text: "Healthy", color: "green", index: 0 },
          "0.5": { text: "Partly", color: "orange", index: 1 },
          "0": { text: "Unhealthy", color: "red", index: 2 },
        },
      },
    ]);
    expect(panel.fieldConfig.defaults.thresholds).toEqual({
      mode: "absolute",
      steps: [
        { value: null, color: "red" },
        { value: 0.5, color: "orange" },
        { value: 1, color: "green" },
      ],
    });
  }
});

test("only active handlers have panels", () => {
  expect(titles(byDefault).filter((title) => health.includes(title))).toEqual(["Endpoint Health"]);
  expect(rows(byDefault)).toEqual(["Health", "Pushed metrics", "Worker", "Specta"]);
  expect(rows(likeSplits)).toEqual(["Health", "Builds", "Deployments", "Pushed metrics", "Worker", "Specta"]);
  expect(rows({ ...byDefault, handlers: [] })).toEqual(["Pushed metrics", "Specta"]);
  expect(rows({ ...byDefault, pushed: {}, handlers: [] })).toEqual(["Specta"]);
});

test("a user's handler that reports under a built-in name makes no built-in panel", () => {
  const [endpoint] = byDefault.handlers;
  const own = { ...byDefault, handlers: [{ ...endpoint!, name: "own", builtIn: false }] };
  expect(titles(own)).not.toContain("Endpoint Health");
  expect(titles(own)).toContain("http_endpoint_health");
});

test("every metric of the configuration and of the user's handlers has a panel", () => {
  const all = titles(withEverything);
  const own = withEverything.handlers.filter(({ builtIn }) => !builtIn).map(({ metrics }) => metrics);
  const names = [withEverything.pushed, ...own].flatMap((metrics) => Object.keys(metrics));
  expect(names.length).toBe(12);
  for (const name of names) expect(all.filter((title) => title.startsWith(name))).not.toEqual([]);
  expect(rows(withEverything)).toContain("Handler: queue");
  expect(all).toContain("page_ready_duration_seconds: under 0.5 s");
});

test("the service level takes the first bound that is long enough, and histograms of other units have none", () => {
  const histogram = (buckets: readonly number[]) => ({ kind: "histogram", help: "a wait", buckets }) as const;
  const pushed = {
    long_seconds: histogram([0.1, 2, 5]),
    short_seconds: histogram([0.1, 0.2]),
    cart_value: histogram([1, 2]),
  };
  const found = titles({ ...byDefault, pushed }).filter((title) => title.includes("under"));
  expect(found).toEqual(["long_seconds: under 2 s", "long_seconds: under 2 s over time"]);
});

test("panels stand side by side without overlap, and every id is its own", () => {
  for (const monitored of [byDefault, likeSplits, withEverything]) {
    const { panels } = readDashboard(renderDashboard(monitored));
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
    const taken = new Set<string>();
    for (const { gridPos, title } of panels) {
      expect(gridPos.x + gridPos.w).toBeLessThanOrEqual(24);
      for (let x = gridPos.x; x < gridPos.x + gridPos.w; x += 1) {
        for (let y = gridPos.y; y < gridPos.y + gridPos.h; y += 1) {
          expect(`${title} ${taken.has(`${x} ${y}`)}`).toBe(`${title} false`);
          taken.add(`${x} ${y}`);
        }
      }
    }
  }
});

test("the same input gives the same text, under the same uid whatever the configuration", () => {
  expect(renderDashboard(withEverything)).toBe(renderDashboard(structuredClone(withEverything)));
  for (const monitored of [byDefault, withEverything]) {
    expect(readDashboard(renderDashboard(monitored)).uid).toBe("specta");
  }
});

test("data source and environment can be chosen, beginning with the configuration's environment", () => {
  const { templating } = readDashboard(renderDashboard(withEverything));
  expect(templating.list.map(({ name, type }) => [name, type])).toEqual([
    ["datasource", "datasource"],
    ["environment", "query"],
  ]);
  expect(templating.list[1]?.current).toEqual({ selected: true, text: "staging", value: "staging" });
});

test("every query keeps to the chosen environment and asks the chosen data source", () => {
  for (const panel of panelsOf(readDashboard(renderDashboard(withEverything)))) {
    expect(panel.targets.length).toBeGreaterThan(0);
    for (const { expr, datasource } of panel.targets) {
      expect(expr).toContain('env="$environment"');
      expect(datasource).toEqual({ type: "prometheus", uid: "${datasource}" });
    }
  }
});

test("what PromQL takes for a word of its own is asked for by another way", () => {
  expect(["NaN", "on", "once", "a:b"].map((name) => select(name, 'env="a"'))).toEqual([
    '{__name__="NaN", env="a"}',
    '{__name__="on", env="a"}',
    'once{env="a"}',
    'a:b{env="a"}',
  ]);
  expect(labelsOf({ kind: "gauge", help: "x", labels: { by: "*", Inf: "*", without: "*" } })).toEqual(["by"]);
});

test("of builds and deployments the replicas' highest is shown, not their sum", () => {
  const ended = panelsOf(readDashboard(renderDashboard(likeSplits))).flatMap(({ targets }) =>
    targets.map(({ expr }) => expr).filter((expr) => /(?:build|deployment)_execution/.test(expr)),
  );
  expect(ended.length).toBe(8);
  for (const expr of ended) {
    expect(expr).toMatch(
      /max by \(platform, (?:repository, )?success(?:, workflow)?(?:, le)?\) \(\w+\{[^}]+\}\)\[\S+:\S*\]/,
    );
  }
});

test("a bucket's bound is matched as Prometheus 2 and as Prometheus 3 store it, and no other bound is", () => {
  expect([0.5, 1, 110, 1e6, 2.5].map(bucket)).toEqual([
    'le="0.5"',
    'le=~"1|1\\\\.0"',
    'le=~"110|110\\\\.0"',
    'le="1e+06"',
    'le="2.5"',
  ]);
});

test("values are quoted as PromQL reads them", () => {
  expect(quote('a"b\\c\nd')).toBe('"a\\"b\\\\c\\nd"');
  expect(oneOf(["a.b", "c-d"])).toBe('"a\\\\.b|c-d"');
});

test("shares and averages of nothing are no series instead of NaN", () => {
  expect(share("part", "all", ["b"])).toBe("sum by (b) (part) / (sum by (b) (all) > 0)");
  expect(average("x", ['env="a"'], [], "5m")).toBe(
    'sum(rate(x_sum{env="a"}[5m])) / (sum(rate(x_count{env="a"}[5m])) > 0)',
  );
});
