/** Whatever metrics, label values and numbers there are: two readers that know nothing of specta find them again. */
import { expect, test } from "bun:test";
import { join } from "node:path";
import fc from "fast-check";
import * as v from "valibot";
import { type Kind, type Metric, type Metrics, metricsSchema } from "../../src/metrics/definition.ts";
import { expose } from "../../src/metrics/exposition.ts";
import { layoutOf } from "../../src/metrics/push-layout.ts";
import { allocate, PushShard, pushFamilies } from "../../src/metrics/push-store.ts";
import { Registry } from "../../src/metrics/registry.ts";
import { root } from "../harness/build.ts";
import { Exposition } from "../harness/exposition.ts";
import { naughtyStrings } from "../harness/naughty.ts";
import { runPython } from "../harness/python.ts";
import { testWith } from "../harness/tools.ts";

/** Registries a run. More of them, or others, are asked for by these variables. */
const runs = Number(process.env.SPECTA_TEST_RUNS ?? 1000);
const seed = Number(process.env.SPECTA_TEST_SEED ?? 20_250_704);

/** One sample of the exposition: its name, its labels, its number as text. */
type Sample = readonly [name: string, labels: Readonly<Record<string, string>>, value: string];

interface Write {
  readonly metric: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly number: number;
}

interface World {
  /** What clients push, and what handlers report. */
  readonly pushed: Metrics;
  readonly reported: Metrics;
  readonly writes: readonly Write[];
}

const labelName = fc.stringMatching(/^[a-zA-Z_][a-zA-Z0-9_]{0,8}$/).filter((name) => !name.startsWith("__"));
const anyText = fc.oneof(
  fc.constantFrom(...naughtyStrings),
  fc.string({ unit: "binary", minLength: 1, maxLength: 12 }),
  fc.string({
    unit: fc.constantFrom("\\", '"', "\n", "\r", "n", "=", ",", "{", "}", " ", "#"),
    minLength: 1,
    maxLength: 9,
  }),
);
const anyNumber = fc.oneof(
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.integer(),
  fc.constantFrom(-0, 5e-324, 1e21),
);

const anyMetric = fc
  .record({
    kind: fc.constantFrom<Kind>("counter", "gauge", "histogram"),
    // Prometheus' client for Python takes white space off both ends.
    help: anyText.map((text) => `<${text}>`),
    labels: fc.dictionary(labelName, fc.uniqueArray(anyText, { minLength: 1, maxLength: 3 }), { maxKeys: 3 }),
    bounds: fc.uniqueArray(anyNumber, { minLength: 1, maxLength: 6 }),
  })
  .map(({ kind, help, labels, bounds }): Metric => {
    const buckets = [...new Set(bounds.map((bound) => bound + 0))].sort((a, b) => a - b);
    return kind === "histogram" ? { kind, help, labels, buckets } : { kind, help, labels };
  });

const anyWorld: fc.Arbitrary<World> = fc
  .dictionary(fc.stringMatching(/^[a-zA-Z_:][a-zA-Z0-9_:]{0,10}$/), anyMetric, { minKeys: 1, maxKeys: 5 })
  // Prometheus' client for Python gives every counter this ending.
  .map((metrics) =>
    Object.fromEntries(
      Object.entries(metrics).map(([name, one]) => [one.kind === "counter" ? `${name}_total` : name, one]),
    ),
  )
  .filter((metrics) => v.safeParse(metricsSchema, metrics).success)
  .chain((metrics) => {
    const names = Object.keys(metrics);
    const half = names.slice(0, Math.ceil(names.length / 2));
    const part = (wanted: boolean) =>
      Object.fromEntries(Object.entries(metrics).filter(([name]) => half.includes(name) === wanted));
    const write = fc.constantFrom(...names).chain((metric) => {
      const labels = Object.entries(metrics[metric]?.labels ?? {}).map(([label, values]) =>
        fc.option(fc.constantFrom(...values)).map((value) => [label, value] as const),
      );
      return fc.record({ labels: fc.tuple(...labels), number: anyNumber }).map(({ labels: pairs, number }) => ({
        metric,
        labels: Object.fromEntries(pairs.filter((pair): pair is readonly [string, string] => pair[1] !== null)),
        // Only a gauge may fall, and sums stay finite.
        number: metrics[metric]?.kind === "gauge" ? number : Math.min(Math.abs(number), 1e300),
      }));
    });
    return fc.record({
      pushed: fc.constant(part(true)),
      reported: fc.constant(part(false)),
      writes: fc.array(write, { maxLength: 12 }),
    });
  });

function textOf({ pushed, reported, writes }: World): string {
  const layout = layoutOf(pushed);
  const memory = allocate(layout, 1);
  const shard = new PushShard(layout, memory, 0);
  const registry = new Registry("testing");
  for (const family of pushFamilies(layout, memory, "testing")) registry.add(family);
  for (const { metric, labels, number } of writes) {
    const place = layout.metrics.get(metric);
    if (place === undefined) {
      const series = registry.define(metric, reported[metric]!);
      series.write(series.key(labels), number);
      continue;
    }
    const index = place.labels.map(({ name, places, stride }) => stride * (places.get(labels[name] ?? "") ?? 0));
    shard.begin();
    shard.write(
      place,
      index.reduce((sum, one) => sum + one, 0),
      number,
    );
    shard.end();
  }
  return expose(registry);
}

/** The samples that must be there, counted by hand. */
function samplesOf({ pushed, reported, writes }: World): Map<string, string> {
  const samples = new Map<string, string>();
  const add = (name: string, labels: Readonly<Record<string, string>>, change: (before: number) => number) => {
    const key = keyOf([name, { ...labels, env: "testing" }, ""]);
    samples.set(key, numberText(change(Number(samples.get(key) ?? 0))));
  };
  const observe = (name: string, metric: Metric, labels: Readonly<Record<string, string>>, number?: number) => {
    const once = number === undefined ? 0 : 1;
    if (metric.kind === "gauge") add(name, labels, () => (number ?? 0) + 0);
    else if (metric.kind === "counter") add(name, labels, (before) => before + (number ?? 0));
    else {
      for (const bound of [...(metric.buckets ?? []), Number.POSITIVE_INFINITY]) {
        const isIn = number !== undefined && number <= bound;
        add(`${name}_bucket`, { ...labels, le: boundText(bound) }, (before) => before + (isIn ? 1 : 0));
      }
      add(`${name}_sum`, labels, (before) => before + (number ?? 0));
      add(`${name}_count`, labels, (before) => before + once);
    }
  };
  for (const [name, metric] of Object.entries(pushed)) {
    if (metric.kind === "gauge") continue;
    for (const labels of full(Object.entries(metric.labels ?? {}))) observe(name, metric, labels);
  }
  const all: Metrics = { ...pushed, ...reported };
  for (const { metric, labels, number } of writes) observe(metric, all[metric]!, labels, number);
  return samples;
}

/** All label sets in which every label has a value. */
function full(labels: readonly (readonly [string, readonly string[] | "*"])[]): Readonly<Record<string, string>>[] {
  const [first, ...rest] = labels;
  if (first === undefined) return [{}];
  const [name, values] = first;
  return [...values].flatMap((value) => full(rest).map((others) => ({ ...others, [name]: value })));
}

function keyOf([name, labels]: Sample): string {
  const { le, ...others } = labels;
  const bound = le === undefined ? [] : [["le", boundText(Number(le.replace(/Inf$/, "Infinity")))] as const];
  const named = [...Object.entries(others), ...bound];
  return JSON.stringify([name, named.sort(([a], [b]) => (a < b ? -1 : 1))]);
}

const boundText = (bound: number) => String(bound);
const numberText = (value: number) => String(value);

const Families = v.array(
  v.object({
    name: v.string(),
    kind: v.string(),
    help: v.string(),
    samples: v.array(v.tuple([v.string(), v.record(v.string(), v.string()), v.string()])),
  }),
);

testWith(
  ["python3"],
  "a random exposition is read back by Prometheus' client for Python and by the tests' own reader",
  async () => {
    const worlds = fc.sample(anyWorld, { numRuns: runs, seed });
    const texts = worlds.map(textOf);
    const script = join(root, "tests/fixtures/exposition-read.py");
    const input = texts.map((text) => `${JSON.stringify(text)}\n`).join("");
    const lines = (await runPython({ name: "prometheus_client", version: "0.26.0" }, script, { input }))
      .trim()
      .split("\n");
    expect(lines.length).toBe(worlds.length);
    let count = 0;
    for (const [index, world] of worlds.entries()) {
      const wanted = Object.fromEntries(samplesOf(world));
      const theirs = v.parse(Families, JSON.parse(lines[index]!));
      const found = theirs.flatMap(({ samples }) =>
        samples.map((sample) => [keyOf(sample), numberText(Number(sample[2]))]),
      );
      expect({ world, samples: Object.fromEntries(found) }).toEqual({ world, samples: wanted });
      const all: Metrics = { ...world.pushed, ...world.reported };
      for (const { name, help } of theirs) {
        // That client's name of a counter has no `_total`.
        expect(help).toBe((all[name] ?? all[`${name}_total`])?.help ?? "missing");
      }
      const ours = [...new Exposition(texts[index]!).families.values()].flatMap(({ series }) =>
        series.map(({ name, labels, value }) => [keyOf([name, labels, ""]), numberText(value)]),
      );
      expect(Object.fromEntries(ours)).toEqual(wanted);
      count += found.length;
    }
    // The control: there was something to read.
    expect(count).toBeGreaterThan(runs);
  },
  600_000,
);

testWith(["python3"], "control: what is escaped wrongly is not read back", async () => {
  const text = '# HELP a_total a\n# TYPE a_total counter\na_total{env="testing",b="x\\"} 1\n';
  const script = join(root, "tests/fixtures/exposition-read.py");
  const reading = runPython({ name: "prometheus_client", version: "0.26.0" }, script, {
    input: `${JSON.stringify(text)}\n`,
  });
  await expect(reading).rejects.toThrow("ValueError");
  expect(() => new Exposition(text)).toThrow("a label must be");
});

test("the worlds are many: all kinds, with and without labels, pushed and reported", () => {
  const worlds = fc.sample(anyWorld, { numRuns: 200, seed });
  const kinds = worlds.flatMap(({ pushed, reported }) =>
    Object.values({ ...pushed, ...reported }).map(({ kind }) => kind),
  );
  expect(new Set(kinds)).toEqual(new Set<Kind>(["counter", "gauge", "histogram"]));
  expect(worlds.filter(({ writes }) => writes.length > 3).length).toBeGreaterThan(50);
});
