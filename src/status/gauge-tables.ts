/** The tables of gauges: a row a series, with its last day. */
import { Day } from "./bars.ts";
import type { Certificate, Group, Row, RowState, StatusDocument } from "./document.ts";
import { type Html, html } from "./html.ts";
import { cell, section, table, tableRow, withIcon } from "./parts.ts";
import { ago, clockTime, moment, percent, quantity, span } from "./words.ts";

const states: Readonly<Record<RowState, string>> = {
  healthy: "Healthy",
  partly: "Partly healthy",
  unhealthy: "Unhealthy",
  unknown: "Unknown",
  gone: "Gone",
  reported: "Reported",
};

export function groupSection(group: Group, page: StatusDocument): Html {
  const id = `g-${group.metric}`;
  const isBuiltIn = group.title !== group.metric;
  const title = isBuiltIn ? group.title : html`<code>${group.metric}</code>`;
  const days = new Day(page);
  const axis = html`<span class="day"><span>24 h ago</span><span>now</span></span>`;
  if (group.scale === "number") {
    const rows = group.rows.map((row) => numberRow(row, group.metric, days, page));
    return section(
      id,
      title,
      group.help,
      table(
        id,
        "rows",
        [
          ["", "Series"],
          ["is", "Value"],
          ["past", axis],
          ["since alone", "Since"],
        ],
        rows,
      ),
    );
  }
  const rows = group.rows.map((row) => healthRow(row, days, page));
  const note = isBuiltIn ? tally(group.rows) : html`${group.help} · ${tally(group.rows)}`;
  return section(
    id,
    title,
    note,
    table(
      id,
      "rows",
      [
        ["", "Service"],
        ["is", "State"],
        ["past", axis],
        ["share", "Healthy"],
        ["since", "Since"],
      ],
      rows,
    ),
  );
}

/** `9 healthy`, `2 unhealthy, 7 healthy`. */
function tally(rows: readonly Row[]): string {
  const amounts = (["unhealthy", "partly", "unknown", "healthy", "gone"] as const).map((state) => {
    const count = rows.filter((row) => row.state === state).length;
    return count === 0 ? "" : `${count} ${state === "partly" ? "partly healthy" : state}`;
  });
  return amounts.filter((amount) => amount !== "").join(", ");
}

function healthRow(row: Row, days: Day, page: StatusDocument): Html {
  const value = row.value ?? row.last_value;
  const text = value === null ? states[row.state] : html`<data value="${value}">${states[row.state]}</data>`;
  return tableRow(
    keyOf(row),
    row.name,
    [
      cell("is", withIcon(row.state, text)),
      cell("past", days.health(row)),
      cell("share", row.healthy_ratio === null ? "–" : percent(row.healthy_ratio), "healthy "),
      cell("since", sinceOf(row, page), sinceLabel(row)),
    ],
    row.state,
  );
}

function numberRow(row: Row, metric: string, days: Day, page: StatusDocument): Html {
  const value = row.value ?? row.last_value;
  const text = value === null ? "–" : html`<data value="${value}">${valueText(metric, value, page)}</data>`;
  const shown = row.state === "reported" ? text : withIcon(row.state, html`${states[row.state]}, was ${text}`);
  const cells = [
    cell("is", shown),
    cell("past", days.number(row, metric)),
    cell("since alone", sinceOf(row, page), sinceLabel(row)),
  ];
  return tableRow(keyOf(row), row.name, cells, row.state);
}

function valueText(metric: string, value: number, { now_unix_seconds }: StatusDocument): Html | string {
  return metric.endsWith("_timestamp_seconds") ? moment(value, ago(value, now_unix_seconds)) : quantity(metric, value);
}

function sinceOf(row: Row, { now_unix_seconds: now }: StatusDocument): Html {
  const { since_unix_seconds: since, last_seen_unix_seconds: seen, state, last_value } = row;
  const remote = row.seen_by === "another replica" ? html` <span class="by">seen by another replica</span>` : "";
  if (since === null || seen === null) return html`not looked at yet`;
  const lastSeen = moment(seen, ago(seen, now));
  if (state === "gone") return html`no longer reported, last seen ${lastSeen}${remote}`;
  if (state === "unknown") {
    const was = row.healthy_ratio === null || last_value === null ? "last seen" : `was ${wasText(last_value)}`;
    return html`${was} ${lastSeen}${remote}`;
  }
  const unconfirmed = row.is_confirmed ? "" : html` <span class="by">last seen ${lastSeen}</span>`;
  return html`${row.since_is_at_least ? "before " : ""}${moment(since, clockTime(since, now))}${unconfirmed}${remote}`;
}

/** What stands in front of it where the column has no head. */
function sinceLabel({ state }: Row): string {
  return state === "unknown" || state === "gone" ? "" : "since ";
}

function wasText(value: number): string {
  return value >= 1 ? "healthy" : value > 0 ? "partly healthy" : "unhealthy";
}

export function certificateSection(certificates: readonly Certificate[], page: StatusDocument): Html {
  const icons = {
    valid: "healthy",
    soon: "partly",
    critical: "unhealthy",
    expired: "unhealthy",
    unknown: "unknown",
  } as const;
  const now = page.now_unix_seconds;
  const rows = certificates.map(({ service, state, days_left, expires_unix_seconds: expires, seen_by }) => {
    const left = expires > now ? `${span(expires - now)} left` : `expired ${span(now - expires)} ago`;
    const text = html`<data value="${expires}">${state === "unknown" ? "Unknown, was " : ""}${left}</data>`;
    const cells = [
      cell("is", withIcon(icons[state], text)),
      cell("past", meter(days_left, icons[state])),
      cell(
        "since alone",
        html`${moment(expires, clockTime(expires, now))}${seen_by === "another replica" ? html` <span class="by">seen by another replica</span>` : ""}`,
        "expires ",
      ),
    ];
    return tableRow(service, service, cells, state);
  });
  const axis = html`<span class="day"><span>0 days</span><span>90 days</span></span>`;
  const heads = [
    ["", "Service"],
    ["is", "Left"],
    ["past", axis],
    ["since alone", "Expires"],
  ] as const;
  return section(
    "certificates",
    "Certificates",
    "the first to expire of each service",
    table("certificates", "rows", heads, rows),
  );
}

function meter(days: number, kind: string): Html {
  const width = Math.max(0, Math.min(90, days));
  return html`<svg class="meter" viewBox="0 0 90 20" preserveAspectRatio="none" aria-hidden="true"><rect class="rest" y="8" width="90" height="4"/><rect class="${kind}" y="8" width="${width}" height="4"/></svg>`;
}

function keyOf({ labels }: Row): string {
  return JSON.stringify(labels);
}
