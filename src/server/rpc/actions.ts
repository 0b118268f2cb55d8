/** The actions of one body, as a scanner finds them: each is resolved to its series as soon as it ends. */
import { maxActions } from "../../base/limits.ts";
import { type KnownMetrics, maxKnownLabels } from "./known.ts";
import { type Batch, isNumber, type Verifier } from "./verify.ts";

/** A label's place in the body: where key and value start and end. */
const placesOfLabel = 4;

export class Actions {
  /** Where the metric's name stands; -1 while there is none. */
  metricStart = -1;
  metricEnd = -1;
  number = 0;
  /** How many have ended. */
  count = 0;
  /** The first that could not be resolved: its index, and where it stands; -1 when all could. */
  unresolved = -1;
  unresolvedStart = -1;
  unresolvedEnd = -1;
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

  constructor(verifier: Verifier, known: KnownMetrics, batch: Batch) {
    this.#verifier = verifier;
    this.#known = known;
    this.#batch = batch;
  }

  /** Stands before a new body. */
  clear(): void {
    this.count = 0;
    this.unresolved = -1;
    this.isPlain = true;
    this.#batch.clear();
  }

  /** Stands before each action. */
  begin(): void {
    this.metricStart = -1;
    this.metricEnd = -1;
    this.number = 0;
    this.#labelCount = 0;
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
    if (!this.#resolve(bytes)) {
      this.isPlain &&= this.#isAscii(bytes) && !this.#hasTwins(bytes);
      if (this.unresolved < 0) {
        this.unresolved = this.count;
        this.unresolvedStart = start;
        this.unresolvedEnd = end;
      }
    }
    this.count += 1;
  }

  #resolve(bytes: Uint8Array): boolean {
    const known = this.#known.find(bytes, this.metricStart, this.metricEnd);
    if (known === undefined || !isNumber(this.#verifier.kind, this.number)) return false;
    let series = 0;
    let seen = 0;
    for (let at = 0; at < this.#labelCount * placesOfLabel; at += placesOfLabel) {
      const label = known.labels.find(bytes, this.#labels[at]!, this.#labels[at + 1]!);
      const worth = label?.values.find(bytes, this.#labels[at + 2]!, this.#labels[at + 3]!);
      if (label === undefined || worth === undefined || (seen & label.bit) !== 0) return false;
      seen |= label.bit;
      series += worth;
    }
    if (this.count < maxActions) this.#batch.add(known.metric, series, this.number + 0);
    return true;
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
