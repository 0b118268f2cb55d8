import { DescribeServicesCommand, ECSClient } from "@aws-sdk/client-ecs";
import * as v from "valibot";
import type { Aws } from "../aws/client.ts";
import { NoAnswer } from "../aws/errors.ts";
import type { Failure } from "../handler.ts";
import type { Service, ServiceName } from "./services.ts";

/** Services of a `DescribeServices`, as ECS takes them. */
export const servicesPerCall = 10;

/** What became of a batch. A service that is gone is in none of the two. */
export interface Described {
  readonly services: ReadonlyMap<ServiceName, Service>;
  readonly failures: readonly Failure[];
}

export interface Ecs {
  /** Describes at most `servicesPerCall` services of one cluster. */
  describe(batch: readonly ServiceName[], signal: AbortSignal): Promise<Described>;
}

const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0));

const answer = v.object({
  services: v.array(
    v.object({
      serviceArn: v.string(),
      status: v.string(),
      runningCount: count,
      desiredCount: count,
      tags: v.nullish(v.array(v.object({ key: v.nullish(v.string()), value: v.nullish(v.string()) })), []),
    }),
  ),
  failures: v.nullish(v.array(v.object({ arn: v.nullish(v.string()), reason: v.nullish(v.string()) })), []),
});

export function createEcs(aws: Aws): Ecs {
  const client = new ECSClient(aws.options);
  return {
    async describe(batch, signal) {
      const services = batch.map(({ arn }) => arn);
      try {
        const described = await aws.ask({
          action: "ecs:DescribeServices",
          signal,
          schema: answer,
          send: (options) =>
            client.send(
              new DescribeServicesCommand({ cluster: batch[0]?.cluster, services, include: ["TAGS"] }),
              options,
            ),
        });
        return sort(batch, described);
      } catch (error) {
        if (!(error instanceof NoAnswer)) throw error;
        if (error.code === "ClusterNotFoundException") return { services: new Map(), failures: [] };
        const target = `ECS services ${batch.map(nameOf).join(", ")}`;
        return { services: new Map(), failures: [{ target, reason: error.message }] };
      }
    },
  };
}

/** The listing by tags lags behind, and names services for a while that are deleted: ECS then says MISSING. */
function sort(batch: readonly ServiceName[], described: v.InferOutput<typeof answer>): Described {
  const services = new Map<ServiceName, Service>();
  const failures: Failure[] = [];
  for (const name of batch) {
    const found = described.services.find(({ serviceArn }) => serviceArn === name.arn);
    const reason = described.failures.find(({ arn }) => arn?.endsWith(`/${name.service}`))?.reason;
    if (found !== undefined) {
      const label = found.tags.find(({ key }) => key === "service")?.value || undefined;
      services.set(name, { status: found.status, running: found.runningCount, desired: found.desiredCount, label });
    } else if (reason !== "MISSING") {
      failures.push({
        target: `ECS service ${nameOf(name)}`,
        reason: `ecs:DescribeServices: ${reason ?? "AWS's answer must have it"}`,
      });
    }
  }
  return { services, failures };
}

function nameOf({ cluster, service }: ServiceName): string {
  return `${cluster}/${service}`;
}
