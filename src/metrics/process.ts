/** The process as Prometheus' client libraries describe it, read from /proc; these series alone have no `env`. */
import { readdirSync, readFileSync } from "node:fs";
import type { Metric } from "./definition.ts";
import type { Family } from "./family.ts";
import { escapeHelp, formatNumber } from "./text.ts";

/** Linux counts processor time in hundredths of a second for user programs, whatever the kernel's own tick is. */
const ticksPerSecond = 100;

/** Fields of /proc/self/stat after the command's name, which may hold anything, in parentheses. */
const field = { userTicks: 11, systemTicks: 12, startTicks: 19, virtualBytes: 20 } as const;

const definitions: Readonly<Record<string, { metric: Metric; read(stat: Stat): number | undefined }>> = {
  process_cpu_seconds_total: {
    metric: { kind: "counter", help: "the processor time spent, user and system, in seconds" },
    read: (stat) => (stat.number(field.userTicks) + stat.number(field.systemTicks)) / ticksPerSecond,
  },
  process_max_fds: {
    metric: { kind: "gauge", help: "the largest number of open file descriptors" },
    read: () => Number(/^Max open files\s+(\d+)/m.exec(readFileSync("/proc/self/limits", "utf8"))?.[1]),
  },
  process_open_fds: {
    metric: { kind: "gauge", help: "the number of open file descriptors" },
    read: () => readdirSync("/proc/self/fd").length,
  },
  process_resident_memory_bytes: {
    metric: { kind: "gauge", help: "the resident memory in bytes" },
    read: () => process.memoryUsage.rss(),
  },
  process_start_time_seconds: {
    metric: { kind: "gauge", help: "the start of the process in seconds since the Unix epoch" },
    read: (stat) => bootSeconds() + stat.number(field.startTicks) / ticksPerSecond,
  },
  process_virtual_memory_bytes: {
    metric: { kind: "gauge", help: "the virtual memory in bytes" },
    read: (stat) => stat.number(field.virtualBytes),
  },
};

class Stat {
  readonly #fields: readonly string[];

  constructor(text: string) {
    this.#fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  }

  number(index: number): number {
    return Number(this.#fields[index]);
  }
}

let boot: number | undefined;

function bootSeconds(): number {
  boot ??= Number(/^btime (\d+)/m.exec(readFileSync("/proc/stat", "utf8"))?.[1]);
  return boot;
}

/** Where /proc is not there to be read, the families are left out. */
export function processFamilies(): Family[] {
  return Object.entries(definitions).map(([name, { metric, read }]) => ({
    name,
    metric,
    render() {
      const value = readOrNothing(read);
      if (value === undefined || Number.isNaN(value)) return [];
      const head = `# HELP ${name} ${escapeHelp(metric.help)}\n# TYPE ${name} ${metric.kind}\n`;
      return [`${head}${name} ${formatNumber(value)}\n`];
    },
    read() {
      const value = readOrNothing(read);
      return value === undefined || Number.isNaN(value) ? [] : [{ labels: {}, value }];
    },
  }));
}

function readOrNothing(read: (stat: Stat) => number | undefined): number | undefined {
  try {
    return read(new Stat(readFileSync("/proc/self/stat", "utf8")));
  } catch {
    return undefined;
  }
}
