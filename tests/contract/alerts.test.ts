/** The rules and their unit tests as promtool reads them, and an alert on a real Prometheus. */
import { expect } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as v from "valibot";
import { parse, stringify } from "yaml";
import { renderAlerts, renderAlertTests } from "../../src/alerts/render.ts";
import type { Monitored } from "../../src/dashboard/monitored.ts";
import { startExporter } from "../harness/exporter.ts";
import { byDefault, likeSplits, odd, withEverything } from "../harness/monitored.ts";
import { Prometheus } from "../harness/prometheus.ts";
import { testWith, tool } from "../harness/tools.ts";

const configurations = {
  "the default": byDefault,
  "one like splits.yaml": likeSplits,
  "all there is": withEverything,
  ...odd,
};

/** promtool with the rules and their unit tests in a folder, which goes with it. */
class Promtool implements Disposable {
  readonly #folder = mkdtempSync(join(tmpdir(), "specta-alerts-"));

  constructor(rules: string, tests: string) {
    writeFileSync(join(this.#folder, "rules.yaml"), rules);
    writeFileSync(join(this.#folder, "rules.test.yaml"), tests);
  }

  check() {
    return this.#run("check", "rules", "--lint=all", "--lint-fatal", "rules.yaml");
  }

  test() {
    return this.#run("test", "rules", "rules.test.yaml");
  }

  #run(...args: string[]) {
    const ran = Bun.spawnSync([tool("promtool"), ...args], { cwd: this.#folder });
    return { good: ran.exitCode === 0, output: `${ran.stdout}${ran.stderr}` };
  }

  [Symbol.dispose](): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

const testFile = v.looseObject({ tests: v.array(v.looseObject({ name: v.string() })) });

/** The unit tests of one alert. */
function testsOf(monitored: Monitored, alert: string): string {
  const whole = v.parse(testFile, parse(renderAlertTests(monitored)));
  const tests = whole.tests.filter(({ name }) => name.startsWith(`${alert} `));
  if (tests.length < 2) throw new Error(`${alert} has no test that fires and one that is silent`);
  return stringify({ ...whole, tests });
}

for (const [name, monitored] of Object.entries(configurations)) {
  testWith(
    ["promtool"],
    `promtool takes the rules, every alert fires and is silent in its controls: ${name}`,
    () => {
      using promtool = new Promtool(renderAlerts(monitored), renderAlertTests(monitored));
      expect(promtool.check()).toEqual({ good: true, output: expect.stringContaining("SUCCESS") });
      expect(promtool.test()).toEqual({ good: true, output: expect.stringContaining("SUCCESS") });
    },
    60_000,
  );
}

/** Faults that the unit tests must find: some keep an alert silent, some make it fire where it must not. */
const faults: readonly (readonly [what: string, alert: string, from: string | RegExp, to: string])[] = [
  ["an endpoint that is down is not seen", "SpectaEndpointDown", '_health{env="production"}) == 0', "_health) == 2"],
  ["a short outage fires", "SpectaEndpointDown", "for: 2m", "for: 0m"],
  ["the environment is forgotten", "SpectaEndpointDown", '_health{env="production"}', "_health"],
  ["fifteen days left fire", "SpectaCertificateExpiresSoon", "< 1209600", "< 1409600"],
  ["a deployment fires", "SpectaContainerDegraded", "for: 15m", "for: 5m"],
  ["one failed build fires", "SpectaBuildsFailing", "> 2.5", "> 0.5"],
  [
    "a build counts once for each replica",
    "SpectaBuildsFailing",
    /max by \(env, platform, repository/g,
    "sum by (env, platform, repository",
  ],
  ["an old failure fires", "SpectaDeploymentFailed", "[1h:])) > 0", "[1d:])) > 0"],
  ["the first drop is not seen", "SpectaSeriesDropped", / or \(sum by \(env, metric\).*$/m, ""],
  ["a text loses its value", "SpectaGithubQuotaLow", "{{ $value | humanize }} requests", "requests"],
];

testWith(
  ["promtool"],
  "the unit tests find what is wrong in a rule",
  () => {
    const rules = renderAlerts(likeSplits);
    for (const [what, alert, from, to] of faults) {
      const tests = testsOf(likeSplits, alert);
      using right = new Promtool(rules, tests);
      expect([what, right.test().good]).toEqual([what, true]);
      const wrong = rules.replace(from, to);
      expect([what, wrong === rules]).toEqual([what, false]);
      using faulty = new Promtool(wrong, tests);
      expect([what, faulty.check().good, faulty.test().good]).toEqual([what, true, false]);
    }
  },
  60_000,
);

testWith(
  ["promtool"],
  "the unit tests find every alert that does not wait as long as it must",
  () => {
    const rules = renderAlerts(likeSplits);
    const waiting = [...rules.matchAll(/- alert: (\w+)\n.*\n +for: (\w+)/g)];
    expect(waiting.length).toBeGreaterThan(8);
    for (const [rule, alert, wait] of waiting) {
      using hasty = new Promtool(
        rules.replace(rule, rule.replace(`for: ${wait}`, "for: 0m")),
        testsOf(likeSplits, alert!),
      );
      expect([alert, hasty.test().good]).toEqual([alert, false]);
    }
  },
  60_000,
);

/** A daemon in whose life nothing was dropped. */
const undisturbed = { without: ["specta_series_dropped_total"] };

testWith(
  ["prometheus"],
  "a real Prometheus fires for a certificate that is nearly expired, and for nothing else",
  async () => {
    const expiry = Date.now() / 1000 + 2 * 86_400;
    const gauges = { http_endpoint_certificate_expiry_timestamp_seconds: expiry };
    using nearly = startExporter(byDefault, { ...undisturbed, gauges });
    using fine = startExporter({ ...byDefault, environment: "testing" }, undisturbed);
    await using prometheus = await Prometheus.start({
      targets: [nearly.port, fine.port],
      rules: [renderAlerts(byDefault), renderAlerts({ ...byDefault, environment: "testing" })],
    });
    const firing = async () => (await prometheus.alerts()).filter(({ state }) => state === "firing");
    await prometheus.until(async () => (await firing()).length > 0, "an alert fires");
    expect(await firing()).toEqual([
      expect.objectContaining({
        labels: {
          alertname: "SpectaCertificateAlmostExpired",
          env: "production",
          service: "specta",
          severity: "critical",
        },
        annotations: {
          summary: "A certificate of specta in production expires soon",
          description: expect.stringMatching(/^1d 23h 59m \d+s are left; /),
          runbook_url:
            "https://github.com/0xSplits/specta/blob/main/examples/prometheus/RUNBOOK.md#spectacertificatealmostexpired",
        },
      }),
    ]);
  },
  60_000,
);
