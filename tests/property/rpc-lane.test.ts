/**
 * The lane and connect-es are one server: the same request has the same status, body, headers and effect on the series
 * whichever of them answers.
 */
import { afterAll, beforeAll, describe, expect, setSystemTime, test } from "bun:test";
import fc from "fast-check";
import { type Format, pushOf } from "../harness/pushes.ts";
import { Twins } from "../harness/twins.ts";

/** Cases of each format: 100,000 in all. A longer run, or another one, is asked for by these variables. */
const runs = Number(process.env.SPECTA_TEST_RUNS ?? 50_000);
const seed = Number(process.env.SPECTA_TEST_SEED ?? 20_250_704);

// The time of a push is one of its effects.
beforeAll(() => {
  setSystemTime(new Date("2025-07-04T14:09:06Z"));
});
afterAll(() => {
  setSystemTime();
});

describe("the lane answers as connect-es does", () => {
  for (const format of ["json", "proto"] as const satisfies readonly Format[]) {
    test(format, async () => {
      const twins = new Twins();
      const statuses = new Map<number, number>();
      await fc.assert(
        fc.asyncProperty(fc.uint8Array({ minLength: 16, maxLength: 160, size: "max" }), async (choices) => {
          const { kind, headers, body } = pushOf(format, choices);
          const { lane, connect } = await twins.call(kind, headers, body);
          if (!Bun.deepEquals(lane, connect))
            expect({ request: textOf(body), ...lane }).toEqual({ request: textOf(body), ...connect });
          statuses.set(lane.status, (statuses.get(lane.status) ?? 0) + 1);
        }),
        { numRuns: runs, seed },
      );
      // The control: much was accepted, much was not, and most of either by the lane.
      expect(statuses.get(200)).toBeGreaterThan(runs / 4);
      expect(statuses.get(400)).toBeGreaterThan(runs / 10);
      expect(twins.laned).toBeGreaterThan(runs / 2);
    }, 300_000);
  }
});

function textOf(body: Uint8Array): string {
  return Buffer.from(body).toString("latin1");
}
