import { healthy, partly, unhealthy } from "../health.ts";

/** A service as its ARN names it. */
export interface ServiceName {
  readonly arn: string;
  readonly cluster: string;
  readonly service: string;
}

/** A service as ECS describes it. */
export interface Service {
  readonly status: string;
  readonly running: number;
  readonly desired: number;
  /** The value of the tag `service`; undefined when there is none, or an empty one. */
  readonly label: string | undefined;
}

const serviceArn = /^arn:aws(?:-[a-z]+)*:ecs:[a-z0-9-]+:\d+:service\/([^/]+)\/([^/]+)$/;

/** Reads `arn:aws:ecs:<region>:<account>:service/<cluster>/<service>`; undefined for every other form. */
export function parseServiceArn(arn: string): ServiceName | undefined {
  const [, cluster, service] = serviceArn.exec(arn) ?? [];
  return cluster === undefined || service === undefined ? undefined : { arn, cluster, service };
}

/** Parts of one cluster, of at most `size` services each. */
export function batches(services: readonly ServiceName[], size: number): ServiceName[][] {
  const byCluster = Map.groupBy(services, ({ cluster }) => cluster);
  return [...byCluster.values()].flatMap((all) =>
    Array.from({ length: Math.ceil(all.length / size) }, (_, part) => all.slice(part * size, (part + 1) * size)),
  );
}

/** How healthy an active service is. */
export function healthOf({ running, desired }: Pick<Service, "running" | "desired">): number {
  if (running === 0) return unhealthy;
  return running === desired ? healthy : partly;
}
