/** The history as a text, for the ledger to keep: one text a handler, so that it follows the handler's lease. */
import * as v from "valibot";
import { messageOf, mustBe } from "../base/errors.ts";
import { maxStateChars, maxStatusSeries, statusSlots } from "../base/limits.ts";
import { scaleOf } from "./health.ts";
import type { History, Track } from "./history.ts";
import type { Result } from "./results.ts";

/** What was kept of one handler. */
export interface Kept {
  /** When it was written, Unix milliseconds. */
  readonly savedMs: number;
  readonly knownSinceMs: number;
  /** The number of the slot that the tracks' slots end with. */
  readonly lastSlot: number;
  /** Their slots are in the order of time. */
  readonly tracks: readonly Track[];
  readonly results: readonly Result[];
}

const version = 1;

const moment = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const text = v.pipe(v.string(), v.maxLength(4096));
const labels = v.record(text, text);

const keptSchema = v.object({
  version: v.literal(version),
  saved_ms: moment,
  known_since_ms: moment,
  last_slot: moment,
  tracks: v.pipe(
    v.array(
      v.object({
        metric: text,
        labels,
        presence: v.picklist(["live", "stale", "lost", "gone"]),
        value: v.pipe(v.number(), v.finite()),
        since_ms: moment,
        since_at_least: v.boolean(),
        seen_ms: moment,
        slots: v.string(),
      }),
    ),
    v.maxLength(maxStatusSeries),
  ),
  results: v.pipe(
    v.array(v.object({ metric: text, labels, success: v.boolean(), ended_ms: moment })),
    v.maxLength(maxStatusSeries),
  ),
});

type KeptTrack = v.InferOutput<typeof keptSchema>["tracks"][number];

/** What to keep of a handler, at most `maxStateChars` long: what is too much is left out. */
export function encodeState(handler: string, history: History, results: Iterable<Result>, savedMs: number): string {
  let chars = 1000;
  const fits = (part: object) => {
    chars += JSON.stringify(part).length + 1;
    return chars <= maxStateChars;
  };
  const tracks = [...history.tracks()]
    .filter((track) => track.handler === handler && !Number.isNaN(track.value))
    .map((track) => encodeTrack(track, history.ordered(track)))
    .filter(fits);
  const ended = [...results]
    .filter((result) => result.handler === handler)
    .map(({ metric, labels, success, endedMs }) => ({ metric, labels, success, ended_ms: Math.round(endedMs) }))
    .filter(fits);
  return JSON.stringify({
    version,
    saved_ms: Math.round(savedMs),
    known_since_ms: Math.round(history.knownSinceMs),
    last_slot: history.newestSlot,
    tracks,
    results: ended,
  } satisfies v.InferInput<typeof keptSchema>);
}

/** @throws with what is wrong when the text is none that this version has written. */
export function decodeState(handler: string, text: string): Kept {
  const parsed = v.safeParse(keptSchema, parseJson(text));
  if (!parsed.success) {
    const [issue] = parsed.issues;
    throw new Error(`${v.getDotPath(issue) ?? "it"}: ${issue.message}`);
  }
  const { saved_ms, known_since_ms, last_slot, tracks, results } = parsed.output;
  return {
    savedMs: saved_ms,
    knownSinceMs: known_since_ms,
    lastSlot: last_slot,
    tracks: tracks.map((track) => decodeTrack(handler, track)),
    results: results.map(({ ended_ms, ...result }) => ({ handler, ...result, endedMs: ended_ms })),
  };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (thrown) {
    throw new Error(`it must be JSON: ${messageOf(thrown)}`);
  }
}

function encodeTrack(track: Track, slots: Float32Array): KeptTrack {
  const { metric, labels, presence, value, sinceMs, sinceAtLeast, seenMs } = track;
  return {
    ...{ metric, labels, presence, value },
    since_ms: Math.round(sinceMs),
    since_at_least: sinceAtLeast,
    seen_ms: Math.round(seenMs),
    slots: encodeSlots(slots),
  };
}

function decodeTrack(handler: string, track: KeptTrack): Track {
  const { metric, labels, presence, value } = track;
  return {
    ...{ handler, metric, labels, presence, value, scale: scaleOf(metric) },
    sinceMs: track.since_ms,
    sinceAtLeast: track.since_at_least,
    seenMs: track.seen_ms,
    slots: decodeSlots(track.slots),
  };
}

/** Runs of one value, `<slots>x<value>`, nothing for unknown: `200x 80x1 8x0`. */
function encodeSlots(slots: Float32Array): string {
  const runs: string[] = [];
  for (let start = 0, end = 0; start < slots.length; start = end) {
    const value = slots[start]!;
    while (end < slots.length && Object.is(slots[end], value)) end += 1;
    runs.push(`${end - start}x${Number.isNaN(value) ? "" : plain(value)}`);
  }
  return runs.join(" ");
}

function decodeSlots(text: string): Float32Array {
  const slots = new Float32Array(statusSlots).fill(Number.NaN);
  let next = 0;
  for (const run of text.split(" ")) {
    const [, count = "", value = ""] = /^(\d{1,3})x(\S{0,24})$/.exec(run) ?? [];
    const end = next + Number(count);
    const number = value === "" ? Number.NaN : Number(value);
    const isWrong = count === "" || (value !== "" && !Number.isFinite(number));
    if (isWrong || end > statusSlots) throw new Error(mustBe("a track's slots", "runs of numbers", run.slice(0, 40)));
    slots.fill(number, next, end);
    next = end;
  }
  if (next !== statusSlots) throw new Error(mustBe("the number of a track's slots", String(statusSlots), next));
  return slots;
}

/** A slot's number without the noise that 4 bytes add: 0.1 instead of 0.10000000149. */
export function plain(value: number): number {
  return Number.isInteger(value * 2) ? value : Number(value.toPrecision(7));
}
