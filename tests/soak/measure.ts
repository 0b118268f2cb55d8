/** What a process takes of the machine, over time, and whether it takes ever more. */
import { readdirSync, readFileSync } from "node:fs";

export interface Measure {
  /** Since the start of the process. */
  readonly seconds: number;
  readonly residentMb: number;
  readonly threads: number;
  readonly files: number;
  /** Since the start of the process. */
  readonly cpuSeconds: number;
}

const ticksPerSecond = 100;

export function measure(pid: number, startMs: number): Measure {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  const [, kb = ""] = /^VmRSS:\s+(\d+) kB$/m.exec(status) ?? [];
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
  return {
    seconds: (performance.now() - startMs) / 1000,
    residentMb: Number(kb) / 1024,
    threads: readdirSync(`/proc/${pid}/task`).length,
    files: readdirSync(`/proc/${pid}/fd`).length,
    cpuSeconds: (Number(stat[11]) + Number(stat[12])) / ticksPerSecond,
  };
}

export type Quantity = "residentMb" | "threads" | "files";

export interface Halves {
  readonly first: number;
  readonly second: number;
  /** Of the second to the first: 0.1 is a tenth more. */
  readonly growth: number;
}

/** Both halves' medians, once the process is warm. */
export function halves(measures: readonly Measure[], quantity: Quantity, warmSeconds: number): Halves {
  const values = measures.filter(({ seconds }) => seconds >= warmSeconds).map((one) => one[quantity]);
  const middle = Math.floor(values.length / 2);
  const [first, second] = [median(values.slice(0, middle)), median(values.slice(middle))];
  return { first, second, growth: second / first - 1 };
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

const bars = "▁▂▃▄▅▆▇█";

/** A line of so many bars, from 0 to the highest value; each bar is the mean of its time. */
export function curve(measures: readonly Measure[], quantity: Quantity, width = 60): string {
  const values = measures.map((one) => one[quantity]);
  const highest = Math.max(...values);
  const columns = Math.min(width, values.length);
  return Array.from({ length: columns }, (_, index) => {
    const part = values.slice(
      Math.floor((index * values.length) / columns),
      Math.floor(((index + 1) * values.length) / columns),
    );
    const mean = part.reduce((sum, value) => sum + value, 0) / part.length;
    return bars[Math.min(bars.length - 1, Math.floor((mean / highest) * bars.length))];
  }).join("");
}
