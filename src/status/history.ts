/** The last day of every gauge series, in slots of five minutes and in bounded memory. */
import type { Clock } from "../base/clock.ts";
import { maxStatusSeries, statusSlotMs, statusSlots } from "../base/limits.ts";
import type { Labels } from "../metrics/definition.ts";
import { formatLabels } from "../metrics/text.ts";
import { healthOf, type Scale, scaleOf } from "./health.ts";

/**
 * - `live`: exposed, and confirmed by the last look at it.
 * - `stale`: still exposed, though its handler has failed to look at it since; its value is not carried on.
 * - `lost`: no longer exposed, because its handler failed for too long or has not looked yet.
 * - `gone`: a handler that succeeded did not report it any more.
 */
export type Presence = "live" | "stale" | "lost" | "gone";

/** What is known of one series. Times are Unix milliseconds. */
export interface Track {
  /** Who reports it; empty for what clients push. */
  readonly handler: string;
  readonly metric: string;
  /** Without `env`. */
  readonly labels: Labels;
  readonly scale: Scale;
  /** By slot number modulo their amount; NaN where nothing is known. Of health the worst, of numbers the newest. */
  readonly slots: Float32Array;
  presence: Presence;
  value: number;
  /** Since when it is as it is: the same health, or the same number. */
  sinceMs: number;
  /** It may have been so before: nobody was looking. */
  sinceAtLeast: boolean;
  seenMs: number;
}

export class History {
  readonly #clock: Clock;
  readonly #tracks = new Map<string, Track>();
  readonly #refused = new Set<string>();
  #newestSlot: number;
  #knownSinceMs: number;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#knownSinceMs = clock.unixMs();
    this.#newestSlot = slotOf(this.#knownSinceMs);
  }

  /** Since when specta has been looking, as far as it remembers (Unix ms). */
  get knownSinceMs(): number {
    return this.#knownSinceMs;
  }

  /** The number of the slot that is being filled: Unix time divided by a slot's length. */
  get newestSlot(): number {
    return this.#newestSlot;
  }

  /** Series that were seen and have no history, as there were too many. */
  get refused(): number {
    return this.#refused.size;
  }

  tracks(): IterableIterator<Track> {
    return this.#tracks.values();
  }

  find(metric: string, labels: Labels): Track | undefined {
    return this.#tracks.get(keyOf(metric, labels));
  }

  /** A series has this value now. */
  see(handler: string, metric: string, labels: Labels, value: number): void {
    const nowMs = this.#advance();
    const track = this.#tracks.get(keyOf(metric, labels)) ?? this.#add(handler, metric, labels, nowMs);
    if (track === undefined) return;
    const isFirst = Number.isNaN(track.value);
    const hasChanged = !isFirst && (track.presence === "gone" || !isSame(track.scale, track.value, value));
    if (hasChanged) {
      track.sinceMs = nowMs;
      track.sinceAtLeast = false;
    }
    track.value = value;
    track.seenMs = nowMs;
    track.presence = "live";
    fill(track, this.#newestSlot, value);
  }

  /** Nothing new was heard of a series; what is gone stays so. */
  miss(track: Track, presence: Exclude<Presence, "live">): void {
    if (track.presence !== "gone") track.presence = presence;
  }

  /**
   * Carries what is live, of the handlers that are not another's to look after, into the slot that has begun, and forgets
   * what was last known a day ago.
   */
  turn(elsewhere: ReadonlySet<string> = new Set()): void {
    this.#advance();
    for (const [key, track] of this.#tracks) {
      if (track.presence === "live" && !elsewhere.has(track.handler)) fill(track, this.#newestSlot, track.value);
      else if (track.slots.every(Number.isNaN)) this.#tracks.delete(key);
    }
    this.#refused.clear();
  }

  /** Adds what was known of a series elsewhere or before; what is known here is newer. `slots` end with that slot. */
  restore(known: Track, lastSlot: number, knownSinceMs: number): void {
    const nowMs = this.#advance();
    this.#knownSinceMs = Math.min(this.#knownSinceMs, knownSinceMs);
    const { handler, metric, labels, slots } = known;
    const track = this.#tracks.get(keyOf(metric, labels)) ?? this.#add(handler, metric, labels, nowMs);
    if (track === undefined) return;
    const isNewer = Number.isNaN(track.value) || known.seenMs >= track.seenMs;
    for (const [index, value] of slots.entries()) {
      const slot = lastSlot - statusSlots + 1 + index;
      if (this.#holds(slot) && !Number.isNaN(value)) join(track, slot, value, isNewer);
    }
    if (isNewer) {
      const { presence, value, sinceMs, sinceAtLeast, seenMs } = known;
      Object.assign(track, { presence, value, sinceMs, sinceAtLeast, seenMs } satisfies Partial<Track>);
    } else if (track.sinceAtLeast && isSame(track.scale, track.value, known.value) && known.presence !== "gone") {
      track.sinceMs = Math.min(track.sinceMs, known.sinceMs);
      track.sinceAtLeast = known.sinceAtLeast;
    }
  }

  /** A series' slots in the order of time, the newest last; NaN where nothing is known. */
  ordered(track: Track): Float32Array {
    this.#advance();
    const first = at(this.#newestSlot + 1);
    const ordered = new Float32Array(statusSlots);
    ordered.set(track.slots.subarray(first), 0);
    ordered.set(track.slots.subarray(0, first), statusSlots - first);
    return ordered;
  }

  #add(handler: string, metric: string, labels: Labels, nowMs: number): Track | undefined {
    const key = keyOf(metric, labels);
    if (this.#tracks.size >= maxStatusSeries && !this.#evict()) {
      if (this.#refused.size < maxStatusSeries) this.#refused.add(key);
      return undefined;
    }
    const track: Track = {
      ...{ handler, metric, labels, scale: scaleOf(metric), slots: new Float32Array(statusSlots).fill(Number.NaN) },
      ...{ presence: "lost", value: Number.NaN, sinceMs: nowMs, sinceAtLeast: true, seenMs: 0 },
    };
    this.#tracks.set(key, track);
    return track;
  }

  /** Makes room by what is gone the longest; false when nothing is. */
  #evict(): boolean {
    let oldest: [string, Track] | undefined;
    for (const entry of this.#tracks) {
      if (entry[1].presence === "gone" && entry[1].seenMs < (oldest?.[1].seenMs ?? Number.POSITIVE_INFINITY)) {
        oldest = entry;
      }
    }
    return oldest !== undefined && this.#tracks.delete(oldest[0]);
  }

  #holds(slot: number): boolean {
    return slot <= this.#newestSlot && slot > this.#newestSlot - statusSlots;
  }

  /** Brings the slots up to now; a clock that was set back by more than they reach begins anew. */
  #advance(): number {
    const nowMs = this.#clock.unixMs();
    const slot = slotOf(nowMs);
    if (slot === this.#newestSlot) return nowMs;
    const isBack = slot < this.#newestSlot;
    if (isBack && this.#holds(slot)) {
      // The same times are lived through again: what they were the first time is worth less than now.
      for (let stale = slot + 1; stale <= this.#newestSlot; stale += 1) this.#clear(stale);
    } else if (isBack || slot - this.#newestSlot >= statusSlots) {
      for (const { slots } of this.#tracks.values()) slots.fill(Number.NaN);
    } else {
      for (let next = this.#newestSlot + 1; next <= slot; next += 1) this.#clear(next);
    }
    if (isBack) this.#knownSinceMs = Math.min(this.#knownSinceMs, nowMs);
    this.#newestSlot = slot;
    return nowMs;
  }

  #clear(slot: number): void {
    for (const { slots } of this.#tracks.values()) slots[at(slot)] = Number.NaN;
  }
}

export function slotOf(unixMs: number): number {
  return Math.floor(unixMs / statusSlotMs);
}

function at(slot: number): number {
  return ((slot % statusSlots) + statusSlots) % statusSlots;
}

function isSame(scale: Scale, a: number, b: number): boolean {
  return scale === "health" ? healthOf(a) === healthOf(b) : a === b;
}

function fill({ scale, slots }: Track, slot: number, value: number): void {
  const before = slots[at(slot)]!;
  slots[at(slot)] = scale === "health" && before < value ? before : value;
}

/** Of what two have seen in one slot: the worst health, the newest number. */
function join({ scale, slots }: Track, slot: number, other: number, isNewer: boolean): void {
  const known = slots[at(slot)]!;
  if (Number.isNaN(known) || (scale === "health" ? other < known : isNewer)) slots[at(slot)] = other;
}

function keyOf(metric: string, labels: Labels): string {
  return `${metric}{${formatLabels(labels)}}`;
}
