import * as v from "valibot";

export type Kind = "counter" | "gauge" | "histogram";

/** The values that a label may take: a list, or `"*"` for values that are discovered at run time (handlers only). */
export type LabelValues = readonly string[] | "*";

/** A metric as the configuration and handlers declare it, under its name. */
export interface Metric {
  readonly kind: Kind;
  readonly help: string;
  /** Allowed values by label name; left out: the metric has no labels. */
  readonly labels?: Readonly<Record<string, LabelValues>>;
  /** Upper bounds in the metric's unit, ascending, without +Inf; histograms only. */
  readonly buckets?: readonly number[];
}

export type Metrics = Readonly<Record<string, Metric>>;

/** The values of a series' labels by name. Keys that are left out stay out of the exposition. */
export type Labels = Readonly<Record<string, string>>;
