/** The types that users copy are those that specta goes by; the compiler holds it, the test says what was held. */
import { expect, test } from "bun:test";
import type * as theirs from "../../examples/handler/specta.d.ts";
import type * as ours from "../../src/handlers/handler.ts";
import type { Metrics } from "../../src/metrics/definition.ts";

/** True when each is assignable to the other. */
type Same<A, B> = [A] extends [B] ? ([B] extends [A] ? true : false) : false;

const same: {
  readonly context: Same<theirs.Context, ours.Context>;
  readonly ended: Same<theirs.Ended, ours.Ended>;
  readonly failure: Same<theirs.Failure, ours.Failure>;
  readonly metrics: Same<theirs.Metrics, Metrics>;
  readonly report: Same<theirs.Report, ours.Report>;
  readonly sample: Same<theirs.Sample, ours.Sample>;
  /** A user's may leave its cooler to the configuration, or give it as text; else they are one. */
  readonly handler: Same<Omit<theirs.Handler, "cooler">, Omit<ours.Handler, "cooler">>;
  /** The control: what differs is seen. */
  readonly unlike: Same<theirs.Sample, ours.Failure>;
} = {
  context: true,
  ended: true,
  failure: true,
  metrics: true,
  report: true,
  sample: true,
  handler: true,
  unlike: false,
};

test("the types that users copy are those that specta goes by", () => {
  const { unlike, ...alike } = same;
  expect(Object.values(alike)).toEqual(Array(7).fill(true));
  expect(unlike).toBe(false);
});
