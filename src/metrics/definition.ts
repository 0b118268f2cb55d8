import * as v from "valibot";
import { maxBuckets, maxHelpChars, maxLabelValueBytes, maxMetricNameBytes } from "../base/limits.ts";
import { about, noDoubles, step } from "../base/schema.ts";

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

/** Names of the samples that a metric has in the exposition: a histogram `x` also takes `x_bucket`, `x_sum` and `x_count`. */
export function sampleNames(name: string, kind: Kind): readonly string[] {
  return kind === "histogram" ? [name, `${name}_bucket`, `${name}_sum`, `${name}_count`] : [name];
}

const metricName = v.pipe(
  v.string("must be text"),
  v.regex(/^[a-zA-Z_:][a-zA-Z0-9_:]*$/, "must be a metric name, of letters, digits, _ and : and no digit first"),
  v.maxLength(maxMetricNameBytes, `must have at most ${maxMetricNameBytes} characters`),
);

const labelName = v.pipe(
  v.string("must be text"),
  v.regex(/^[a-zA-Z_][a-zA-Z0-9_]*$/, "must be a label name, of letters, digits and _ and no digit first"),
  v.check((name) => !name.startsWith("__"), "must not begin with __, which Prometheus keeps for itself"),
  v.check((name) => name !== "env" && name !== "le", "must be another name: env and le are given by specta"),
  v.maxLength(maxMetricNameBytes, `must have at most ${maxMetricNameBytes} characters`),
);

const labelValue = v.pipe(
  v.string("must be text, in quotes where it looks like a number"),
  v.minLength(1, "must not be empty"),
  v.check((value) => value.isWellFormed(), "must be valid Unicode"),
  v.maxBytes(maxLabelValueBytes, `must have at most ${maxLabelValueBytes} bytes`),
);

const labelList = v.pipe(
  v.array(labelValue, 'must be a list of values, or "*" for a handler that finds them at run time'),
  v.minLength(1, "must have at least one value"),
  noDoubles(),
);

const labelValues = v.lazy((input) => (input === "*" ? v.literal("*") : labelList));

const buckets = v.pipe(
  v.array(v.pipe(v.number("must be a number"), v.finite("must be finite: +Inf is added by itself")), "must be a list"),
  v.minLength(1, "must have at least one bound"),
  v.maxLength(maxBuckets, `must have at most ${maxBuckets} bounds`),
  v.rawCheck(({ dataset, addIssue }) => {
    if (!dataset.typed) return;
    for (const [index, bound] of dataset.value.entries()) {
      const before = dataset.value[index - 1] ?? Number.NEGATIVE_INFINITY;
      if (bound <= before)
        addIssue({ message: "must be above the bound before it", path: [step(dataset.value, index)] });
    }
  }),
);

const helpText = v.pipe(
  v.string("must be text"),
  v.minLength(1, "must not be empty"),
  v.maxLength(maxHelpChars, `must have at most ${maxHelpChars} characters`),
  v.check((help) => help.isWellFormed(), "must be valid Unicode"),
);

const metric = v.pipe(
  v.strictObject(
    {
      kind: about(
        "A counter adds up, a gauge keeps the last number, a histogram counts into buckets.",
        v.picklist(["counter", "gauge", "histogram"], "must be counter, gauge or histogram"),
      ),
      help: about("Its help in the exposition.", helpText),
      labels: v.exactOptional(
        about(
          "Each label with the values that it may have. A push may leave out any.",
          v.record(labelName, labelValues, "must be a map of label names to lists of values"),
        ),
      ),
      buckets: v.exactOptional(about("Upper bounds, ascending, for a histogram alone; +Inf is added.", buckets)),
    },
    "must be a map",
  ),
  v.rawCheck(({ dataset, addIssue }) => {
    if (!dataset.typed) return;
    const { kind, buckets } = dataset.value;
    const path = [step(dataset.value, "buckets")] as const;
    if (kind === "histogram" && !buckets) addIssue({ message: "must be given for a histogram", path: [...path] });
    if (kind !== "histogram" && buckets) addIssue({ message: `must be left out of a ${kind}`, path: [...path] });
  }),
);

/**
 * What the configuration lets clients push, and what a handler may report. Each message says what a value must be and
 * holds none, so that whoever shows it decides whether the value may be seen.
 */
export const metricsSchema: v.GenericSchema<unknown, Metrics> = v.pipe(
  v.record(metricName, metric, "must be a map of metric names"),
  v.rawCheck(({ dataset, addIssue }) => {
    if (!dataset.typed) return;
    const owners = new Map<string, string>();
    for (const [name, { kind }] of Object.entries(dataset.value)) {
      for (const sample of sampleNames(name, kind)) {
        const owner = owners.get(sample);
        owners.set(sample, name);
        if (owner === undefined) continue;
        const message = `must be another name: ${sample} is exposed for ${owner} and for ${name}`;
        addIssue({ message, path: [step(dataset.value, name, "key")] });
      }
    }
  }),
);
