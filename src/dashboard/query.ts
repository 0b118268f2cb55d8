/** Pieces of PromQL, quoted and right for what Prometheus 2 stores as well as Prometheus 3. */

import { formatNumber } from "../metrics/text.ts";

/** The matcher that keeps a query to the environment chosen on the dashboard. */
export const inEnvironment = 'env="$environment"';

/** How Grafana names a series by its labels; `otherwise` where it has none. */
export function legendOf(labels: readonly string[], otherwise: string): string {
  return labels.length === 0 ? otherwise : labels.map((label) => `{{${label}}}`).join(" ");
}

/** A label's value as PromQL writes a string. */
export function quote(value: string): string {
  const escaped = value.replace(/[\\"\n]/g, (character) => (character === "\n" ? "\\n" : `\\${character}`));
  return `"${escaped}"`;
}

/** A regular expression that matches exactly these values. */
export function oneOf(values: readonly string[]): string {
  return quote(values.map((value) => value.replace(/[\\^$.|?*+()[\]{}]/g, "\\$&")).join("|"));
}

/** `name{matcher, matcher}`. */
export function select(name: string, ...matchers: readonly string[]): string {
  return `${name}{${matchers.join(", ")}}`;
}

/** `sum by (a, b) (query)`; without labels `sum(query)`. */
export function aggregate(operator: "sum" | "min" | "max", labels: readonly string[], query: string): string {
  return labels.length === 0 ? `${operator}(${query})` : `${operator} by (${labels.join(", ")}) (${query})`;
}

/**
 * The matcher for one bucket of a histogram. Prometheus 3 stores the bound of a whole number as `1.0`, Prometheus 2 as it
 * was exposed, `1`; from a million on both keep Go's exponent.
 */
export function bucket(bound: number): string {
  const text = formatNumber(bound);
  return /^-?\d+$/.test(text) ? `le=~${quote(`${text}|${text}\\.0`)}` : `le=${quote(text)}`;
}

/** A quantile over all series of a histogram that share `labels`, over a window such as `6h` or `$__rate_interval`. */
export function quantile(
  share: number,
  histogram: string,
  matchers: readonly string[],
  labels: readonly string[],
  window: string,
): string {
  const buckets = `rate(${select(`${histogram}_bucket`, ...matchers)}[${window}])`;
  return `histogram_quantile(${share}, ${aggregate("sum", [...labels, "le"], buckets)})`;
}

/** The average of a histogram's observations, per value of `labels`. */
export function average(
  histogram: string,
  matchers: readonly string[],
  labels: readonly string[],
  window: string,
): string {
  const part = (suffix: string) =>
    aggregate("sum", labels, `rate(${select(`${histogram}_${suffix}`, ...matchers)}[${window}])`);
  return `${part("sum")} / (${part("count")} > 0)`;
}

/** Which share of a counter's increase had `part` among its labels' matchers; nothing where there was no increase. */
export function share(
  counter: string,
  matchers: readonly string[],
  part: string,
  labels: readonly string[],
  window: string,
): string {
  const increase = (...more: readonly string[]) =>
    aggregate("sum", labels, `increase(${select(counter, ...matchers, ...more)}[${window}])`);
  return `${increase(part)} / (${increase()} > 0)`;
}
