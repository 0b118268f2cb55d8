/** Figures as Markdown. */

/** One bar: what is measured, what it must be, what it is. */
export interface Bar {
  readonly what: string;
  readonly bar: string;
  readonly is: string;
  readonly isMet: boolean;
}

export function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

export function print(title: string, head: readonly string[], rows: readonly (readonly string[])[]): void {
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |\n`;
  const rule = `|${head.map((_, index) => (index === 0 ? "---|" : "---:|")).join("")}\n`;
  process.stdout.write(`\n${title}\n\n${line(head)}${rule}${rows.map(line).join("")}`);
}

/** Says what is going on, where it does not mix with the tables. */
export function progress(text: string): void {
  process.stderr.write(`${text}\n`);
}

/** `23.4k` */
export function thousands(value: number): string {
  return `${(value / 1000).toFixed(1)}k`;
}

export function ms(value: number): string {
  return `${value < 10 ? value.toFixed(1) : value.toFixed(0)} ms`;
}

export function megabytes(bytes: number): string {
  return `${(bytes / 2 ** 20).toFixed(0)} MB`;
}
