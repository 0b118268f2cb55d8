import type { Registry } from "./registry.ts";

/** Prometheus' text format, whatever a scraper asks for: OpenMetrics would rename counters. */
export const expositionContentType = "text/plain; version=0.0.4; charset=utf-8";

/** All series as they stand now. */
export function expose(registry: Registry): string {
  const lines: string[] = [];
  for (const family of registry.families()) family.render(lines);
  return lines.join("");
}
