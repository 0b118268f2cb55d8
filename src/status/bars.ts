/** A row's last day as a picture: cells of a quarter of an hour for health, a line for numbers. */
import { statusSlotMs, statusSlots } from "../base/limits.ts";
import type { Row, StatusDocument } from "./document.ts";
import { type Health, healthOf } from "./health.ts";
import { Html, html } from "./html.ts";
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

/** Draws the histories of one document. Cells begin at full quarters of an hour; the last is the one that now is in. */
export class Day {
  readonly #nowSeconds: number;
  readonly #endSeconds: number;
  /** Where the first cell begins in a row's history; negative when its beginning is older. */
  readonly #first: number;
  readonly #times: string[] = [];

  constructor({ history, now_unix_seconds }: Pick<StatusDocument, "history" | "now_unix_seconds">) {
    const newest = Math.round(history.end_unix_seconds / history.slot_seconds) - 1;
    const newestCell = Math.floor(newest / slotsPerCell);
    this.#nowSeconds = now_unix_seconds;
    this.#endSeconds = (newestCell + 1) * cellSeconds;
    this.#first = (newestCell - cells + 1) * slotsPerCell - (newest - statusSlots + 1);
  }

  /** The cells of health. */
  health(row: Row): Html {
    const runs = this.#runs(row.history);
    const rects = runs.map(({ level, start, end }) => {
      const { top, height } = shapes[level];
      const shape = `class="${level}" x="${start}" y="${top}" width="${end - start}" height="${height}"`;
      return `<rect ${shape}><title>${level} ${this.#when(start)} to ${this.#when(end)}</title></rect>`;
    });
    return picture("bar", this.#describe(row, runs), rects.join(""));
  }

  /** The line of a number. */
  number({ history }: Row, metric: string): Html {
    const values = this.#values(history);
    let low = Number.POSITIVE_INFINITY;
    let high = Number.NEGATIVE_INFINITY;
    for (const value of values) {
      if (value === null) continue;
      low = Math.min(low, value);
      high = Math.max(high, value);
    }
    if (low > high) return picture("line", "Last 24 hours: nothing known", "");
    const label = `Last 24 hours: from ${quantity(metric, low)} to ${quantity(metric, high)}`;
    const heightOf = (value: number) =>
      high === low ? 10 : Number((18 - (16 * (value - low)) / (high - low)).toFixed(1));
    const steps: string[] = [];
    for (const [index, value] of values.entries()) {
      if (value === null) continue;
      const before = values[index - 1] ?? null;
      if (before === null) steps.push(`M${index} ${heightOf(value)}`);
      else if (before !== value) steps.push(`V${heightOf(value)}`);
      // What goes on is drawn when it ends.
      if ((values[index + 1] ?? null) !== value) steps.push(`H${index + 1}`);
    }
    return picture("line", label, `<path d="${steps.join("")}"/>`);
  }

  #runs(history: Row["history"]): Run[] {
    const runs: Run[] = [];
    let start = 0;
    let level = this.#level(history, 0);
    for (let cell = 1; cell <= cells; cell += 1) {
      const next = cell < cells ? this.#level(history, cell) : undefined;
      if (next === level) continue;
      runs.push({ level, start, end: cell });
      start = cell;
      level = next ?? level;
    }
    return runs;
  }

  /** The worst that is known of a cell. */
  #level(history: Row["history"], cell: number): Level {
    const start = this.#first + cell * slotsPerCell;
    let worst = Number.POSITIVE_INFINITY;
    for (let slot = start; slot < start + slotsPerCell; slot += 1) worst = Math.min(worst, history[slot] ?? worst);
    return worst === Number.POSITIVE_INFINITY ? "unknown" : healthOf(worst);
  }

  /** The newest value of each cell. */
  #values(history: Row["history"]): (number | null)[] {
    return Array.from({ length: cells }, (_, cell) => {
      const start = this.#first + cell * slotsPerCell;
      const slots = history.slice(Math.max(0, start), Math.max(0, start + slotsPerCell));
      return slots.findLast((value) => value !== null) ?? null;
    });
  }

  /** When a cell begins. */
  #when(cell: number): string {
    if (cell === cells) return "now";
    this.#times[cell] ??= clockTime(this.#endSeconds - (cells - cell) * cellSeconds, this.#nowSeconds);
    return this.#times[cell];
  }

  #describe({ healthy_ratio }: Row, runs: readonly Run[]): string {
    if (healthy_ratio === null) return "Last 24 hours: nothing known";
    const parts = [`Last 24 hours: healthy ${percent(healthy_ratio)} of the time that is known`];
    const worse = runs.filter(({ level }) => level !== "healthy" && level !== "unknown");
    for (const { level, start, end } of worse.slice(-maxNamedRuns)) {
      parts.push(`${level} ${this.#when(start)} to ${this.#when(end)}`);
    }
    if (worse.length > maxNamedRuns) parts.push(`and ${worse.length - maxNamedRuns} times before`);
    const [first] = runs;
    if (first?.level === "unknown") parts.push(`nothing known before ${this.#when(first.end)}`);
    return parts.join("; ");
  }
}

/** `shapes` are SVG of our own making. */
function picture(kind: string, label: string, shapes: string): Html {
  return html`<svg class="${kind}" viewBox="0 0 ${cells} 20" preserveAspectRatio="none" role="img" aria-label="${label}">${new Html(shapes)}</svg>`;
}
