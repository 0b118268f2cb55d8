/** What a method takes, by bytes: how the lane resolves an action without making text of it. */
import type { PushLabel, PushMetric } from "../../metrics/push-layout.ts";
import { Names } from "./names.ts";
import type { Verifier } from "./verify.ts";

export interface KnownLabel {
  /** What each allowed value adds to the number of the series. */
  readonly values: Names<number>;
  /** Its place among the metric's labels, as a bit: a key that comes twice is seen. */
  readonly bit: number;
}

export interface KnownMetric {
  readonly metric: PushMetric;
  readonly labels: Names<KnownLabel>;
}

export type KnownMetrics = Names<KnownMetric>;

/** Metrics with more labels than a bit each are left to connect-es. */
export const maxKnownLabels = 30;

export function knownMetrics(verifier: Verifier): KnownMetrics {
  const metrics = [...verifier.metrics].filter(([, metric]) => metric.labels.length <= maxKnownLabels);
  return new Names(metrics.map(([name, metric]) => [name, { metric, labels: knownLabels(metric) }]));
}

function knownLabels(metric: PushMetric): Names<KnownLabel> {
  return new Names(metric.labels.map((label, index) => [label.name, { values: valuesOf(label), bit: 1 << index }]));
}

function valuesOf({ places, stride }: PushLabel): Names<number> {
  return new Names([...places].map(([value, place]) => [value, place * stride]));
}
