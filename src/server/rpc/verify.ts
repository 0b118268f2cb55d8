/** The rules of a push. All actions of a request are resolved to series, or the request is rejected as a whole. */
import { mustBe } from "../../base/errors.ts";
import { maxActions, maxListedNames, maxMetricNameBytes, maxQuotedChars } from "../../base/limits.ts";
import type { Kind } from "../../metrics/definition.ts";
import type { PushLabel, PushLayout, PushMetric } from "../../metrics/push-layout.ts";
import type { Rejection } from "./rejection.ts";

/** One action as its decoder found it; what was left out is the zero value. */
export interface Action {
  readonly metric: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly number: number;
}

/** The actions of one request, each resolved to a series: at most `maxActions`. */
export class Batch {
  length = 0;
  readonly metrics: PushMetric[] = [];
  readonly series = new Int32Array(maxActions);
  readonly numbers = new Float64Array(maxActions);

  clear(): void {
    this.length = 0;
  }

  add(metric: PushMetric, series: number, number: number): void {
    this.metrics[this.length] = metric;
    this.series[this.length] = series;
    this.numbers[this.length] = number;
    this.length += 1;
  }
}

/** What one of the three methods takes: the metrics of its kind. */
export class Verifier {
  readonly kind: Kind;
  /** By name: those that this method takes. */
  readonly metrics: ReadonlyMap<string, PushMetric>;
  readonly #others: ReadonlyMap<string, PushMetric>;

  /** `names` are those that clients may push; the layout holds specta's own beside them. */
  constructor(kind: Kind, layout: PushLayout, names: readonly string[]) {
    const pushed = names.map((name) => [name, layout.metrics.get(name)!] as const);
    this.kind = kind;
    this.metrics = new Map(pushed.filter(([, metric]) => metric.kind === kind));
    this.#others = new Map(pushed.filter(([, metric]) => metric.kind !== kind));
  }

  /** Checks how many there are, then each in its order; the first that breaks a rule is named. */
  verify(actions: readonly Action[]): Batch | Rejection {
    const rejection = verifyCount(actions.length);
    if (rejection !== undefined) return rejection;
    const batch = new Batch();
    for (const [index, action] of actions.entries()) {
      const rejected = this.verifyAction(index, action, batch);
      if (rejected !== undefined) return rejected;
    }
    return batch;
  }

  /** Adds the action to the batch, or says what is wrong with it. */
  verifyAction(index: number, { metric: name, labels, number }: Action, batch: Batch): Rejection | undefined {
    const metric = this.metrics.get(name);
    if (metric === undefined) return this.#rejectName(index, name);
    let series = 0;
    for (const key of Object.keys(labels)) {
      const label = metric.labels.find((one) => one.name === key);
      if (label === undefined) return rejectKey(index, metric.labels, key);
      const place = label.places.get(labels[key]!);
      if (place === undefined) return rejectValue(index, label, labels[key]!);
      series += place * label.stride;
    }
    if (!isNumber(this.kind, number)) return rejectNumber(index, this.kind, number);
    // Adding zero makes minus zero zero.
    batch.add(metric, series, number + 0);
    return undefined;
  }

  #rejectName(index: number, name: string): Rejection {
    const field = `action[${index}].metric`;
    const bytes = Buffer.byteLength(name);
    if (bytes === 0 || bytes > maxMetricNameBytes) {
      return { kind: "metric_name", message: mustBe(field, `1 to ${maxMetricNameBytes} bytes long`, quoted(name)) };
    }
    const other = this.#others.get(name);
    if (other !== undefined) {
      return { kind: "metric_unknown", message: `${mustBe(field, `a ${this.kind}`, name)}, a ${other.kind}` };
    }
    const known = [...this.metrics.keys()];
    const allowed = known.length === 0 ? `a ${this.kind}, of which none is configured` : oneOf(known);
    return { kind: "metric_unknown", message: mustBe(field, allowed, quoted(name)) };
  }
}

/** The rule for the number of actions in a request. */
export function verifyCount(count: number): Rejection | undefined {
  if (count >= 1 && count <= maxActions) return undefined;
  return { kind: "action_count", message: mustBe("action", `a list of 1 to ${maxActions} elements`, count) };
}

/** The rule for the number of an action. */
export function isNumber(kind: Kind, number: number): boolean {
  return Number.isFinite(number) && (kind === "gauge" || number >= 0);
}

function rejectNumber(index: number, kind: Kind, number: number): Rejection {
  const expected = kind === "gauge" ? "finite" : "finite and not negative";
  return { kind: "number", message: `action[${index}].number must be ${expected}: current value is ${number}` };
}

function rejectKey(index: number, labels: readonly PushLabel[], key: string): Rejection {
  const keys = labels.map((label) => label.name);
  const message =
    keys.length === 0
      ? mustBe(`action[${index}].labels`, "empty", quoted(key))
      : mustBe(`a key of action[${index}].labels`, oneOf(keys), quoted(key));
  return { kind: "label_key", message };
}

function rejectValue(index: number, label: PushLabel, value: string): Rejection {
  return {
    kind: "label_value",
    message: mustBe(`action[${index}].labels.${label.name}`, oneOf(label.values), quoted(value)),
  };
}

/** The allowed names, the first of them when there are many. */
function oneOf(names: readonly string[]): string {
  const listed = names.slice(0, maxListedNames).join(", ");
  const more = names.length - maxListedNames;
  return `one of ${listed}${more > 0 ? ` and ${more} more` : ""}`;
}

/** A caller's value, cut where it is long. */
function quoted(value: string): string {
  const text = value.toWellFormed();
  return text.length <= maxQuotedChars ? text : `${text.slice(0, maxQuotedChars).toWellFormed()}…`;
}
