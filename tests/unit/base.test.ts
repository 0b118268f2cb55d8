import { describe, expect, test } from "bun:test";
import { messageOf, mustBe, troubleOf } from "../../src/base/errors.ts";
import { maxThrownValues } from "../../src/base/limits.ts";
import { nearest } from "../../src/base/nearest.ts";
import { Secret } from "../../src/base/secret.ts";
import { places } from "../../src/base/trace.ts";
import { formatDuration, formatLatency, parseDuration, parseSize } from "../../src/base/units.ts";

describe("units", () => {
  test.each([
    ["200ms", 200],
    ["5s", 5000],
    ["1.5s", 1500],
    ["1m", 60_000],
    ["2h", 7_200_000],
    ["1d", 86_400_000],
    ["0s", 0],
  ])("%s is %d ms", (text, expected) => expect(parseDuration(text)).toBe(expected));

  test.each(["", "5", "s", "5 s", "-5s", "5S", "1m30s", "5constructor", "1e3s", "NaNs"])("%p is no duration", (text) =>
    expect(parseDuration(text)).toBeUndefined(),
  );

  test.each([
    ["512B", 512],
    ["64KiB", 65_536],
    ["1MiB", 1_048_576],
  ])("%s is %d bytes", (text, expected) => expect(parseSize(text)).toBe(expected));

  test.each(["64", "64KB", "64kib", ""])("%p is no size", (text) => expect(parseSize(text)).toBeUndefined());

  test.each([
    [3.6, "3.6ms"],
    [0.04, "0ms"],
    [999, "999ms"],
    [12_400, "12.4s"],
    [161_000, "2m41s"],
    [3_603_000, "1h0m3s"],
  ])("%d ms reads %s", (ms, expected) => expect(formatLatency(ms)).toBe(expected));

  test.each([
    [5000, "5s"],
    [1500, "1500ms"],
    [60_000, "1m"],
    [86_400_000, "1d"],
    [0, "0ms"],
  ])("%d ms is configured as %s", (ms, expected) => expect(formatDuration(ms)).toBe(expected));
});

describe("nearest", () => {
  test("finds the name that was meant", () => expect(nearest("deamon", ["daemon", "version"])).toBe("daemon"));
  test("finds the name that goes on", () => {
    expect(nearest("--environment", ["--help", "--env"])).toBe("--env");
    expect(nearest("bursting", ["burst"])).toBe("burst");
    expect(nearest("onwards", ["on"])).toBeUndefined();
    expect(nearest("requests", ["requests_per_second"])).toBeUndefined();
    expect(nearest("envelop", ["--env"])).toBeUndefined();
  });
  test("prefers a name that is spelled nearly so", () =>
    expect(nearest("buckets_", ["buckets_of_all", "bucket"])).toBe("bucket"));
  test("says nothing when nothing is near", () => expect(nearest("qqqqqq", ["daemon", "version"])).toBeUndefined());
});

describe("errors", () => {
  test("every thrown thing has a message", () => {
    const circle: Record<string, unknown> = {};
    circle.self = circle;
    expect(messageOf(new Error(""))).toBe("Error");
    expect(messageOf("text")).toBe("text");
    expect(messageOf(undefined)).toBe("a thrown undefined: undefined");
    expect(messageOf({ a: 1 })).toBe('a thrown object: {"a":1}');
    expect(messageOf(circle)).toBe("a thrown object");
  });

  test("a thrown thing is told by its type alone when it is long", () => {
    // The list itself is a value, too.
    const list = new Array<number>(maxThrownValues - 1).fill(1);
    expect(messageOf(list)).toBe(`a thrown object: [${list.join(",")}]`);
    expect(messageOf([...list, 1])).toBe("a thrown object");
    expect(messageOf({ held: new Uint8Array(1_000_000) })).toBe("a thrown object");
  });

  test("the grammar names what failed, what must be, and what is", () => {
    expect(mustBe("SPECTA_HTTP_PORT", "a port from 0 to 65535", "http")).toBe(
      'SPECTA_HTTP_PORT must be a port from 0 to 65535: current value is "http"',
    );
    expect(mustBe("x", "given", undefined)).toBe("x must be given: current value is missing");
  });

  test("a trouble names the error, its cause and its place", () => {
    const trouble = troubleOf(new Error("outer", { cause: new Error("inner") }));
    expect(trouble.description).toBe("outer: inner");
    expect(trouble.trace[0]).toMatch(/base\.test\.ts:\d+$/);
  });

  test("places are cut to the source folder, in files and in the binary", () => {
    expect(places("Error: x\n    at f (/home/me/specta/src/server/app.ts:41:3)\n    at src/main.ts:7:1")).toEqual([
      ".../src/server/app.ts:41",
      ".../src/main.ts:7",
    ]);
  });
});

test("a secret shows itself only when it is asked to", () => {
  const secret = new Secret("hunter2");
  const printed = [`${secret}`, JSON.stringify({ secret }), Bun.inspect(secret), Bun.inspect({ deep: [secret] })];
  expect(printed.join(" ")).not.toContain("hunter2");
  expect(secret.reveal()).toBe("hunter2");
});
