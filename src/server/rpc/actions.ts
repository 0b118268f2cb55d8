/**
 * The actions of one body, as a scanner finds them: each is resolved to its series as soon as it ends. Batches are much
 * of a kind, so an action that differs from the last one in its number alone is seen by comparing bytes.
 */
import { maxActions } from "../../base/limits.ts";
import { type KnownMetric, type KnownMetrics, maxKnownLabels } from "./known.ts";
import { type Action, type Batch, isNumber, type Verifier } from "./verify.ts";

/** A label's place in the body: where key and value start and end. */
const placesOfLabel = 4;

const utf8 = new TextDecoder();

/** One number, and its bytes in the order of every machine that Bun runs on. */
const double = new Float64Array(1);
const doubleBytes = new Uint8Array(double.buffer);
const latin1 = Buffer.prototype.latin1Slice;

export class Actions {
  /** Where the metric's name stands; -1 while there is none. */
  metricStart = -1;
  metricEnd = -1;
  number = 0;
  /** Where the number stands; -1 while there is none. */
  numberStart = -1;
  numberEnd = -1;
  /** How many have ended. */
  count = 0;
  /** The first that could not be resolved, decoded, for only its text can tell what is wrong with it. */
  unresolved: { readonly index: number; readonly action: Action } | undefined;
  /**
   * Whether the actions that could not be resolved are plain: their names ASCII (of others nobody has checked that they
   * are UTF-8), their labels' keys all different (twins are an error in JSON).
   */
  isPlain = true;

  readonly #verifier: Verifier;
  readonly #known: KnownMetrics;
  readonly #batch: Batch;
  readonly #labels = new Int32Array(maxKnownLabels * placesOfLabel);
  #labelCount = 0;
  /** The body with a character for each byte, once there are two actions: comparing text is quicker than bytes. */
  #text: string | undefined;
  #view: DataView | undefined;
  /** The last action that was resolved: where it and its number stand, and its series. */
  #last: KnownMetric | undefined;
  #lastSeries = 0;
  #lastStart = 0;
  #lastNumberStart = 0;
  #lastNumberEnd = 0;
  #lastEnd = 0;
  /** What stands in it before its number, and behind. */
  #before: string | undefined;
  #behind: string | undefined;

  constructor(verifier: Verifier, known: KnownMetrics, batch: Batch) {
    this.#verifier = verifier;
    this.#known = known;
    this.#batch = batch;
  }

  /** Stands before a new body. */
  clear(): void {
    this.count = 0;
    this.unresolved = undefined;
    this.isPlain = true;
    this.#last = undefined;
    this.#text = undefined;
    this.#view = undefined;
    this.#batch.clear();
  }

  /** Stands before each action. */
  begin(): void {
    this.metricStart = -1;
    this.metricEnd = -1;
    this.number = 0;
    this.numberStart = -1;
    this.numberEnd = -1;
    this.#labelCount = 0;
  }

  /** Where the number stands of an action that starts here and is like the last one up to there; else -1. */
  likeLastToNumber(bytes: Uint8Array, start: number): number {
    if (this.#last === undefined) return -1;
    this.#text ??= String(latin1.call(bytes, 0, bytes.length));
    this.#before ??= this.#text.slice(this.#lastStart, this.#lastNumberStart);
    return this.#text.startsWith(this.#before, start) ? start + this.#before.length : -1;
  }

  /** Where an action ends that is like the last one behind its number, too; else -1. */
  likeLastFromNumber(numberEnd: number): number {
    this.#behind ??= this.#text!.slice(this.#lastNumberEnd, this.#lastEnd);
    return this.#text!.startsWith(this.#behind, numberEnd) ? numberEnd + this.#behind.length : -1;
  }

  /** Ends an action that is the last one with another number. */
  repeat(bytes: Uint8Array): void {
    if (isNumber(this.#verifier.kind, this.number)) this.#add(this.#last!, this.#lastSeries);
    else this.#leave(bytes);
    this.count += 1;
  }

  /** Eight bytes as a double, the lowest first. A view of the body is worth making for the second one. */
  doubleAt(bytes: Uint8Array, at: number): number {
    if (this.count > 0) {
      this.#view ??= new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      return this.#view.getFloat64(at, true);
    }
    for (let index = 0; index < doubleBytes.length; index += 1) doubleBytes[index] = bytes[at + index]!;
    return double[0]!;
  }

  /** Notes a label; false when there are more than any metric here can have. */
  label(keyStart: number, keyEnd: number, valueStart: number, valueEnd: number): boolean {
    if (this.#labelCount === maxKnownLabels) return false;
    const at = this.#labelCount * placesOfLabel;
    this.#labels[at] = keyStart;
    this.#labels[at + 1] = keyEnd;
    this.#labels[at + 2] = valueStart;
    this.#labels[at + 3] = valueEnd;
    this.#labelCount += 1;
    return true;
  }

  /** Ends an action that stands between `start` and `end`. */
  end(bytes: Uint8Array, start: number, end: number): void {
    const known = this.#known.find(bytes, this.metricStart, this.metricEnd);
    const series = known === undefined ? -1 : this.#seriesOf(bytes, known);
    if (known !== undefined && series >= 0 && isNumber(this.#verifier.kind, this.number)) {
      this.#add(known, series);
      this.#remember(known, series, start, end);
    } else {
      this.isPlain &&= this.#isAscii(bytes) && !this.#hasTwins(bytes);
      this.#leave(bytes);
    }
    this.count += 1;
  }

  #remember(known: KnownMetric, series: number, start: number, end: number): void {
    this.#last = this.numberStart < 0 ? undefined : known;
    this.#lastSeries = series;
    this.#lastStart = start;
    this.#lastNumberStart = this.numberStart;
    this.#lastNumberEnd = this.numberEnd;
    this.#lastEnd = end;
    this.#before = undefined;
    this.#behind = undefined;
  }

  #add(known: KnownMetric, series: number): void {
    // Adding zero makes minus zero zero.
    if (this.count < maxActions) this.#batch.add(known.metric, series, this.number + 0);
  }

  /** Leaves an action to be verified, which will say what is wrong with it; the first one is enough. */
  #leave(bytes: Uint8Array): void {
    this.unresolved ??= { index: this.count, action: this.#decode(bytes) };
  }

  #decode(bytes: Uint8Array): Action {
    const text = (start: number, end: number) => utf8.decode(bytes.subarray(start, end));
    const labels: [string, string][] = [];
    for (let at = 0; at < this.#labelCount * placesOfLabel; at += placesOfLabel) {
      const [keyStart, keyEnd, valueStart, valueEnd] = this.#labels.subarray(at, at + placesOfLabel);
      labels.push([text(keyStart!, keyEnd!), text(valueStart!, valueEnd!)]);
    }
    const metric = this.metricStart < 0 ? "" : text(this.metricStart, this.metricEnd);
    return { metric, labels: Object.fromEntries(labels), number: this.number };
  }

  /** The series that the labels name, or -1. */
  #seriesOf(bytes: Uint8Array, known: KnownMetric): number {
    let series = 0;
    let seen = 0;
    for (let at = 0; at < this.#labelCount * placesOfLabel; at += placesOfLabel) {
      const label = known.labels.find(bytes, this.#labels[at]!, this.#labels[at + 1]!);
      const worth = label?.values.find(bytes, this.#labels[at + 2]!, this.#labels[at + 3]!);
      if (label === undefined || worth === undefined || (seen & label.bit) !== 0) return -1;
      seen |= label.bit;
      series += worth;
    }
    return series;
  }

  #isAscii(bytes: Uint8Array): boolean {
    let isAscii = isAsciiBetween(bytes, this.metricStart, this.metricEnd);
    for (let at = 0; at < this.#labelCount * placesOfLabel; at += 2) {
      isAscii &&= isAsciiBetween(bytes, this.#labels[at]!, this.#labels[at + 1]!);
    }
    return isAscii;
  }

  #hasTwins(bytes: Uint8Array): boolean {
    const labels = this.#labels;
    for (let at = placesOfLabel; at < this.#labelCount * placesOfLabel; at += placesOfLabel) {
      for (let other = 0; other < at; other += placesOfLabel) {
        if (isEqual(bytes, labels[at]!, labels[at + 1]!, labels[other]!, labels[other + 1]!)) return true;
      }
    }
    return false;
  }
}

function isEqual(bytes: Uint8Array, start: number, end: number, otherStart: number, otherEnd: number): boolean {
  if (end - start !== otherEnd - otherStart) return false;
  for (let at = start; at < end; at += 1) if (bytes[at] !== bytes[at - start + otherStart]) return false;
  return true;
}

function isAsciiBetween(bytes: Uint8Array, start: number, end: number): boolean {
  for (let at = start; at < end; at += 1) if (bytes[at]! > 127) return false;
  return true;
}
