/**
 * Reads what a handler has returned, in the handler's own thread: all of it may be wrong, huge or hostile. What crosses to
 * the main thread afterwards is plain, right by the handler's metrics and small: one recording a series.
 */
import {
  maxEndedKeyChars,
  maxEndedPerReport,
  maxNamedFailures,
  maxNamedProblems,
  maxReasonChars,
  maxSamplesPerEnded,
} from "../../base/limits.ts";
import type { Ended, EndedLine, Failure, Sample } from "../../handlers/handler.ts";
import type { Labels, Metric, Metrics } from "../../metrics/definition.ts";
import { bucketOf } from "../../metrics/family.ts";
import type { Found, Recording } from "../protocol.ts";
import { current, known, own, quote, wrongLabels, wrongNumber } from "../samples.ts";

const reportKeys = ["samples", "ended", "failures", "restUntilMs"];

/** @throws with the first few problems when anything of it is wrong; then nothing of it is recorded. */
export function readFound(returned: unknown, metrics: Metrics, maxSeries: number): Found {
  const problems = new Problems();
  const report = isList(returned) ? { samples: returned } : returned;
  if (!isMap(report))
    throw new Error(`what ensure returns must be a list of samples or a report: ${current(returned)}`);
  for (const key of Object.keys(report)) {
    if (!reportKeys.includes(key))
      problems.add(`a report must have no ${quote(key)}: known are ${reportKeys.join(", ")}`);
  }
  const folder = new Folder(metrics, maxSeries);
  for (const [index, sample] of entries(report, "samples", problems)) {
    const read = readSample(sample, `samples[${index}]`, metrics, problems);
    if (read !== undefined) folder.add(read);
  }
  const ended = readEnded(report, metrics, problems);
  const { failures, furtherFailures } = readFailures(report, problems);
  const restUntilMs = report.restUntilMs ?? 0;
  if (!isNumber(restUntilMs)) problems.add(`restUntilMs must be Unix milliseconds: ${current(restUntilMs)}`);
  const recordings = folder.recordings(problems);
  problems.throwAny();
  return {
    recordings,
    ended,
    failures,
    furtherFailures,
    restUntilMs: isNumber(restUntilMs) ? restUntilMs : 0,
    dropped: folder.dropped,
  };
}

/** Sums up all samples of a series, so that a flood of them is one message of a bounded size. */
class Folder {
  readonly dropped: Record<string, number> = {};
  readonly #metrics: Metrics;
  readonly #maxSeries: number;
  readonly #series = new Map<string, Map<string, { labels: Labels; number: number; buckets?: number[] }>>();

  constructor(metrics: Metrics, maxSeries: number) {
    this.#metrics = metrics;
    this.#maxSeries = maxSeries;
  }

  add({ metric: name, labels = {}, number }: Sample): void {
    const metric = this.#metrics[name]!;
    const series = this.#series.get(name) ?? new Map();
    this.#series.set(name, series);
    const key = JSON.stringify(Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1)));
    let folded = series.get(key);
    if (folded === undefined) {
      if (series.size >= this.#maxSeries) {
        this.dropped[name] = (this.dropped[name] ?? 0) + 1;
        return;
      }
      folded = { labels, number: 0, ...(metric.kind === "histogram" && { buckets: noBuckets(metric) }) };
      series.set(key, folded);
    }
    folded.number = metric.kind === "gauge" ? number : folded.number + number;
    if (folded.buckets) folded.buckets[bucketOf(metric.buckets ?? [], number)] += 1;
  }

  recordings(problems: Problems): Recording[] {
    const all: Recording[] = [];
    for (const [metric, series] of this.#series) {
      for (const folded of series.values()) {
        if (!isNumber(folded.number)) problems.add(`the samples of ${metric} must have a finite sum`);
        all.push({ metric, ...folded });
      }
    }
    return all;
  }
}

function noBuckets(metric: Metric): number[] {
  return new Array<number>((metric.buckets?.length ?? 0) + 1).fill(0);
}

function readSample(sample: unknown, where: string, metrics: Metrics, problems: Problems): Sample | undefined {
  if (!isMap(sample)) return problems.add(`${where} must be { metric, labels, number }: ${current(sample)}`);
  const { metric: name, labels = {}, number, ...rest } = sample;
  const [strange] = Object.keys(rest);
  if (strange !== undefined)
    return problems.add(`${where} must have no ${quote(strange)}: known are metric, labels, number`);
  const metric = typeof name === "string" ? own(metrics, name) : undefined;
  if (typeof name !== "string" || metric === undefined) {
    const declared = known("declared are", Object.keys(metrics));
    return problems.add(`${where}.metric must be a metric that the handler declares: ${current(name)}, ${declared}`);
  }
  if (!isMap(labels)) return problems.add(`${where}.labels must be a map of texts: ${current(labels)}`);
  const labelled = wrongLabels(metric, labels);
  if (labelled !== undefined) return problems.add(`${where}.labels${labelled}`);
  const plain = Object.fromEntries(Object.entries(labels).map(([key, value]) => [key, String(value)]));
  const numbered = wrongNumber(metric, number);
  if (typeof number !== "number" || numbered !== undefined) return problems.add(`${where}.number ${numbered}`);
  return { metric: name, labels: plain, number };
}

function readEnded(report: Fields, metrics: Metrics, problems: Problems): Ended[] {
  const all: Ended[] = [];
  for (const [index, one] of entries(report, "ended", problems, maxEndedPerReport)) {
    const where = `ended[${index}]`;
    if (!isMap(one)) {
      problems.add(`${where} must be { key, createdMs, endedMs, samples }: ${current(one)}`);
      continue;
    }
    const { key, createdMs, endedMs } = one;
    const samples: Sample[] = [];
    for (const [at, sample] of entries(one, "samples", problems, maxSamplesPerEnded, `${where}.`)) {
      const place = `${where}.samples[${at}]`;
      const read = readSample(sample, place, metrics, problems);
      if (read === undefined) continue;
      if (metrics[read.metric]?.kind === "gauge")
        problems.add(`${place}.metric must be no gauge: ${current(read.metric)}`);
      samples.push(read);
    }
    if (typeof key !== "string" || key === "" || key.length > maxEndedKeyChars) {
      problems.add(`${where}.key must be text of 1 to ${maxEndedKeyChars} characters: ${current(key)}`);
    } else if (!isNumber(createdMs))
      problems.add(`${where}.createdMs must be Unix milliseconds: ${current(createdMs)}`);
    else if (!isNumber(endedMs)) problems.add(`${where}.endedMs must be Unix milliseconds: ${current(endedMs)}`);
    else {
      const line = readLine(one.line, `${where}.line`, problems);
      all.push({ key, createdMs, endedMs, samples, ...(line && { line }) });
    }
  }
  return all;
}

function readLine(line: unknown, where: string, problems: Problems): EndedLine | undefined {
  if (line === undefined) return undefined;
  const keys = isMap(line) && isMap(line.keys) ? Object.entries(line.keys) : undefined;
  const isText = (pair: [string, unknown]): pair is [string, string] => typeof pair[1] === "string";
  if (!isMap(line) || typeof line.message !== "string" || !keys?.every(isText)) {
    return problems.add(`${where} must be { message, keys }, all of it text: ${current(line)}`);
  }
  return { message: cut(line.message), keys: Object.fromEntries(keys.map(([key, value]) => [key, cut(value)])) };
}

function readFailures(report: Fields, problems: Problems): { failures: Failure[]; furtherFailures: number } {
  const failures: Failure[] = [];
  let furtherFailures = 0;
  for (const [index, failure] of entries(report, "failures", problems)) {
    if (!isMap(failure) || typeof failure.target !== "string" || typeof failure.reason !== "string") {
      problems.add(`failures[${index}] must be { target, reason }, both text: ${current(failure)}`);
    } else if (failures.length === maxNamedFailures) furtherFailures += 1;
    else failures.push({ target: cut(failure.target), reason: cut(failure.reason) });
  }
  return { failures, furtherFailures };
}

class Problems {
  readonly #named: string[] = [];
  #further = 0;

  add(problem: string): undefined {
    if (this.#named.length < maxNamedProblems) this.#named.push(cut(problem));
    else this.#further += 1;
  }

  throwAny(): void {
    if (this.#named.length === 0) return;
    throw new Error(this.#named.join("; ") + (this.#further > 0 ? `; and ${this.#further} more` : ""));
  }
}

type Fields = Readonly<Record<string, unknown>>;

function* entries(
  map: Fields,
  key: string,
  problems: Problems,
  max?: number,
  prefix = "",
): Iterable<[number, unknown]> {
  const list = map[key] ?? [];
  if (!isList(list)) problems.add(`${prefix}${key} must be a list: ${current(list)}`);
  else if (max !== undefined && list.length > max) {
    problems.add(`${prefix}${key} must have at most ${max} entries: it has ${list.length}`);
  } else for (let index = 0; index < list.length; index += 1) yield [index, list[index]];
}

function isList(value: unknown): value is readonly unknown[] {
  return Array.isArray(value);
}

function isMap(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isNumber(value: unknown): value is number {
  return typeof value === "number" && Number.isFinite(value);
}

function cut(text: string): string {
  return text.length <= maxReasonChars ? text : `${text.slice(0, maxReasonChars)}…`;
}
