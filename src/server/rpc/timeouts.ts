import { maxCallTimeoutMs } from "../../base/limits.ts";

const grpcUnitsMs: Readonly<Record<string, number>> = { H: 3_600_000, M: 60_000, S: 1000, m: 1, u: 1e-3, n: 1e-6 };

/** Shortens the timeouts that a timer cannot hold: beyond 24 days a timer fires at once. */
export function clampTimeouts(headers: Headers): void {
  const connect = headers.get("connect-timeout-ms");
  if (connect !== null && /^\d+$/.test(connect) && Number(connect) > maxCallTimeoutMs) {
    headers.set("connect-timeout-ms", String(maxCallTimeoutMs));
  }
  const match = /^(\d+)([HMSmun])$/.exec(headers.get("grpc-timeout") ?? "");
  if (match !== null && Number(match[1]) * grpcUnitsMs[match[2]!]! > maxCallTimeoutMs) {
    headers.set("grpc-timeout", `${Math.floor(maxCallTimeoutMs / 1000)}S`);
  }
}
