const durationUnits = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;
const sizeUnits = { B: 1, KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3 } as const;

/** Milliseconds of a duration as the configuration writes it (`200ms`, `1.5s`, `1m`, `2h`, `1d`); undefined when it is none. */
export function parseDuration(text: string): number | undefined {
  return parse(text, durationUnits);
}

/** Bytes of a size as the configuration writes it (`512B`, `64KiB`, `1MiB`); undefined when it is none. */
export function parseSize(text: string): number | undefined {
  return parse(text, sizeUnits);
}

function parse(text: string, units: Readonly<Record<string, number>>): number | undefined {
  const match = /^(\d{1,12}(?:\.\d{1,6})?)([a-zA-Z]+)$/.exec(text);
  const unit = match && Object.hasOwn(units, match[2]!) ? units[match[2]!] : undefined;
  return unit === undefined ? undefined : Math.round(Number(match![1]) * unit);
}

/** A latency as people read it: `2m41s`, `1h0m3s`, `12.4s`, `3.6ms`. */
export function formatLatency(milliseconds: number): string {
  if (milliseconds < 1000) return `${Number(milliseconds.toFixed(1))}ms`;
  if (milliseconds < 60_000) return `${Number((milliseconds / 1000).toFixed(1))}s`;
  const seconds = Math.round(milliseconds / 1000);
  const hours = Math.floor(seconds / 3600);
  const minutes = Math.floor(seconds / 60) % 60;
  return `${hours > 0 ? `${hours}h` : ""}${minutes}m${seconds % 60}s`;
}

/** A duration as the configuration writes it, in the largest unit that keeps it whole: `5s`, `1m`, `1500ms`. */
export function formatDuration(milliseconds: number): string {
  return format(milliseconds, durationUnits, "ms");
}

/** A size as the configuration writes it, in the largest unit that keeps it whole: `64KiB`, `1536B`. */
export function formatSize(bytes: number): string {
  return format(bytes, sizeUnits, "B");
}

function format(amount: number, units: Readonly<Record<string, number>>, smallest: string): string {
  const fits = ([, size]: [string, number]) => amount >= size && amount % size === 0;
  const [unit, size] = Object.entries(units).findLast(fits) ?? [smallest, 1];
  return `${amount / size}${unit}`;
}
