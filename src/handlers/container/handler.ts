import { maxAwsLanes } from "../../base/limits.ts";
import { type AwsTuning, createAws } from "../aws/client.ts";
import { createTagged } from "../aws/tagged.ts";
import type { Failure, Handler, Sample, World } from "../handler.ts";
import { leastHealthy } from "../health.ts";
import { inLanes } from "../lanes.ts";
import { Reminders } from "../reminders.ts";
import { createEcs, servicesPerCall } from "./ecs.ts";
import { containerHealth, definitions } from "./metrics.ts";
import { batches, healthOf, parseServiceArn, type ServiceName } from "./services.ts";

type Skip = Readonly<Record<"cluster" | "reason" | "service", string>>;

export function createHandler(_: unknown, world: World, tuning: AwsTuning = {}): Handler {
  const aws = createAws(world, tuning);
  const tagged = createTagged(aws);
  const ecs = createEcs(aws);
  const skipped = new Reminders<Skip>();
  return {
    metrics: definitions,
    cooler: () => 5000,
    async ensure({ environment, signal, log }) {
      const listing = await tagged.list("ecs:service", environment, signal);
      const failures: Failure[] = [];
      if (listing.failure !== undefined) {
        failures.push({ target: `ECS services tagged environment=${environment}`, reason: listing.failure.message });
      }
      const skips = new Map<string, Skip>();
      const names: ServiceName[] = [];
      for (const arn of listing.items) {
        const name = parseServiceArn(arn);
        if (name !== undefined) names.push(name);
        else skips.set(arn, { cluster: "", reason: "ECS service ARN is unrecognizable", service: arn });
      }

      const samples: Sample[] = [];
      const looks = await inLanes(maxAwsLanes, batches(names, servicesPerCall), (batch) => ecs.describe(batch, signal));
      for (const look of looks) {
        failures.push(...look.failures);
        for (const [{ arn, cluster, service }, described] of look.services) {
          if (described.status !== "ACTIVE") continue;
          if (described.label === undefined) {
            skips.set(arn, { cluster, reason: "ECS service has no 'service' tag", service });
          } else {
            const labels = { service: described.label };
            samples.push({ metric: containerHealth, labels, number: healthOf(described) });
          }
        }
      }
      for (const keys of skipped.due(skips)) log("warning", "skipping instrumentation for ECS service", keys);
      return { samples: leastHealthy(samples), failures };
    },
  };
}
