/** How many jobs wait in the queues of a service. */
import type { Context, Failure, Metrics, Report, Sample } from "../specta.d.ts";
import { readDepths } from "./depths.ts";

/** What the configuration gives under `with`. */
interface Settings {
  readonly url: string;
}

const queues = ["mail", "video"];

export const metrics: Metrics = {
  queue_depth: { kind: "gauge", help: "the jobs that wait in a queue", labels: { queue: queues } },
};

export function cooler(): string {
  return "10s";
}

export function active({ environment }: { readonly environment: string }): boolean {
  return environment !== "production" || process.env.QUEUE_TOKEN !== undefined;
}

export async function ensure({ with: { url }, signal }: Context<Settings>): Promise<Report> {
  const depths = await readDepths(url, process.env.QUEUE_TOKEN, signal);
  const samples: Sample[] = [];
  const failures: Failure[] = [];
  for (const queue of queues) {
    const number = depths.get(queue);
    if (number === undefined) failures.push({ target: queue, reason: `${url} does not know it` });
    else samples.push({ metric: "queue_depth", labels: { queue }, number });
  }
  return { samples, failures };
}
