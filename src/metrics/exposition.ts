import { maxRenderMs } from "../base/limits.ts";
import { turn } from "../base/turn.ts";
import type { Registry } from "./registry.ts";

/** Prometheus' text format, whatever a scraper asks for: OpenMetrics would rename counters. */
export const expositionContentType = "text/plain; version=0.0.4; charset=utf-8";

/** All series as they stand now. */
export function expose(registry: Registry): string {
  return [...pieces(registry)].join("");
}

/**
 * The same as bytes, for a registry of any size: after each `maxRenderMs` other requests are answered. Each series is
 * shown as it stands when its turn comes.
 */
export async function exposeInTurns(registry: Registry): Promise<Uint8Array<ArrayBuffer>> {
  const sink = new Bun.ArrayBufferSink();
  sink.start({ asUint8Array: true });
  let until = performance.now() + maxRenderMs;
  let text = "";
  for (const piece of pieces(registry)) {
    text += piece;
    if (performance.now() < until) continue;
    sink.write(text);
    text = "";
    await turn();
    until = performance.now() + maxRenderMs;
  }
  sink.write(text);
  return sink.end() as Uint8Array<ArrayBuffer>;
}

function* pieces(registry: Registry): Generator<string, void> {
  for (const family of registry.families()) yield* family.render();
}
