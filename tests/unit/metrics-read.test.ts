/** What the status page reads is what the exposition writes, family by family. */
import { expect, test } from "bun:test";
import { expose } from "../../src/metrics/exposition.ts";
import type { Family } from "../../src/metrics/family.ts";
import { processFamilies } from "../../src/metrics/process.ts";
import { layoutOf } from "../../src/metrics/push-layout.ts";
import { allocate, PushShard, pushFamilies } from "../../src/metrics/push-store.ts";
import { Registry } from "../../src/metrics/registry.ts";
import { formatLabels, parseLabels } from "../../src/metrics/text.ts";
import { Exposition } from "../harness/exposition.ts";
import { manyPushed } from "../harness/server.ts";

/** Each reading must stand in the exposition, and nothing else of its family. */
function expectExposed(family: Family, exposition: Exposition, env: Readonly<Record<string, string>>): void {
  const isHistogram = family.metric.kind === "histogram";
  const readings = family.read();
  const counted = exposition.series(isHistogram ? `${family.name}_count` : family.name);
  expect(counted.map(({ labels }) => labels)).toEqual(readings.map(({ labels }) => ({ ...labels, ...env })));
  for (const { labels, value, buckets } of readings) {
    const all = { ...labels, ...env };
    expect(exposition.value(isHistogram ? `${family.name}_sum` : family.name, all)).toBe(value);
    if (!isHistogram) continue;
    expect(exposition.value(`${family.name}_count`, all)).toBe(buckets!.reduce((sum, count) => sum + count, 0));
    expect(exposition.value(`${family.name}_bucket`, { ...all, le: "+Inf" })).toBe(
      buckets!.reduce((sum, count) => sum + count, 0),
    );
    const [first] = family.metric.buckets!;
    expect(exposition.value(`${family.name}_bucket`, { ...all, le: String(first) })).toBe(buckets![0]);
  }
}

test("series of handlers, whatever their labels hold", () => {
  const registry = new Registry("testing");
  const health = registry.define("health", { kind: "gauge", help: "h", labels: { service: "*", zone: "*" } });
  const took = registry.define("took", { kind: "histogram", help: "t", labels: { of: "*" }, buckets: [1, 2] });
  const odd = ['a"b', "back\\slash", "line\nbreak", 'x",env="y', "ü🙂", "\\n", "\u2028\r"];
  for (const [index, service] of odd.entries()) health.write(health.key({ service, zone: "z" }), index / 2);
  health.write(health.key({ service: "alone" }), 1);
  for (const number of [0.5, 1, 1.5, 7]) took.write(took.key({ of: 'a"b' }), number);
  const exposition = new Exposition(expose(registry));
  expectExposed(registry.find("health")!, exposition, { env: "testing" });
  expectExposed(registry.find("took")!, exposition, { env: "testing" });
  const services = health.read().map(({ labels }) => labels.service);
  expect(services.sort()).toEqual([...odd, "alone"].sort());
  expect(took.read()).toEqual([{ labels: { of: 'a"b' }, value: 10, buckets: [2, 1, 1] }]);
  expect(registry.find("nothing")).toBeUndefined();
});

test("series that clients push, of two shards", () => {
  const registry = new Registry("testing");
  const layout = layoutOf(manyPushed);
  const memory = allocate(layout, 2);
  for (const family of pushFamilies(layout, memory, "testing")) registry.add(family);
  for (const shard of [0, 1]) {
    const writer = new PushShard(layout, memory, shard);
    writer.begin();
    for (const metric of layout.metrics.values()) writer.write(metric, metric.series - 1, 0.25 + shard);
    writer.end();
  }
  const exposition = new Exposition(expose(registry));
  for (const name of layout.metrics.keys()) expectExposed(registry.find(name)!, exposition, { env: "testing" });
  const page = registry.find("page_ready_duration_seconds")!.read();
  expect(page).toEqual([{ labels: { page: "root" }, value: 1.5, buckets: [0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0] }]);
});

test("the process's own, which have no labels", () => {
  for (const { name, read } of processFamilies()) {
    const [reading, ...more] = read();
    expect(more).toEqual([]);
    expect(reading!.labels).toEqual({});
    // A process this young may not have used a tick of processor time.
    expect(reading!.value).toBeGreaterThanOrEqual(name === "process_cpu_seconds_total" ? 0 : 1);
  }
});

test("labels come back as they were written", () => {
  const labels = { a: 'x"y\\z\n', b: "", c1: 'b="c"', d_: "\\\\n" };
  expect(parseLabels(formatLabels(labels))).toEqual(labels);
  expect(parseLabels("")).toEqual({});
});
