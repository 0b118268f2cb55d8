import type { Metrics } from "../../metrics/definition.ts";

export const executionTotal = "deployment_execution_total";
export const executionDuration = "deployment_execution_duration_seconds";

const labels = { platform: ["codepipeline"], success: ["false", "true"] };

export const definitions: Metrics = {
  [executionTotal]: { kind: "counter", help: "the total amount of deployment pipeline executions", labels },
  [executionDuration]: {
    kind: "histogram",
    help: "the time it takes for deployment pipeline executions to complete",
    labels,
    buckets: [60, 120, 180, 240, 300, 420, 540, 660, 780, 900],
  },
};
