/** The words of the Prometheus text format: numbers as Go writes them, escaped label values and help. */

/** A number as Go's `strconv.FormatFloat(value, 'g', -1, 64)` writes it: `47`, `0.5`, `1e+06`, `1.7636e+09`, `+Inf`. */
export function formatNumber(value: number): string {
  const size = value < 0 ? -value : value;
  // Go changes to an exponent at 1e6 and below 1e-4, JavaScript at 1e21 and below 1e-6.
  if ((size >= 1e-4 && size < 1e6) || value === 0) return Object.is(value, -0) ? "-0" : `${value}`;
  if (Number.isNaN(value)) return "NaN";
  if (size === Number.POSITIVE_INFINITY) return value > 0 ? "+Inf" : "-Inf";
  const [mantissa, exponent] = value.toExponential().split("e") as [string, string];
  return `${mantissa}e${exponent[0]}${exponent.slice(1).padStart(2, "0")}`;
}

export function escapeLabel(value: string): string {
  return value.replace(/[\\"\n]/g, (character) => (character === "\n" ? "\\n" : `\\${character}`));
}

export function escapeHelp(text: string): string {
  return text.replace(/[\\\n]/g, (character) => (character === "\n" ? "\\n" : "\\\\"));
}

/** Labels as the text format writes them between braces, by name, without the braces. */
export function formatLabels(labels: Readonly<Record<string, string>>): string {
  const names = Object.keys(labels).sort();
  return names.map((name) => `${name}="${escapeLabel(labels[name]!)}"`).join(",");
}

/** The labels that `formatLabels` has written. */
export function parseLabels(text: string): Record<string, string> {
  const labels: Record<string, string> = {};
  for (const [, name, value] of text.matchAll(/([a-zA-Z0-9_]+)="((?:[^"\\]|\\.)*)"/g)) {
    labels[name!] = value!.replace(/\\(.)/g, (_, character) => (character === "n" ? "\n" : character));
  }
  return labels;
}
