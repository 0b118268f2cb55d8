/**
 * What the main thread and a handler's thread say to each other: JSON in a string, behind a word that only the two know.
 * A handler that posts to its parent by itself does not know the word and is ignored.
 */
import * as v from "valibot";
import type { Trouble } from "../base/errors.ts";
import { type LogLevel, logLevels } from "../base/log.ts";
import type { Ended, Failure } from "../handlers/handler.ts";
import { type Metrics, metricsSchema } from "../metrics/definition.ts";

/** The environment variable that gives a thread its assignment; gone before a handler's code runs. */
export const assignmentVariable = "SPECTA_ASSIGNMENT";

/** What a thread is for. */
export interface Assignment {
  /** The word in front of every message to the main thread. */
  readonly word: string;
  readonly handler: string;
  /** Absolute path of a user's own handler; undefined for a built-in one. */
  readonly file: string | undefined;
  readonly settings: unknown;
  readonly environment: string;
  /** The configuration's cooler; undefined: the handler says it. */
  readonly coolerMs: number | undefined;
  readonly timeoutMs: number;
  readonly maxSeries: number;
}

export type ToThread =
  | { readonly type: "run" }
  /** The deadline has come, or specta stops: aborts the signal. */
  | { readonly type: "abort"; readonly reason: string }
  | { readonly type: "recorded" };

/** All samples of one series in one report. */
export type Recording = {
  readonly metric: string;
  readonly labels: Readonly<Record<string, string>>;
  /** A counter's sum of what is added, a gauge's last value, a histogram's sum. */
  readonly number: number;
  /** A histogram's observations by bucket, not cumulative, +Inf last. */
  readonly buckets?: readonly number[];
};

/** A report as it crosses: at most `max_series` recordings a metric, whatever the handler returned. */
export interface Found {
  readonly recordings: readonly Recording[];
  readonly ended: readonly Ended[];
  readonly failures: readonly Failure[];
  /** Failed targets beyond those named. */
  readonly furtherFailures: number;
  readonly restUntilMs: number;
  /** Samples beyond `max_series`, by metric. */
  readonly dropped: Readonly<Record<string, number>>;
}

export type FromThread =
  | { readonly type: "loaded"; readonly metrics: Metrics; readonly coolerMs: number; readonly active: boolean }
  | { readonly type: "unloadable"; readonly trouble: Trouble }
  | { readonly type: "found"; readonly found: Found; readonly coolerMs: number }
  | { readonly type: "failed"; readonly trouble: Trouble }
  /** Something was thrown outside of an execution's own promise: the thread must go. */
  | { readonly type: "broken"; readonly trouble: Trouble }
  | {
      readonly type: "log";
      readonly level: LogLevel;
      readonly message: string;
      readonly keys: Readonly<Record<string, string>>;
    };

const text = v.string();
const number = v.pipe(v.number(), v.finite());
const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const labels = v.record(text, text);
const trouble = v.object({ description: text, trace: v.array(text) });

const ended = v.object({
  key: text,
  createdMs: number,
  endedMs: number,
  samples: v.array(v.object({ metric: text, labels, number })),
  line: v.exactOptional(v.object({ message: text, keys: v.record(text, text) })),
});

const found = v.object({
  recordings: v.array(v.object({ metric: text, labels, number, buckets: v.exactOptional(v.array(count)) })),
  ended: v.array(ended),
  failures: v.array(v.object({ target: text, reason: text })),
  furtherFailures: count,
  restUntilMs: number,
  dropped: v.record(text, count),
});

const fromThread: v.GenericSchema<unknown, FromThread> = v.variant("type", [
  v.object({ type: v.literal("loaded"), metrics: metricsSchema, coolerMs: number, active: v.boolean() }),
  v.object({ type: v.literal("unloadable"), trouble }),
  v.object({ type: v.literal("found"), found, coolerMs: number }),
  v.object({ type: v.literal("failed"), trouble }),
  v.object({ type: v.literal("broken"), trouble }),
  v.object({ type: v.literal("log"), level: v.picklist(logLevels), message: text, keys: v.record(text, text) }),
]);

export function encode(word: string, message: FromThread): string {
  return word + JSON.stringify(message);
}

/** The message of a thread; undefined for what a handler has posted by itself. @throws when it is malformed. */
export function decode(word: string, data: unknown): FromThread | undefined {
  if (typeof data !== "string" || !data.startsWith(word)) return undefined;
  return v.parse(fromThread, JSON.parse(data.slice(word.length)));
}
