import type { Metrics } from "../../metrics/definition.ts";

export const stackHealth = "aws_cloudformation_stack_health";

export const definitions: Metrics = {
  [stackHealth]: {
    kind: "gauge",
    help: "the health status of cloudformation stacks",
    labels: { stack: "*" },
  },
};
