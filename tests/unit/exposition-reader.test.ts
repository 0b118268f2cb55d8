import { expect, test } from "bun:test";
import { Exposition } from "../harness/exposition.ts";

const good = [
  "# HELP a_total how many",
  "# TYPE a_total counter",
  'a_total{env="testing",page="a\\"b\\\\c\\nd"} 3',
  "a_total 1e+06",
  "# HELP b_seconds how long",
  "# TYPE b_seconds histogram",
  'b_seconds_bucket{env="testing",le="0.5"} 1',
  'b_seconds_bucket{env="testing",le="+Inf"} 2',
  'b_seconds_sum{env="testing"} 3.5',
  'b_seconds_count{env="testing"} 2',
  "# HELP c how warm",
  "# TYPE c gauge",
  "c -0.5",
  "",
].join("\n");

test("values and labels are read", () => {
  const exposition = new Exposition(good);
  expect(exposition.value("a_total", { page: 'a"b\\c\nd', env: "testing" })).toBe(3);
  expect(exposition.value("a_total")).toBe(1_000_000);
  expect(exposition.value("a_total", { env: "testing" })).toBeUndefined();
  expect(exposition.value("b_seconds_bucket", { le: "+Inf", env: "testing" })).toBe(2);
  expect(exposition.series("b_seconds_bucket", { env: "testing" }).map(({ labels }) => labels.le)).toEqual([
    "0.5",
    "+Inf",
  ]);
  expect(exposition.families.get("c")).toMatchObject({ kind: "gauge", help: "how warm" });
});

const breaches: readonly (readonly [what: string, from: string, to: string, error: string])[] = [
  ["no line feed at the end", "c -0.5\n", "c -0.5", "must end with a line feed"],
  [
    "families out of order",
    "# HELP c how warm\n# TYPE c gauge\nc ",
    "# HELP a how warm\n# TYPE a gauge\na ",
    "sorted by name",
  ],
  ["no TYPE", "# TYPE c gauge\n", "", "followed by the TYPE"],
  ["a series twice", "c -0.5", "c -0.5\nc 1", "there already"],
  ["a series of another family", "c -0.5", "d -0.5", "another family"],
  ["labels out of order", 'env="testing",page=', 'page="x",env=', "alphabetical"],
  ["le in front", 'env="testing",le="0.5"', 'le="0.5",env="testing"', "le last"],
  ["a bound twice over", 'le="0.5"} 1', 'le="0.5"} 3', "cumulative"],
  ["a count that differs", 'count{env="testing"} 2', 'count{env="testing"} 3', "+Inf must be the count"],
  ["no sum", 'b_seconds_sum{env="testing"} 3.5\n', "", "missing"],
  ["a negative counter", "a_total 1e+06", "a_total -1", "only a gauge"],
  ["a number of another language", "a_total 1e+06", "a_total 1_000", "one number must follow"],
  ["two spaces", "a_total 1e+06", "a_total  1", "one space"],
  ["an unknown escape", "\\n", "\\t", "unknown escape"],
];

test.each(breaches)("%s is refused", (_, from, to, error) => {
  const bad = good.replace(from, to);
  expect(bad).not.toBe(good);
  expect(() => new Exposition(bad)).toThrow(error);
});
