import { describe, expect, test } from "bun:test";
import { expose } from "../../src/metrics/exposition.ts";
import { processFamilies } from "../../src/metrics/process.ts";
import { Registry } from "../../src/metrics/registry.ts";

const health = { kind: "gauge", help: "health", labels: { service: "*" } } as const;
const took = { kind: "histogram", help: "took", labels: { success: ["true"] }, buckets: [1, 2] } as const;

describe("the registry", () => {
  test("sorts families by name and series by labels", () => {
    const registry = new Registry("testing");
    const b = registry.define("b", health);
    registry.define("a", health).write(b.key({ service: "x" }), 1);
    for (const service of ["z", "y"]) b.write(b.key({ service }), 0.5);
    const names = expose(registry)
      .split("\n")
      .filter((line) => line !== "" && !line.startsWith("#"));
    expect(names).toEqual([
      'a{env="testing",service="x"} 1',
      'b{env="testing",service="y"} 0.5',
      'b{env="testing",service="z"} 0.5',
    ]);
  });

  test("writes nothing of a family without series", () => {
    const registry = new Registry("testing");
    const series = registry.define("a", health);
    expect(expose(registry)).toBe("");
    series.write(series.key({ service: "x" }), 1);
    expect(expose(registry)).toContain("# HELP a health\n# TYPE a gauge\n");
    series.remove(series.key({ service: "x" }));
    expect(expose(registry)).toBe("");
  });

  test("gives two owners of one shape the same series, and refuses another shape", () => {
    const registry = new Registry("testing");
    expect(registry.define("a", health)).toBe(registry.define("a", { ...health }));
    expect(() => registry.define("a", { ...health, help: "other" })).toThrow("the metric a is defined already");
  });

  test("keeps a total beyond the largest double there", () => {
    const series = new Registry("testing").define("a", took);
    const key = series.key({ success: "true" });
    for (let time = 0; time < 2; time += 1) series.write(key, 1.7e308);
    series.merge(key, 1.7e308, [0, 0, 1]);
    expect(series.read()).toEqual([{ labels: { success: "true" }, value: Number.MAX_VALUE, buckets: [0, 0, 3] }]);
  });

  test("shows stored totals as they are, and keeps what was shown at 0", () => {
    const registry = new Registry("testing");
    const series = registry.define("t", took);
    const key = series.key({ success: "true" });
    series.show(key);
    expect(expose(registry)).toContain('t_count{env="testing",success="true"} 0\n');
    series.show(key, 12.5, [1, 2, 3]);
    series.show(key);
    expect(expose(registry)).toContain('t_bucket{env="testing",success="true",le="2"} 3\n');
    expect(expose(registry)).toContain('t_bucket{env="testing",success="true",le="+Inf"} 6\n');
    expect(expose(registry)).toContain('t_sum{env="testing",success="true"} 12.5\n');
  });
});

test("the process is described without the label env", () => {
  // The kernel counts processor time in hundredths of a second: some must have been used.
  while (process.cpuUsage().user < 30_000) Bun.hash(new Uint8Array(65_536));
  const text = processFamilies()
    .flatMap((family) => [...family.render()])
    .join("");
  for (const name of [
    "process_cpu_seconds_total",
    "process_max_fds",
    "process_open_fds",
    "process_resident_memory_bytes",
    "process_start_time_seconds",
    "process_virtual_memory_bytes",
  ]) {
    const value = Number(new RegExp(`^${name} (.+)$`, "m").exec(text)?.[1]);
    expect(value).toBeGreaterThan(0);
  }
  const started = Number(/^process_start_time_seconds (.+)$/m.exec(text)?.[1]);
  expect(Math.abs(started - (Date.now() - performance.now()) / 1000)).toBeLessThan(5);
});
