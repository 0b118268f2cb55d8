/** Limits of what a handler declares, reports, logs and throws: its thread holds them, whatever the handler returns. */
import { describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  maxEndedKeyChars,
  maxHandlerMetrics,
  maxLabelValueBytes,
  maxListedNames,
  maxLogValueChars,
  maxNamedFailures,
  maxNamedProblems,
  maxQuotaRestMs,
  maxReasonChars,
  maxSamplesPerEnded,
  maxTracePlaces,
} from "../../../src/base/limits.ts";
import type { Metrics } from "../../../src/metrics/definition.ts";
import { readFound } from "../../../src/worker/thread/found.ts";
import { ManualClock } from "../../harness/clock.ts";
import { folder } from "../../harness/scripted.ts";
import { planned, startBench } from "../../harness/worker.ts";

const places = Array.from({ length: maxListedNames + 3 }, (_, at) => `place-${at}`);
const metrics: Metrics = {
  done_total: { kind: "counter", help: "done", labels: { place: places, name: "*" } },
};
const sample = { metric: "done_total", number: 1 };
const read = (report: unknown) => readFound(report, metrics, 100);
const many = <T>(amount: number, value: T): T[] => new Array<T>(amount).fill(value);
const ended = (more: object) => ({ ended: [{ key: "a", createdMs: 1, endedMs: 2, samples: [sample], ...more }] });

describe("a report", () => {
  test("has so many samples for one ended execution, and no more", () => {
    expect(read(ended({ samples: many(maxSamplesPerEnded, sample) })).ended[0]?.samples).toHaveLength(
      maxSamplesPerEnded,
    );
    expect(() => read(ended({ samples: many(maxSamplesPerEnded + 1, sample) }))).toThrow(
      "ended[0].samples must have at most 20 entries: it has 21",
    );
  });

  test("has keys of so many characters, and no longer ones", () => {
    expect(read(ended({ key: "k".repeat(maxEndedKeyChars) })).ended).toHaveLength(1);
    expect(() => read(ended({ key: "k".repeat(maxEndedKeyChars + 1) }))).toThrow(
      "ended[0].key must be text of 1 to 512 characters",
    );
  });

  test("has values of so many bytes, and no longer ones", () => {
    const labels = (size: number) => [{ ...sample, labels: { name: "ü".repeat(size / 2) } }];
    expect(read(labels(maxLabelValueBytes)).recordings).toHaveLength(1);
    expect(() => read(labels(maxLabelValueBytes + 2))).toThrow("must have at most 1024 bytes");
  });

  test("names so many failed targets, and the number of the rest", () => {
    const failure = { target: "a", reason: "b" };
    expect(read({ failures: many(maxNamedFailures, failure) }).furtherFailures).toBe(0);
    const { failures, furtherFailures } = read({ failures: many(maxNamedFailures + 7, failure) });
    expect([failures.length, furtherFailures]).toEqual([maxNamedFailures, 7]);
  });

  test("has reasons that are cut where they are too long", () => {
    const reasonOf = (size: number) =>
      read({ failures: [{ target: "a", reason: "r".repeat(size) }] }).failures[0]?.reason;
    expect(reasonOf(maxReasonChars)).toBe("r".repeat(maxReasonChars));
    expect(reasonOf(maxReasonChars + 1)).toBe(`${"r".repeat(maxReasonChars)}…`);
  });

  test("that is wrong is told by its first problems and the number of the rest", () => {
    const problemsOf = (amount: number) => {
      try {
        read(many(amount, { metric: "x" }));
      } catch (error) {
        return String(error).split("; ");
      }
      return [];
    };
    expect(problemsOf(maxNamedProblems)).toHaveLength(maxNamedProblems);
    expect(problemsOf(maxNamedProblems + 4).slice(maxNamedProblems)).toEqual(["and 4 more"]);
  });

  test("is told so many allowed values, and the number of the rest", () => {
    const wrong = { ...sample, labels: { place: "nowhere" } };
    expect(() => read([wrong])).toThrow(`${places.slice(0, maxListedNames).join(", ")} and 3 more: current value`);
  });
});

let files = 0;
/** The first execution of a handler of that text, and what it has logged. */
async function execution(text: string, more = {}) {
  files += 1;
  const file = join(folder, `limits-${files}.ts`);
  writeFileSync(file, text);
  await using bench = await startBench([planned("own", file, { coolerMs: 60_000, ...more })]);
  const [first] = await bench.count("own", 1);
  return { ...first!, lines: [...bench.log.lines] };
}

describe("a handler", () => {
  test("declares so many metrics, and no more", async () => {
    const text = (amount: number) =>
      `export const metrics = Object.fromEntries(Array.from({ length: ${amount} }, (_, at) => ["own_" + at, { kind: "gauge", help: "x" }]));
       export const ensure = () => [];`;
    expect(await execution(text(maxHandlerMetrics))).toMatchObject({ success: true });
    expect((await execution(text(maxHandlerMetrics + 1))).error).toBe("metrics must be at most 100: there are 101");
  });

  test("throws errors that are cut, with so many places of their stack", async () => {
    const thrown = (size: number, depth: number) =>
      `Error.stackTraceLimit = 1000;
       export const metrics = {};
       const deep = (left) => { if (left > 0) return deep(left - 1) + 1; throw new Error("e".repeat(${size})); };
       export const ensure = () => deep(${depth});`;
    const told = async (size: number, depth: number) => {
      const { error, lines } = await execution(thrown(size, depth));
      const { trouble } = lines.find(({ message }) => message === "worker execution failed")!;
      return { error, places: trouble?.trace.length ?? 0 };
    };
    const short = await told(maxLogValueChars, 3);
    expect(short.error).toBe("e".repeat(maxLogValueChars));
    expect(short.places).toBeLessThan(maxTracePlaces);
    const long = await told(maxLogValueChars + 1, 200);
    expect(long).toEqual({ error: `${"e".repeat(maxLogValueChars)}…`, places: maxTracePlaces });
  });

  test("that asks for a rest of years is asked again after a day", async () => {
    const clock = new ManualClock();
    const text = `export const metrics = {}; export const ensure = () => ({ restUntilMs: 1e15 });`;
    const file = join(folder, "rest.ts");
    writeFileSync(file, text);
    await using bench = await startBench([planned("own", file, { coolerMs: 3_600_000 })], { clock });
    await bench.count("own", 1);
    const outcomes: boolean[] = [];
    for (let hours = 1; hours <= maxQuotaRestMs / 3_600_000; hours += 1) {
      while ((clock.nextMs ?? 0) > 3_600_000) await Bun.sleep(1);
      clock.advance(3_600_000);
      await bench.count("own", hours + 1);
      outcomes.push(bench.of("own").at(-1)!.success);
    }
    expect(outcomes).toEqual([...many(23, false), true]);
  });
});
