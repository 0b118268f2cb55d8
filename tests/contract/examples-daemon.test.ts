/** What compose.yaml puts together, without containers: the daemon's own default, a real Prometheus, dashboard and rules. */
import { expect } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "../harness/build.ts";
import { push, startDaemon } from "../harness/daemon.ts";
import { fill, panelsOf, readDashboard } from "../harness/grafana.ts";
import { Prometheus } from "../harness/prometheus.ts";
import { testWith } from "../harness/tools.ts";

const read = (path: string) => readFileSync(join(root, "examples", path), "utf8");

/** No URL of the default is https. */
const nothingToShow = ["Certificates: days left"];

testWith(
  ["prometheus"],
  "the example's dashboard shows the daemon that runs the embedded default, and its rules find no fault",
  async () => {
    await using daemon = await startDaemon({ env: { SPECTA_ENVIRONMENT: "production" } });
    const { port } = new URL(daemon.url);
    await using prometheus = await Prometheus.start({
      targets: [Number(port)],
      rules: [read("prometheus/rules.yaml")],
    });
    const panels = panelsOf(readDashboard(read("grafana/dashboards/specta.json")));
    const isEmpty = async (expr: string) => {
      const results = await prometheus.query(fill(expr, "production"));
      return !results.some(({ values }) => values.some((value) => Number.isFinite(value)));
    };
    const empty = async () => {
      const titles = await Promise.all(
        panels.map(async ({ title, targets }) => {
          const answers = await Promise.all(targets.map(({ expr }) => isEmpty(expr)));
          return answers.includes(true) ? [title] : [];
        }),
      );
      return titles.flat();
    };
    await prometheus.until(async () => {
      const answer = await push(daemon.url, "Histogram", [{ metric: "page_ready_duration_seconds", number: 0.3 }]);
      expect(answer.status).toBe(200);
      return (await empty()).every((title) => nothingToShow.includes(title));
    }, "every panel shows something");
    expect(await empty()).toEqual(nothingToShow);
    const [health] = await prometheus.query('http_endpoint_health{env="production"}');
    expect(health?.values).toEqual([1]);
    expect(await prometheus.alerts()).toEqual([]);
  },
  60_000,
);
