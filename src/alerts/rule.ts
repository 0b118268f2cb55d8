/** An alert as this project writes it: the rule, and the proof that it fires and stays silent. */

export interface Rule {
  readonly alert: string;
  readonly severity: "critical" | "warning";
  readonly expr: string;
  /** How long `expr` must hold before it fires, as Prometheus writes durations; left out: at once. */
  readonly for?: string;
  /** One line. `{{ $labels.NAME }}` and `{{ $value | FUNCTION }}` are filled in by Prometheus. */
  readonly summary: string;
  /** What it means and what to do first, in one or two sentences; filled in as the summary is. */
  readonly description: string;
  /** Cases in which it fires, one at least. */
  readonly fires: readonly Firing[];
  /** Cases that resemble the one that fires and must not: each is a control. */
  readonly silent: readonly Scene[];
}

/** Series over time, and the moment at which they are looked at. */
export interface Scene {
  readonly name: string;
  /** Values a minute apart in promtool's notation (`1x5 0x10`), by series. */
  readonly series: Readonly<Record<string, string>>;
  /** Minutes after the start. */
  readonly atMinute: number;
}

export interface Firing extends Scene {
  /** The labels of the alert, without `alertname` and `severity`. */
  readonly labels: Readonly<Record<string, string>>;
  /** How `{{ $value | … }}` is written; left out where no text holds it. */
  readonly value?: string;
}

const runbook = "https://github.com/0xSplits/specta/blob/main/examples/prometheus/RUNBOOK.md";

/** The chapter of the runbook about an alert, by the anchor that GitHub gives its heading. */
export function runbookUrl(alert: string): string {
  return `${runbook}#${alert.toLowerCase()}`;
}

/** A series with its labels, as promtool and PromQL write it. */
export function series(name: string, labels: Readonly<Record<string, string>>): string {
  const pairs = Object.entries(labels).map(([label, value]) => `${label}="${value}"`);
  return `${name}{${pairs.join(", ")}}`;
}
