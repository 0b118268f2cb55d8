/** Alerts about builds, deployments and the quota of the API that builds are read from. */
import { builtInMetric, type Monitored } from "../dashboard/monitored.ts";
import { aggregate, quote, select, share, shared } from "../dashboard/query.ts";
import { type Rule, series } from "./rule.ts";

export function endedRules(monitored: Monitored): Rule[] {
  const { environment } = monitored;
  const has = (metric: string) => builtInMetric(monitored, metric) !== undefined;
  return [
    ...(has("build_execution_total") ? [buildsFailing(environment)] : []),
    ...(has("github_rate_limit_remaining") ? [quotaLow(environment)] : []),
    ...(has("deployment_execution_total") ? [deploymentFailed(environment)] : []),
  ];
}

/** One red branch is a day's work; most of several builds failing is a broken main branch or a broken builder. */
function buildsFailing(env: string): Rule {
  const each = ["env", "repository", "workflow"];
  const inEnv = `env=${quote(env)}`;
  const labels = ["env", "platform", "repository", "success", "workflow"];
  const increase = (...matchers: readonly string[]) =>
    `increase(${shared(select("build_execution_total", inEnv, ...matchers), labels, "6h")})`;
  const failed = share(increase('success="false"'), increase(), each);
  const ended = aggregate("sum", each, increase());
  const ofShop = { env, platform: "github", repository: "shop", workflow: "check" };
  const builds = (success: string, values: string, replica: { readonly instance?: string } = {}) => ({
    [series("build_execution_total", { ...ofShop, success, ...replica })]: values,
  });
  return {
    alert: "SpectaBuildsFailing",
    severity: "warning",
    expr: `${failed} > 0.5 and ${ended} > 2.5`,
    summary: "Builds of {{ $labels.repository }} fail in {{ $labels.env }} ({{ $labels.workflow }})",
    description:
      "{{ $value | humanizePercentage }} of the {{ $labels.workflow }} builds of {{ $labels.repository }} that ended within six hours have failed, of three at least.",
    fires: [
      {
        name: "all of four builds failed",
        series: { ...builds("false", "0x5 1x5 2x5 3x5 4x100"), ...builds("true", "7x200") },
        atMinute: 30,
        labels: { env, repository: "shop", workflow: "check" },
        value: "100%",
      },
    ],
    silent: [
      {
        name: "one of four builds failed",
        series: { ...builds("true", "0x5 1x5 2x5 3x100"), ...builds("false", "0x20 1x100") },
        atMinute: 30,
      },
      {
        name: "a single build failed",
        series: { ...builds("false", "0x5 1x100"), ...builds("true", "7x200") },
        atMinute: 30,
      },
      {
        name: "two builds failed, which another replica shows after taking over",
        series: {
          ...builds("false", "2x5 3x5 4x8 stale", { instance: "a:7777" }),
          ...builds("false", "2x3 stale _x17 4x100", { instance: "b:7777" }),
        },
        atMinute: 40,
      },
    ],
  };
}

/** Deployments are few, and each that fails is one that somebody waits for. */
function deploymentFailed(env: string): Rule {
  const failures = select("deployment_execution_total", `env=${quote(env)}`, 'success="false"');
  const deployments = (success: string, values: string) => ({
    [series("deployment_execution_total", { env, platform: "codepipeline", success })]: values,
  });
  return {
    alert: "SpectaDeploymentFailed",
    severity: "warning",
    expr: `${aggregate("sum", ["env", "platform"], `increase(${shared(failures, ["env", "platform"], "1h")})`)} > 0`,
    summary: "A deployment failed in {{ $labels.env }}",
    description: "A deployment by {{ $labels.platform }} in {{ $labels.env }} has failed within the last hour.",
    fires: [
      {
        name: "one deployment failed",
        series: { ...deployments("false", "2x5 3x100"), ...deployments("true", "8x100") },
        atMinute: 20,
        labels: { env, platform: "codepipeline" },
      },
    ],
    silent: [
      {
        name: "deployments succeeded",
        series: { ...deployments("false", "2x100"), ...deployments("true", "8x5 9x5 10x100") },
        atMinute: 20,
      },
      { name: "a deployment failed two hours ago", series: deployments("false", "2x5 3x200"), atMinute: 130 },
    ],
  };
}

function quotaLow(env: string): Rule {
  const quota = select("github_rate_limit_remaining", `env=${quote(env)}`);
  const left = (values: string) => ({ [series("github_rate_limit_remaining", { env })]: values });
  return {
    alert: "SpectaGithubQuotaLow",
    severity: "warning",
    expr: `${aggregate("min", ["env"], quota)} < 500`,
    for: "5m",
    summary: "GitHub's API will soon answer no more in {{ $labels.env }}",
    description:
      "{{ $value | humanize }} requests are left of the token's quota. At none, builds are not seen until the quota starts anew.",
    fires: [
      {
        name: "499 requests are left",
        series: left("5000x4 499x20"),
        atMinute: 12,
        labels: { env },
        value: "499",
      },
    ],
    silent: [
      { name: "500 requests are left", series: left("5000x4 500x20"), atMinute: 12 },
      { name: "the quota starts anew in a moment", series: left("499x3 5000x20"), atMinute: 3 },
    ],
  };
}
