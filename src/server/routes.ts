/** What is answered beside the RPCs. */
import { build } from "../base/build.ts";
import { gzipSliceBytes, maxGzipAtOnceBytes } from "../base/limits.ts";
import { turn } from "../base/turn.ts";
import { exposeInTurns, expositionContentType } from "../metrics/exposition.ts";
import type { Registry } from "../metrics/registry.ts";
import type { Connections } from "./app.ts";

/** Answers GET and HEAD at one path. */
export type Route = (request: Request, connections: Connections) => Response | Promise<Response>;

const version = `${JSON.stringify({
  arc: build.arch,
  gos: build.os,
  sha: build.sha,
  src: build.source,
  tag: build.tag,
  ver: `bun${build.bun}`,
})}\n`;

export function text(status: number, body: string, headers: Readonly<Record<string, string>> = {}): Response {
  return new Response(body, { status, headers: { "content-type": "text/plain", ...headers } });
}

/** Whether the process is well: 503 once it is about to stop. */
export function livenessRoute(isStopping: () => boolean): Route {
  return () => (isStopping() ? text(503, "stopping\n") : text(200, "OK\n"));
}

export const versionRoute: Route = () => new Response(version, { headers: { "content-type": "application/json" } });

export function metricsRoute(registry: Registry): Route {
  return async () =>
    new Response(await exposeInTurns(registry), { headers: { "content-type": expositionContentType } });
}

/** The route, with its answers compressed for those who take gzip. */
export function compressed(route: Route): Route {
  return async (request, peer) => {
    const { body, status, headers } = await route(request, peer);
    headers.append("vary", "Accept-Encoding");
    if (!acceptsGzip(request.headers.get("accept-encoding"))) return new Response(body, { status, headers });
    headers.set("content-encoding", "gzip");
    const plain = new Uint8Array(await new Response(body).arrayBuffer());
    return new Response(await deflate(plain), { status, headers });
  };
}

/** Whether gzip is welcome: named, or meant by `*`, with a weight above 0. */
function acceptsGzip(header: string | null): boolean {
  const weights = new Map<string, number>();
  for (const part of (header ?? "").toLowerCase().split(",")) {
    const [coding = "", ...parameters] = part.split(";").map((piece) => piece.trim());
    const weight = parameters.find((parameter) => /^q\s*=/.test(parameter))?.replace(/^q\s*=\s*/, "") ?? "1";
    weights.set(coding, Number(weight));
  }
  return (weights.get("gzip") ?? weights.get("x-gzip") ?? weights.get("*") ?? 0) > 0;
}

/** As quick as gzip can be, and never long at a time. */
async function deflate(plain: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
  if (plain.length <= maxGzipAtOnceBytes) return Bun.gzipSync(plain, { level: 1 });
  const packed = new Response(slicesOf(plain).pipeThrough(new CompressionStream("gzip")));
  return new Uint8Array(await packed.arrayBuffer());
}

function slicesOf(plain: Uint8Array<ArrayBuffer>): ReadableStream<Uint8Array<ArrayBuffer>> {
  let start = 0;
  return new ReadableStream({
    async pull(controller) {
      await turn();
      controller.enqueue(plain.subarray(start, start + gzipSliceBytes));
      start += gzipSliceBytes;
      if (start >= plain.length) controller.close();
    },
  });
}
