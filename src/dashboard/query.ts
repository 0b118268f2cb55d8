/** Pieces of PromQL, quoted and right for what Prometheus 2 stores as well as Prometheus 3. */

import type { Metric } from "../metrics/definition.ts";
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

/** Names of metrics that PromQL takes for something else where a metric could stand. */
const words = /^(?:atan2|bool|group_left|group_right|ignoring|inf|nan|on)$/i;

/** Names of labels that cannot stand in a list of labels, in any quotes that Prometheus 2 knows. */
const unlisted = /^(?:inf|nan|without)$/i;

/** `name{matcher, matcher}`. */
export function select(name: string, ...matchers: readonly string[]): string {
  if (words.test(name)) return `{${[`__name__=${quote(name)}`, ...matchers].join(", ")}}`;
  return `${name}{${matchers.join(", ")}}`;
}

/** The labels of a metric by which its series can be told apart in a query. */
export function labelsOf(metric: Metric): string[] {
  return Object.keys(metric.labels ?? {}).filter((label) => !unlisted.test(label));
}

/** `sum by (a, b) (query)`; without labels `sum(query)`. */
export function aggregate(operator: "sum" | "min" | "max", labels: readonly string[], query: string): string {
  return labels.length === 0 ? `${operator}(${query})` : `${operator} by (${labels.join(", ")}) (${query})`;
}

/**
 * What builds and deployments are counted in, over a window such as `6h`: the highest of the replicas. Each shows the totals
 * that the ledger keeps, so that their sum would count an execution again when another replica takes over.
 *
 * @param labels - all labels of the counter that tell its series apart
 * @param step - how far apart the looks within the window are; left out: as far as rules are evaluated
 */
export function shared(series: string, labels: readonly string[], window: string, step = ""): string {
  return `${aggregate("max", labels, series)}[${window}:${step}]`;
}

/**
 * The matcher for one bucket of a histogram. Prometheus 3 stores the bound of a whole number as `1.0`, Prometheus 2 as it
 * was exposed, `1`; from a million on both keep Go's exponent.
 */
export function bucket(bound: number): string {
  const text = formatNumber(bound);
  return /^-?\d+$/.test(text) ? `le=~${quote(`${text}|${text}\\.0`)}` : `le=${quote(text)}`;
}

/** A quantile over all series of a histogram that share `labels`; `buckets` selects them over a window. */
export function quantile(share: number, buckets: string, labels: readonly string[]): string {
  return `histogram_quantile(${share}, ${aggregate("sum", [...labels, "le"], `rate(${buckets})`)})`;
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

/** Which share the growth of `part` is of that of `all`, both per value of `labels`; nothing where nothing grew. */
export function share(part: string, all: string, labels: readonly string[]): string {
  return `${aggregate("sum", labels, part)} / (${aggregate("sum", labels, all)} > 0)`;
}
