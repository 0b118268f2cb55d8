/** How the values of gauges are judged. */

/** `health`: 1 is healthy, 0 unhealthy, what lies between is partly so. `number`: any value, judged by nobody. */
export type Scale = "health" | "number";

export type Health = "healthy" | "partly" | "unhealthy";

export function scaleOf(metric: string): Scale {
  return metric.endsWith("_health") ? "health" : "number";
}

export function healthOf(value: number): Health {
  if (value >= 1) return "healthy";
  return value > 0 ? "partly" : "unhealthy";
}
