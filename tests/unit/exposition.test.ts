import { expect, test } from "bun:test";
import { maxRenderMs } from "../../src/base/limits.ts";
import type { Metrics } from "../../src/metrics/definition.ts";
import { expose, exposeInTurns } from "../../src/metrics/exposition.ts";
import { layoutOf } from "../../src/metrics/push-layout.ts";
import { allocate, pushFamilies } from "../../src/metrics/push-store.ts";
import { Registry } from "../../src/metrics/registry.ts";

function registryOf(series: number): Registry {
  const values = Array.from({ length: series }, (_, index) => `value ${index} "\\\n`);
  const metrics: Metrics = {
    clicks_total: { kind: "counter", help: "clicks", labels: { a: values, z: ["x"] } },
    wait_seconds: { kind: "histogram", help: "waits", labels: { page: values }, buckets: [1, 2] },
  };
  const layout = layoutOf(metrics);
  const registry = new Registry("testing");
  for (const family of pushFamilies(layout, allocate(layout, 1), "testing")) registry.add(family);
  return registry;
}

/** Renders, and counts how often the event loop came to something else meanwhile. */
async function render(registry: Registry): Promise<{ readonly text: string; readonly turns: number }> {
  let turns = 0;
  let isOver = false;
  const count = () => {
    turns += 1;
    if (!isOver) setImmediate(count);
  };
  setImmediate(count);
  const bytes = await exposeInTurns(registry);
  isOver = true;
  return { text: new TextDecoder().decode(bytes), turns };
}

test("a large registry is rendered in turns, and reads as if at once", async () => {
  const registry = registryOf(10_000);
  const start = performance.now();
  const whole = expose(registry);
  const { text, turns } = await render(registry);
  expect(performance.now() - start).toBeGreaterThan(2 * maxRenderMs);
  expect(turns).toBeGreaterThan(1);
  expect(text).toBe(whole);
});

test("label values are escaped", async () => {
  const { text } = await render(registryOf(1));
  expect(text).toContain('clicks_total{a="value 0 \\"\\\\\\n",env="testing",z="x"} 0\n');
});

test("a series that is removed while the rendering rests is left out", async () => {
  const registry = new Registry("testing");
  const health = registry.define("health", { kind: "gauge", help: "health", labels: { service: "*" } });
  const services = Array.from({ length: 10_000 }, (_, index) => `service ${index + 10_000}`);
  for (const service of services) health.write(health.key({ service }), 1);
  const rendering = render(registry);
  health.remove(health.key({ service: services.at(-1)! }));
  const { text, turns } = await rendering;
  expect(turns).toBeGreaterThan(0);
  expect(text).toContain(services.at(-2)!);
  expect(text).not.toContain(services.at(-1)!);
});
