import type { Sample } from "./handler.ts";

/** A health gauge's values. */
export const healthy = 1;
export const partly = 0.5;
export const unhealthy = 0;

/** One sample a series, in the order in which the series came: of several, the least healthy. */
export function leastHealthy(samples: readonly Sample[]): Sample[] {
  const least = new Map<string, Sample>();
  for (const sample of samples) {
    const labels = Object.entries(sample.labels ?? {}).sort(([a], [b]) => (a < b ? -1 : 1));
    const series = JSON.stringify([sample.metric, labels]);
    const known = least.get(series);
    if (known === undefined || sample.number < known.number) least.set(series, sample);
  }
  return [...least.values()];
}
