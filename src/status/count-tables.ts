/** The tables of what is counted: builds, deployments, and what clients push. */
import type { ExecutionGroup, ExecutionRow, Measure, StatusDocument } from "./document.ts";
import { type Html, html } from "./html.ts";
import { cell, figures, section, table, tableRow, withIcon } from "./parts.ts";
import { ago, duration, moment, number, percent, quantity, rate, span } from "./words.ts";

export function executionSection(group: ExecutionGroup, page: StatusDocument): Html {
  const id = `e-${group.metric}`;
  const rows = group.rows.map((row) => executionRow(row, page));
  const title = group.title === group.metric ? html`<code>${group.metric}</code>` : group.title;
  const heads = [
    ["name", "Name"] as const,
    ["wide", "Last result"] as const,
    ...figures("Succeeded", "Median"),
    ["figure amount", "Counted"] as const,
  ];
  return section(id, title, "", table(id, "facts", heads, rows));
}

function executionRow(row: ExecutionRow, { now_unix_seconds: now }: StatusDocument): Html {
  const { last_result: last, succeeded, failed, success_ratio, median_duration_seconds: median } = row;
  const none = (succeeded ?? 0) + (failed ?? 0) === 0 ? "None yet" : "Not known since the start";
  const result =
    last === null
      ? html`<span class="dim">${none}</span>`
      : withIcon(
          last.success ? "healthy" : "unhealthy",
          html`${last.success ? "Succeeded" : "Failed"} ${moment(last.ended_unix_seconds, ago(last.ended_unix_seconds, now))}`,
        );
  const counted =
    succeeded === null && failed === null
      ? html`<span class="dim">by another replica</span>`
      : html`<data value="${(succeeded ?? 0) + (failed ?? 0)}">${number((succeeded ?? 0) + (failed ?? 0))}</data>${failed === null || failed === 0 ? "" : html`, <span class="dim">${number(failed)} failed</span>`}`;
  return tableRow(JSON.stringify(row.labels), row.name, [
    cell("wide", result, "Last result"),
    cell(
      "figure",
      success_ratio === null ? "–" : html`<data value="${success_ratio}">${percent(success_ratio)}</data>`,
      "Succeeded",
    ),
    cell("figure", median === null ? "–" : html`<data value="${median}">${duration(median)}</data>`, "Median"),
    cell("figure amount", counted, "Counted"),
  ]);
}

export function measureSection(id: string, title: string, measures: readonly Measure[], page: StatusDocument): Html {
  const isPushed = id === "pushed";
  const rows = measures.map((measure) => measureRow(measure, isPushed, page));
  const heads = [
    ["", "Metric"] as const,
    ...figures("Rate", "p50", "p95", "Total", ...(isPushed ? ["Last push"] : [])),
  ];
  const [first] = measures;
  const note = first === undefined ? "" : windows(span(first.rate_window_seconds), span(first.quantile_window_seconds));
  return section(id, title, note, table(id, "facts", heads, rows));
}

function windows(ofRates: string, ofQuantiles: string): string {
  if (ofRates === ofQuantiles) return `rates and quantiles of the last ${ofRates}`;
  return `rates of the last ${ofRates}, quantiles of the last ${ofQuantiles}`;
}

function measureRow(measure: Measure, isPushed: boolean, { now_unix_seconds: now }: StatusDocument): Html {
  const { metric, help, total, rate_per_second, p50, p95, last_push_unix_seconds: last } = measure;
  const value = (estimate: number | null) =>
    estimate === null ? "–" : html`<data value="${estimate}">${quantity(metric, estimate)}</data>`;
  const push = last === null ? html`<span class="dim">never</span>` : moment(last, ago(last, now));
  const amount = measure.kind === "counter" ? quantity(metric, total) : number(total);
  const name = html`<code>${metric}</code><span class="help">${help}</span>`;
  const cells = [
    cell("figure", html`<data value="${rate_per_second}">${rate(rate_per_second)}</data>`, "Rate"),
    cell("figure", value(p50), "p50"),
    cell("figure", value(p95), "p95"),
    cell("figure", html`<data value="${total}">${amount}</data>`, "Total"),
    ...(isPushed ? [cell("figure", push, "Last push")] : []),
  ];
  return tableRow(metric, name, cells, "", "long");
}
