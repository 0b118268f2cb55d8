/** What it is about, its name, its state, and what else there is to know. */
export type Row = readonly [subject: string, name: string, state: string, details: string];

const heading: Row = ["WHAT", "NAME", "STATE", "DETAILS"];

/** Aligned columns under a heading for a terminal; for a pipe one line a row with tabs between, nothing else. */
export function renderTable(rows: readonly Row[], isTerminal: boolean): string {
  if (!isTerminal) return rows.map((row) => `${row.join("\t").trimEnd()}\n`).join("");
  const all = [heading, ...rows];
  const widths = heading.map((_, column) => Math.max(...all.map((row) => row[column]!.length)));
  return all
    .map(
      (row) =>
        `${row
          .map((cell, column) => cell.padEnd(widths[column]!))
          .join("  ")
          .trimEnd()}\n`,
    )
    .join("");
}
