import { describe, expect, test } from "bun:test";
import { escapeHelp, escapeLabel, formatLabels, formatNumber } from "../../src/metrics/text.ts";

describe("formatNumber writes numbers as Go does", () => {
  // Each pair was printed by strconv.FormatFloat(value, 'g', -1, 64).
  const pairs: readonly (readonly [number, string])[] = [
    [0, "0"],
    [-0, "-0"],
    [1, "1"],
    [47, "47"],
    [-47, "-47"],
    [0.1, "0.1"],
    [0.5, "0.5"],
    [2.5, "2.5"],
    [0.00012, "0.00012"],
    [1e-4, "0.0001"],
    [1e-5, "1e-05"],
    [5e-324, "5e-324"],
    [999999, "999999"],
    [1e6, "1e+06"],
    [1234567, "1.234567e+06"],
    [123456789.5, "1.234567895e+08"],
    [1763999999.123, "1.763999999123e+09"],
    [12345678901234567000, "1.2345678901234567e+19"],
    [1e20, "1e+20"],
    [1e21, "1e+21"],
    [1e100, "1e+100"],
    [Number.MAX_VALUE, "1.7976931348623157e+308"],
    [Number.NaN, "NaN"],
    [Number.POSITIVE_INFINITY, "+Inf"],
    [Number.NEGATIVE_INFINITY, "-Inf"],
  ];
  for (const [value, text] of pairs) test(text, () => expect(formatNumber(value)).toBe(text));
});

test("label values and help are escaped as the text format demands", () => {
  expect(escapeLabel('a\\b"c\nd')).toBe('a\\\\b\\"c\\nd');
  expect(escapeHelp('a\\b"c\nd')).toBe('a\\\\b"c\\nd');
});

test("labels stand in alphabetical order", () => {
  expect(formatLabels({ page: "root", env: "testing", app: "x" })).toBe('app="x",env="testing",page="root"');
});
