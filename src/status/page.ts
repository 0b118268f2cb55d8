/** The page: one document with its style and script inside, and nothing from anywhere else. */
import { createHash } from "node:crypto";
import { executionSection, measureSection } from "./count-tables.ts";
import type { StatusDocument, Summary } from "./document.ts";
import { certificateSection, groupSection } from "./gauge-tables.ts";
import { handlerSection } from "./handler-table.ts";
import { Html, html } from "./html.ts";
import { favicon, type Icon, icon, symbols } from "./icons.ts";
import script from "./page.client.js" with { type: "text" };
import pageStyle from "./page.css" with { type: "text" };
import { docs, startSection } from "./start.ts";
import tableStyle from "./tables.css" with { type: "text" };
import { clockTime, exactTime, moment } from "./words.ts";

const style = pageStyle + tableStyle;

/** Nothing but our own style and script, by their hashes; the icon is a data URL, and the script asks for this page again. */
export const contentSecurityPolicy = [
  "default-src 'none'",
  `style-src '${hash(style)}'`,
  `script-src '${hash(script)}'`,
  "img-src data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

/** Changes with the page's own code, so that an open page knows when it is of an older version. */
const edition = createHash("sha256").update(style).update(script).digest("hex").slice(0, 12);

const icons: Readonly<Record<Summary["state"], Icon>> = {
  healthy: "healthy",
  partly: "partly",
  unhealthy: "unhealthy",
  unknown: "unknown",
  empty: "gone",
};

const signs: Readonly<Record<Summary["state"], string>> = {
  healthy: "✓",
  partly: "◆",
  unhealthy: "✗",
  unknown: "?",
  empty: "–",
};

export function renderPage(page: StatusDocument): string {
  const { summary, environment } = page;
  return html`<!doctype html>
<html lang="en" data-edition="${edition}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="robots" content="noindex">
<title>${signs[summary.state]} ${summary.text} · specta ${environment}</title>
<link rel="icon" href="${favicon(icons[summary.state])}">
<style>${new Html(style)}</style>
</head>
<body class="${summary.state}">
${symbols()}
${header(page)}
<main class="sections">${sections(page)}</main>
${footer(page)}
<script>${new Html(script)}</script>
</body>
</html>
`.text;
}

function header(page: StatusDocument): Html {
  const { summary, environment, now_unix_seconds: now } = page;
  const notices = summary.notices.map((notice) => html`<li>${notice}</li>`);
  return html`<header class="top">
<p class="brand"><span>specta</span> <span class="environment">${environment}</span></p>
<div role="status" class="summary">${icon(icons[summary.state], "emblem")}<h1>${summary.text}</h1>${notices.length === 0 ? "" : html`<ul class="notices">${notices}</ul>`}</div>
<p class="meta"><span data-key="as-of">As of ${moment(now, exactTime(now))}</span>${knowledge(page)}<span class="scale" aria-hidden="true">Bars: 24 h</span><span id="live" data-keep aria-live="polite"><a href="">Reload</a></span><button id="pause" type="button" data-keep hidden>Pause</button></p>
</header>`;
}

/** Since when the page knows, as long as that is less than the day which it shows. */
function knowledge(page: StatusDocument): Html | string {
  const { known_since_unix_seconds: since, now_unix_seconds: now, history } = page;
  if (now - since >= history.slot_seconds * history.slots) return "";
  return html`<span data-key="known-since">Knows since ${moment(since, clockTime(since, now))}</span>`;
}

function sections(page: StatusDocument): Html[] {
  const { groups, certificates, executions, pushed, reported } = page;
  const parts: Html[] = [];
  if (page.worker === "off") parts.push(workerIsOff());
  else if (isUnconfigured(page)) parts.push(startSection(page));
  parts.push(...groups.filter(({ scale }) => scale === "health").map((group) => groupSection(group, page)));
  if (certificates.length > 0) parts.push(certificateSection(certificates, page));
  parts.push(...executions.map((group) => executionSection(group, page)));
  parts.push(...groups.filter(({ scale }) => scale === "number").map((group) => groupSection(group, page)));
  if (pushed.length > 0) parts.push(measureSection("pushed", "Pushed metrics", pushed, page));
  if (reported.length > 0) parts.push(measureSection("reported", "Metrics of your handlers", reported, page));
  if (page.worker === "running") parts.push(handlerSection(page));
  return parts;
}

/** Nothing of the user's own is looked at. */
function isUnconfigured({ configuration, handlers }: StatusDocument): boolean {
  return configuration === "embedded" || handlers.every(({ state }) => state === "inactive");
}

function workerIsOff(): Html {
  return html`<p class="none" data-key="none">This process answers pushes and scrapes alone. Where <code>SPECTA_RUN_WORKER</code> is true, handlers watch services.</p>`;
}

function footer({
  build,
  series_without_history: refused,
  history_kept_in,
  started_unix_seconds,
  now_unix_seconds,
}: StatusDocument): Html {
  const tag = build.tag === "n/a" ? "specta" : `specta ${build.tag}`;
  const started = moment(started_unix_seconds, clockTime(started_unix_seconds, now_unix_seconds));
  const kept = history_kept_in === "ledger" ? "history kept in the ledger" : "history kept in memory";
  const more =
    refused === 0
      ? ""
      : html`<p>${refused} more series are left out here, for there are too many: /metrics has all of them.</p>`;
  return html`<footer class="foot">${more}<p><span>${tag}, started ${started}, ${kept}</span> <span>All times are UTC</span> <a href="${docs}">Documentation</a> <a href="status.json">JSON</a> <a href="metrics">Metrics</a></p></footer>`;
}

function hash(text: string): string {
  return `sha256-${createHash("sha256").update(text).digest("base64")}`;
}
