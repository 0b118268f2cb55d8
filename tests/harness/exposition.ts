/** A strict reader of the Prometheus text format, written apart from what writes it, so that each checks the other. */

export interface Series {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  /** The number as it was written, and as a number. */
  readonly text: string;
  readonly value: number;
}

export interface Family {
  readonly name: string;
  readonly kind: "counter" | "gauge" | "histogram";
  readonly help: string;
  readonly series: readonly Series[];
}

const namePattern = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;
const numberPattern = /^(?:[+-]?(?:\d+(?:\.\d+)?(?:e[+-]\d+)?)|[+-]Inf|NaN)$/;

export class Exposition {
  readonly families = new Map<string, Family>();
  readonly #values = new Map<string, number>();

  /** @throws with the line at fault when the text breaks the format or specta's own order. */
  constructor(text: string) {
    for (const family of parse(text)) {
      this.families.set(family.name, family);
      for (const series of family.series) this.#values.set(keyOf(series.name, series.labels), series.value);
    }
  }

  /** The value of the series with exactly these labels, `env` included; undefined when there is none. */
  value(name: string, labels: Readonly<Record<string, string>> = {}): number | undefined {
    return this.#values.get(keyOf(name, labels));
  }

  /** All series of that name (`…_bucket`, `…_sum`, `…_count` for a histogram) whose labels hold the given ones. */
  series(name: string, labels: Readonly<Record<string, string>> = {}): Series[] {
    return [...this.families.values()]
      .flatMap((family) => family.series)
      .filter((one) => one.name === name && Object.entries(labels).every(([key, value]) => one.labels[key] === value));
  }
}

function keyOf(name: string, labels: Readonly<Record<string, string>>): string {
  return JSON.stringify([name, Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1))]);
}

function parse(text: string): Family[] {
  if (text === "") return [];
  if (!text.endsWith("\n")) throw new Error("the exposition must end with a line feed");
  const families: { name: string; kind: Family["kind"]; help: string; series: Series[] }[] = [];
  const seen = new Set<string>();
  const lines = text.slice(0, -1).split("\n");
  for (let at = 0; at < lines.length; at++) {
    const line = lines[at]!;
    const fail = (why: string) => new Error(`line ${at + 1}: ${why}: ${line}`);
    if (line.startsWith("# HELP ")) {
      const [, name = "", help = ""] = /^# HELP (\S+) (.*)$/s.exec(line) ?? [];
      const [, typed, kind] = /^# TYPE (\S+) (counter|gauge|histogram)$/.exec(lines[at + 1] ?? "") ?? [];
      if (!namePattern.test(name) || help === "") throw fail("a HELP line needs a name and a text");
      if (typed !== name) throw fail("HELP must be followed by the TYPE of the same family");
      if ((families.at(-1)?.name ?? "") >= name) throw fail("families must be sorted by name, each once");
      families.push({ name, kind: kind as Family["kind"], help: unescapeText(help, fail), series: [] });
      at++;
      continue;
    }
    const family = families.at(-1);
    if (line.startsWith("#") || family === undefined) throw fail("a comment, or a series in front of its family");
    const series = parseSeries(line, fail);
    const suffix = series.name.startsWith(family.name) ? series.name.slice(family.name.length) : undefined;
    const suffixes = family.kind === "histogram" ? ["_bucket", "_sum", "_count"] : [""];
    if (suffix === undefined || !suffixes.includes(suffix))
      throw fail(`a series of another family than ${family.name}`);
    if ((suffix === "_bucket") !== Object.hasOwn(series.labels, "le")) throw fail("le belongs to buckets alone");
    if (family.kind !== "gauge" && !(series.value >= 0)) throw fail("only a gauge may be negative or not a number");
    const key = keyOf(series.name, series.labels);
    if (seen.has(key)) throw fail("a series that was there already");
    seen.add(key);
    family.series.push(series);
  }
  for (const family of families) {
    if (family.kind === "histogram") checkHistogram(family);
  }
  return families;
}

function parseSeries(line: string, fail: (why: string) => Error): Series {
  const [head, name = "", braces] = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(\{)?/.exec(line) ?? [];
  if (head === undefined) throw fail("a series must begin with its name");
  const labels: Record<string, string> = {};
  let rest = line.slice(head.length);
  let last = "";
  while (braces !== undefined) {
    const [label, key = "", value = "", end] = /^([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)"(,|\})/s.exec(rest) ?? [];
    if (label === undefined) throw fail('a label must be name="value"');
    if (last === "le" || (key !== "le" && key <= last)) throw fail("labels must be alphabetical, each once, le last");
    labels[key] = unescapeText(value, fail);
    last = key;
    rest = rest.slice(label.length);
    if (end === "}") break;
  }
  const [, number] = /^ (\S+)$/.exec(rest) ?? [];
  if (number === undefined || !numberPattern.test(number)) throw fail("one space and one number must follow");
  return { name, labels, text: number, value: Number(number.replace("Inf", "Infinity")) };
}

function unescapeText(text: string, fail: (why: string) => Error): string {
  return text.replace(/\\(.)/gs, (_, char: string) => {
    if (char === "n") return "\n";
    if (char === "\\" || char === '"') return char;
    throw fail(`an unknown escape \\${char}`);
  });
}

/** Buckets ascend and never fall, the last is +Inf and equals the count, and a sum stands beside them. */
function checkHistogram(family: Family): void {
  const groups = new Map<string, { buckets: { le: number; value: number }[]; sum?: number; count?: number }>();
  for (const { name, labels, value } of family.series) {
    const { le, ...others } = labels;
    const key = keyOf("", others);
    const group = groups.get(key) ?? { buckets: [] };
    groups.set(key, group);
    if (name.endsWith("_bucket")) group.buckets.push({ le: Number(le?.replace("Inf", "Infinity")), value });
    else if (name.endsWith("_sum")) group.sum = value;
    else group.count = value;
  }
  for (const [key, { buckets, sum, count }] of groups) {
    const fail = (why: string) => new Error(`${family.name}${key}: ${why}`);
    if (sum === undefined || count === undefined) throw fail("sum or count is missing");
    for (const [index, bucket] of buckets.entries()) {
      const before = buckets[index - 1];
      if (before && !(bucket.le > before.le)) throw fail("bounds must ascend");
      if (before && bucket.value < before.value) throw fail("buckets are cumulative");
    }
    if (buckets.at(-1)?.le !== Number.POSITIVE_INFINITY || buckets.at(-1)?.value !== count)
      throw fail("+Inf must be the count");
  }
}
