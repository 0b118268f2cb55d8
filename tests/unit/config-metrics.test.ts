import { expect, test } from "bun:test";
import * as v from "valibot";
import { metricsSchema, sampleNames } from "../../src/metrics/definition.ts";

const valid = (metrics: unknown) => v.is(metricsSchema, metrics);

test("a handler may find a label's values at run time, as a whole and not as one of a list", () => {
  expect(valid({ a_total: { kind: "counter", help: "x", labels: { queue: "*" } } })).toBe(true);
  expect(valid({ a_total: { kind: "counter", help: "x", labels: { queue: "any" } } })).toBe(false);
});

test("the schema gives back what it was given", () => {
  const metrics = {
    load_seconds: { kind: "histogram", help: "x", labels: { page: ["a", "b"] }, buckets: [-1, 0, 0.5] },
    items: { kind: "gauge", help: "x" },
  };
  expect(v.parse(metricsSchema, metrics)).toEqual(metrics as v.InferOutput<typeof metricsSchema>);
});

test("a histogram takes the names of its samples, and a counter its own alone", () => {
  expect(sampleNames("x", "histogram")).toEqual(["x", "x_bucket", "x_sum", "x_count"]);
  expect(sampleNames("x", "counter")).toEqual(["x"]);
  const counter = { kind: "counter", help: "x" };
  const histogram = { kind: "histogram", help: "x", buckets: [1] };
  expect(valid({ x: counter, x_count: counter })).toBe(true);
  expect(valid({ x: histogram, x_count: counter })).toBe(false);
});
