import type { Metrics } from "../../metrics/definition.ts";
import type { Target } from "./settings.ts";

export const endpointHealth = "http_endpoint_health";
export const certificateExpiry = "http_endpoint_certificate_expiry_timestamp_seconds";

export function definitions(targets: readonly Target[]): Metrics {
  const service = [...new Set(targets.map((target) => target.service))];
  return {
    [endpointHealth]: { kind: "gauge", help: "the health status of an http endpoint", labels: { service } },
    [certificateExpiry]: {
      kind: "gauge",
      help: "the time at which the first certificate of an http endpoint expires in seconds since the Unix epoch",
      labels: { service },
    },
  };
}
