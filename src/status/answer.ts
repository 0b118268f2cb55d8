/** What the two routes answer; loaded at the first request. */
import { contentSecurityPolicy, renderPage } from "./page.ts";
import { snapshot } from "./snapshot.ts";
import type { Sources } from "./sources.ts";

const common = { "cache-control": "no-store", "x-content-type-options": "nosniff", "referrer-policy": "no-referrer" };

export function answerPage(sources: Sources): Response {
  return new Response(renderPage(snapshot(sources)), {
    headers: {
      ...common,
      "content-type": "text/html; charset=utf-8",
      "content-security-policy": contentSecurityPolicy,
    },
  });
}

export function answerJson(sources: Sources): Response {
  const body = `${JSON.stringify(snapshot(sources))}\n`;
  return new Response(body, { headers: { ...common, "content-type": "application/json" } });
}
