/** What a page says that has nothing of its user's to show: how to change that. */
import { build } from "../base/build.ts";
import type { StatusDocument } from "./document.ts";
import { type Html, html } from "./html.ts";
import { section } from "./parts.ts";

export const docs = `${build.source}#readme`;

const example = `handlers:
  endpoint:
    targets:
      - service: website
        urls: ["https://example.com"]`;

export function startSection({ configuration }: StatusDocument): Html {
  const links = [
    ["Five minutes to your own dashboard and alerts", `${build.source}#five-minutes`],
    ["What else can be watched", `${build.source}#probe`],
    ["Every setting", `${build.source}#configuration`],
  ].map(([text, href]) => html`<li><a href="${href}">${text}</a></li>`);
  const isEmbedded = configuration === "embedded";
  const what = isEmbedded
    ? html`Write what to look at into a file: <code>specta check specta.yaml</code> says what it would run, and <code>SPECTA_CONFIG=specta.yaml</code> has the daemon run it.`
    : html`Name what to look at in the configuration: <code>specta check</code> says what it would run.`;
  const body = html`<div class="start"><div><p>${what}</p><ul>${links}</ul></div><pre><code>${example}</code></pre></div>`;
  const note = isEmbedded ? "so far specta watches nothing but itself" : "the configuration has no handler that runs";
  return section("start", "Watch your own services", note, body);
}
