/** Moments, durations and numbers as the page writes them. All moments are UTC. */
import { type Html, html } from "./html.ts";

const minute = 60;
const hour = 3600;
const day = 86_400;

/** `14:09`; on another day `23 Nov 14:09`, in another year `23 Nov 2025`. */
export function clockTime(seconds: number, nowSeconds: number): string {
  const [date, time] = split(seconds);
  const [today] = split(nowSeconds);
  if (date === today) return time.slice(0, 5);
  return date.slice(-4) === today.slice(-4) ? `${date.slice(0, -5)} ${time.slice(0, 5)}` : date;
}

/** `14:09:06 UTC`. */
export function exactTime(seconds: number): string {
  return `${split(seconds)[1]} UTC`;
}

/** A `time` element that says the whole moment to whoever asks. */
export function moment(seconds: number, text: string): Html {
  const iso = isoOf(seconds);
  return html`<time datetime="${iso}" title="${iso.slice(0, 19).replace("T", " ")} UTC">${text}</time>`;
}

/** `just now`, `40 s ago`, `3 min ago`, `5 h ago`, `2 d ago`; ahead of now `in 3 s`. */
export function ago(seconds: number, nowSeconds: number): string {
  const past = nowSeconds - seconds;
  if (Math.abs(past) < 1) return "just now";
  return past > 0 ? `${span(past)} ago` : `in ${span(-past)}`;
}

/** One unit of it: `40 s`, `3 min`, `5 h`, `12 d`. */
export function span(seconds: number): string {
  if (seconds < minute) return `${Math.max(1, Math.round(seconds))} s`;
  if (seconds < hour) return `${Math.floor(seconds / minute)} min`;
  if (seconds < 2 * day) return `${Math.floor(seconds / hour)} h`;
  return `${Math.floor(seconds / day)} d`;
}

/** A measured duration: `3.6 ms`, `420 ms`, `1.25 s`, `2m 41s`, `1h 3m`. */
export function duration(seconds: number): string {
  if (seconds < 1) return `${significant(seconds * 1000)} ms`;
  if (seconds < minute) return `${significant(seconds)} s`;
  const whole = Math.round(seconds);
  if (whole < hour) return `${Math.floor(whole / minute)}m ${whole % minute}s`;
  return `${Math.floor(whole / hour)}h ${Math.floor((whole % hour) / minute)}m`;
}

/** A value in the unit that its metric's name ends with. */
export function quantity(metric: string, value: number): string {
  const name = metric.replace(/_total$/, "");
  if (name.endsWith("_seconds") && value >= 0) return duration(value);
  if (name.endsWith("_bytes")) return bytes(value);
  return number(value);
}

/** `1,234.5`; very large and very small ones as JavaScript writes them. */
export function number(value: number): string {
  const size = Math.abs(value);
  if (!Number.isFinite(value) || size >= 1e15 || (size > 0 && size < 1e-4)) return String(value);
  const [whole = "", fraction] = String(Number(value.toPrecision(15))).split(".");
  const grouped = whole.replace(/\B(?=(\d{3})+$)/g, ",");
  return fraction === undefined ? grouped : `${grouped}.${fraction}`;
}

/** `0.4 / s`, `12 / min`, `3 / h`: the unit in which it is at least one, the hour when it is never. */
export function rate(perSecond: number): string {
  if (perSecond === 0) return "0 / s";
  if (perSecond >= 1) return `${significant(perSecond)} / s`;
  if (perSecond * minute >= 1) return `${significant(perSecond * minute)} / min`;
  return `${significant(perSecond * hour)} / h`;
}

/** `99.3 %`; never 100 % or 0 % unless it is exactly that. */
export function percent(ratio: number): string {
  const text = (ratio * 100).toFixed(1);
  if (text === "100.0") return ratio === 1 ? "100 %" : "99.9 %";
  if (text === "0.0") return ratio === 0 ? "0 %" : "0.1 %";
  return `${text.replace(/\.0$/, "")} %`;
}

function bytes(value: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let amount = value;
  while (Math.abs(amount) >= 1024 && units.length > 1) {
    amount /= 1024;
    units.shift();
  }
  return `${significant(amount)} ${units[0]}`;
}

/** Three digits, or the whole number. */
function significant(value: number): string {
  return Math.abs(value) >= 100 ? number(Math.round(value)) : String(Number(value.toPrecision(3)));
}

function isoOf(seconds: number): string {
  const date = new Date(seconds * 1000);
  return Number.isNaN(date.getTime()) ? new Date(0).toISOString() : date.toISOString();
}

/** `[24 Nov 2025, 14:09:06]`. */
function split(seconds: number): [date: string, time: string] {
  const text = new Date(isoOf(seconds)).toUTCString().replace(/^\w+, 0?/, "");
  return [text.slice(0, -13), text.slice(-12, -4)];
}
