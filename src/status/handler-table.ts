/** The table of handlers. */
import type { HandlerRow, StatusDocument } from "./document.ts";
import { type Html, html } from "./html.ts";
import { cell, figures, section, table, tableRow, withIcon } from "./parts.ts";
import { ago, duration, moment, number } from "./words.ts";

const id = "handlers";

export function handlerSection(page: StatusDocument): Html {
  const active = page.handlers.filter(({ state }) => state !== "inactive");
  const inactive = page.handlers.filter(({ state }) => state === "inactive");
  const isLeased = active.some(({ lease }) => lease !== "not needed");
  const heads = [
    ["name", "Handler"] as const,
    ["wide", "State"] as const,
    ...figures("Last run", "Took", "Next run"),
    ["figure amount", "Executions"] as const,
    ...figures(...(isLeased ? ["Lease"] : [])),
  ];
  const rows = active.map((handler) => handlerRow(handler, isLeased, page.now_unix_seconds));
  const body = active.length === 0 ? html`<p class="none">No handler runs.</p>` : table(id, "facts", heads, rows);
  return section(id, "Handlers", "", html`${body}${resting(inactive)}`);
}

function handlerRow(handler: HandlerRow, isLeased: boolean, now: number): Html {
  const { name, is_running, last_run_unix_seconds: last, last_run_duration_seconds: took } = handler;
  const { next_run_unix_seconds: next, succeeded, failed } = handler;
  const nextRun = is_running ? "running" : next === null ? "–" : moment(next, ago(Math.max(next, now + 1), now));
  const counts = html`<data value="${succeeded + failed}">${number(succeeded + failed)}</data>${failed === 0 ? "" : html`, <span class="dim">${number(failed)} failed</span>`}`;
  return tableRow(name, name, [
    cell(
      handler.last_error === null ? "wide" : "wide long",
      html`${stateOf(handler)}${errorOf(handler, now)}`,
      "State",
    ),
    cell("figure", last === null ? "–" : moment(last, ago(last, now)), "Last run"),
    cell("figure", took === null ? "–" : html`<data value="${took}">${duration(took)}</data>`, "Took"),
    cell("figure", nextRun, "Next run"),
    cell("figure amount", counts, "Executions"),
    ...(isLeased ? [cell("figure", handler.lease, "Lease")] : []),
  ]);
}

function stateOf({ state }: HandlerRow): Html {
  switch (state) {
    case "ok":
      return withIcon("healthy", "OK");
    case "failing":
      return withIcon("unhealthy", "Failing");
    case "elsewhere":
      return withIcon("reported", "Run by another replica");
    default:
      return withIcon("unknown", "Waiting for its first run");
  }
}

/** What failed last; once it is over, only when that was. */
function errorOf({ last_error, last_error_unix_seconds: at, state }: HandlerRow, now: number): Html | string {
  if (last_error === null || at === null) return "";
  const when = moment(at, ago(at, now));
  if (state === "failing") return html`<p class="error">${last_error}</p>`;
  return html`<details class="past-error"><summary>last error ${when}</summary><p>${last_error}</p></details>`;
}

function resting(handlers: readonly HandlerRow[]): Html | string {
  if (handlers.length === 0) return "";
  const items = handlers.map(
    ({ name, inactive_reason }) => html`<div data-key="${name}"><dt>${name}</dt><dd>${inactive_reason}</dd></div>`,
  );
  const amount = handlers.length === 1 ? "1 handler is inactive" : `${handlers.length} handlers are inactive`;
  return html`<details class="resting" data-key="resting"><summary>${amount}</summary><dl>${items}</dl></details>`;
}
