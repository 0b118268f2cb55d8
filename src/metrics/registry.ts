/** Series whose label values are found at run time: what handlers report, and what specta reports of itself. */
import type { Labels, Metric } from "./definition.ts";
import { added, bucketOf, type Family, type Reading, Writer } from "./family.ts";
import { formatLabels, parseLabels } from "./text.ts";

interface Cell {
  /** A counter's or gauge's value, a histogram's sum. */
  value: number;
  /** A histogram's observations by bucket, +Inf last. */
  readonly buckets: number[];
}

/** The series of one metric, each under its labels as the exposition writes them. */
export class Series implements Family {
  readonly name: string;
  readonly metric: Metric;
  readonly #environment: string;
  readonly #writer: Writer;
  readonly #cells = new Map<string, Cell>();
  #isShown = (): boolean => true;

  constructor(name: string, metric: Metric, environment: string) {
    this.name = name;
    this.metric = metric;
    this.#environment = environment;
    this.#writer = new Writer(name, metric);
  }

  /** Shows the series only while that says so; asked by every scrape. */
  showWhile(isShown: () => boolean): void {
    this.#isShown = isShown;
  }

  get size(): number {
    return this.#cells.size;
  }

  /** What names the series of these labels within this metric. */
  key(labels: Labels): string {
    return formatLabels({ ...labels, env: this.#environment });
  }

  has(key: string): boolean {
    return this.#cells.has(key);
  }

  /** Adds to a counter, sets a gauge, observes in a histogram. */
  write(key: string, number: number): void {
    const cell = this.#cell(key);
    if (this.metric.kind === "gauge") cell.value = number + 0;
    else cell.value = added(cell.value, number);
    if (this.metric.kind === "histogram") cell.buckets[bucketOf(this.metric.buckets ?? [], number)]! += 1;
  }

  /** Adds many observations to a histogram at once: their sum, and their number by bucket, +Inf last. */
  merge(key: string, sum: number, buckets: readonly number[]): void {
    const cell = this.#cell(key);
    cell.value = added(cell.value, sum);
    for (let index = 0; index < cell.buckets.length; index += 1) cell.buckets[index]! += buckets[index] ?? 0;
  }

  /** Shows a counter or histogram as the ledger has it; without arguments at 0, when it is not there yet. */
  show(key: string, sum?: number, buckets?: readonly number[]): void {
    const cell = this.#cell(key);
    if (sum === undefined) return;
    cell.value = sum;
    for (let index = 0; index < cell.buckets.length; index += 1) cell.buckets[index] = buckets?.[index] ?? 0;
  }

  /** The value of a counter or gauge, the sum of a histogram; undefined when there is no such series. */
  value(key: string): number | undefined {
    return this.#cells.get(key)?.value;
  }

  remove(key: string): void {
    this.#cells.delete(key);
  }

  clear(): void {
    this.#cells.clear();
  }

  *render(): Generator<string, void> {
    if (!this.#isShown()) return;
    let head = this.#writer.head;
    for (const key of [...this.#cells.keys()].sort()) {
      const cell = this.#cells.get(key);
      // Removed while the rendering rested.
      if (cell === undefined) continue;
      const isHistogram = this.metric.kind === "histogram";
      yield head +
        (isHistogram ? this.#writer.histogram(key, cell.buckets, cell.value) : this.#writer.value(key, cell.value));
      head = "";
    }
  }

  read(): Reading[] {
    if (!this.#isShown()) return [];
    return [...this.#cells.keys()].sort().map((key) => {
      const { value, buckets } = this.#cells.get(key)!;
      const { env: _, ...labels } = parseLabels(key);
      return this.metric.kind === "histogram" ? { labels, value, buckets: [...buckets] } : { labels, value };
    });
  }

  #cell(key: string): Cell {
    let cell = this.#cells.get(key);
    if (cell === undefined) {
      const length = this.metric.kind === "histogram" ? (this.metric.buckets?.length ?? 0) + 1 : 0;
      cell = { value: 0, buckets: new Array<number>(length).fill(0) };
      this.#cells.set(key, cell);
    }
    return cell;
  }
}

/** All families that a scrape shows, by name. */
export class Registry {
  readonly environment: string;
  readonly #families = new Map<string, Family>();
  #sorted: readonly Family[] | undefined;

  constructor(environment: string) {
    this.environment = environment;
  }

  /** Registers a family that keeps its own series. Throws when the name is taken. */
  add(family: Family): void {
    if (this.#families.has(family.name)) throw new Error(`the metric ${family.name} is defined already`);
    this.#families.set(family.name, family);
    this.#sorted = undefined;
  }

  /** The series of a metric, made at first. Throws when the name is taken by a metric of another shape. */
  define(name: string, metric: Metric): Series {
    const known = this.#families.get(name);
    if (known === undefined) {
      const series = new Series(name, metric, this.environment);
      this.add(series);
      return series;
    }
    if (known instanceof Series && Bun.deepEquals(known.metric, metric)) return known;
    throw new Error(`the metric ${name} is defined already, with another shape`);
  }

  /** The family of that name, or undefined. */
  find(name: string): Family | undefined {
    return this.#families.get(name);
  }

  /** Sorted by name. */
  families(): readonly Family[] {
    this.#sorted ??= [...this.#families.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
    return this.#sorted;
  }
}
