/** A row's last day as a picture: cells of a quarter of an hour for health, a line for numbers. */
import { statusSlotMs, statusSlots } from "../base/limits.ts";
import type { Row, StatusDocument } from "./document.ts";
import { type Health, healthOf } from "./health.ts";
import { type Html, html } from "./html.ts";
import { clockTime, percent, quantity } from "./words.ts";

const slotsPerCell = 3;
const cells = statusSlots / slotsPerCell;
const cellSeconds = (slotsPerCell * statusSlotMs) / 1000;

type Level = Health | "unknown";

interface Run {
  readonly level: Level;
  /** First cell and the one after the last. */
  readonly start: number;
  readonly end: number;
}

/** Heights tell the levels apart where colours do not: what is unhealthy sticks out, what is unknown is a thin line. */
const shapes: Readonly<Record<Level, { readonly top: number; readonly height: number }>> = {
  healthy: { top: 4, height: 12 },
  partly: { top: 2, height: 16 },
  unhealthy: { top: 0, height: 20 },
  unknown: { top: 9, height: 2 },
};

/** Runs that a text names, the latest ones. */
const maxNamedRuns = 3;

type Times = Pick<StatusDocument, "history" | "now_unix_seconds">;

/** The cells of health. */
export function healthBar(row: Row, times: Times): Html {
  const runs = runsOf(row.history, times);
  const when = clockOf(times);
  const rects = runs.map(({ level, start, end }) => {
    const { top, height } = shapes[level];
    return html`<rect class="${level}" x="${start}" y="${top}" width="${end - start}" height="${height}"><title>${level} ${when(start)} to ${when(end)}</title></rect>`;
  });
  return html`<svg class="bar" viewBox="0 0 ${cells} 20" preserveAspectRatio="none" role="img" aria-label="${describe(row, runs, when)}">${rects}</svg>`;
}

/** The line of a number. */
export function numberLine(row: Row, metric: string, times: Times): Html {
  const values = cellsOf(row.history, times, (slots) => slots.findLast((value) => value !== null) ?? null);
  const known = values.filter((value) => value !== null);
  const [low, high] = known.reduce(([a, b], value) => [Math.min(a, value), Math.max(b, value)], [Infinity, -Infinity]);
  const label =
    known.length === 0
      ? "Last 24 hours: nothing known"
      : `Last 24 hours: from ${quantity(metric, low)} to ${quantity(metric, high)}`;
  const height = (value: number) => (high === low ? 10 : Number((18 - (16 * (value - low)) / (high - low)).toFixed(1)));
  const steps: string[] = [];
  for (const [index, value] of values.entries()) {
    if (value === null) continue;
    const before = values[index - 1] ?? null;
    const y = height(value);
    if (before === null) steps.push(`M${index} ${y}`);
    else if (before !== value) steps.push(`V${y}`);
    // What goes on is drawn when it ends.
    if ((values[index + 1] ?? null) !== value) steps.push(`H${index + 1}`);
  }
  return html`<svg class="line" viewBox="0 0 ${cells} 20" preserveAspectRatio="none" role="img" aria-label="${label}"><path d="${steps.join("")}"/></svg>`;
}

function runsOf(slots: Row["history"], times: Times): Run[] {
  const levels = cellsOf(slots, times, (some): Level => {
    const known = some.filter((value) => value !== null);
    return known.length === 0 ? "unknown" : healthOf(Math.min(...known));
  });
  const runs: Run[] = [];
  for (const [index, level] of levels.entries()) {
    const last = runs.at(-1);
    if (last?.level === level) runs[runs.length - 1] = { ...last, end: index + 1 };
    else runs.push({ level, start: index, end: index + 1 });
  }
  return runs;
}

/** Cells begin at full quarters of an hour; the last is the one that now is in. */
function cellsOf<T>(slots: Row["history"], { history }: Times, merge: (slots: Row["history"]) => T): T[] {
  const newest = Math.round(history.end_unix_seconds / history.slot_seconds) - 1;
  const firstSlot = newest - statusSlots + 1;
  const firstCell = Math.floor(newest / slotsPerCell) - cells + 1;
  return Array.from({ length: cells }, (_, index) => {
    const start = (firstCell + index) * slotsPerCell - firstSlot;
    return merge(slots.slice(Math.max(0, start), Math.max(0, start + slotsPerCell)));
  });
}

/** When a cell begins. */
function clockOf({ history, now_unix_seconds }: Times): (cell: number) => string {
  const newest = Math.round(history.end_unix_seconds / history.slot_seconds) - 1;
  const endSeconds = (Math.floor(newest / slotsPerCell) + 1) * cellSeconds;
  return (cell) => (cell === cells ? "now" : clockTime(endSeconds - (cells - cell) * cellSeconds, now_unix_seconds));
}

function describe({ healthy_ratio }: Row, runs: readonly Run[], when: (cell: number) => string): string {
  if (healthy_ratio === null) return "Last 24 hours: nothing known";
  const parts = [`Last 24 hours: healthy ${percent(healthy_ratio)} of the time that is known`];
  const worse = runs.filter(({ level }) => level !== "healthy" && level !== "unknown");
  for (const { level, start, end } of worse.slice(-maxNamedRuns)) parts.push(`${level} ${when(start)} to ${when(end)}`);
  if (worse.length > maxNamedRuns) parts.push(`and ${worse.length - maxNamedRuns} times before`);
  const [first] = runs;
  if (first?.level === "unknown") parts.push(`nothing known before ${when(first.end)}`);
  return parts.join("; ");
}
