import type { Metrics } from "../../metrics/definition.ts";
import type { Settings } from "./settings.ts";

export const executionTotal = "build_execution_total";
export const executionDuration = "build_execution_duration_seconds";
export const rateLimitRemaining = "github_rate_limit_remaining";

/** All label values are known ahead, so every series of a repository stands at 0 from the start. */
export function definitions(settings: Settings): Metrics {
  const labels = {
    platform: ["github"],
    repository: [...new Set(settings.repositories.map(({ label }) => label))],
    success: ["false", "true"],
    workflow: ["check", "image"],
  };
  return {
    [executionTotal]: { kind: "counter", help: "the total amount of build container executions", labels },
    [executionDuration]: {
      kind: "histogram",
      help: "the time it takes for build container executions to complete",
      labels,
      buckets: [30, 60, 90, 120, 150, 180, 210, 240, 270, 300],
    },
    [rateLimitRemaining]: {
      kind: "gauge",
      help: "the requests that the GitHub API still takes until its quota resets",
    },
  };
}
