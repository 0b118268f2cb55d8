import type { Metrics } from "../../metrics/definition.ts";

export const containerHealth = "aws_ecs_container_health";

export const definitions: Metrics = {
  [containerHealth]: {
    kind: "gauge",
    help: "the health status of ecs service containers",
    labels: { service: "*" },
  },
};
