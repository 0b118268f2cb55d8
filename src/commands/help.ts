import type { ArgsDef } from "citty";
import type { Command } from "./command.ts";

/** The names of commands are padded to this many characters at least. */
const namePadding = 11;

export function generalHelp(commands: readonly Command[]): string {
  const width = Math.max(namePadding, ...commands.map((command) => command.name.length));
  return [
    "Bun based RPC microservice.",
    "",
    "Usage:",
    "  specta [flags]",
    "  specta [command]",
    "",
    "Available Commands:",
    ...commands.map((command) => `  ${command.name.padEnd(width)} ${command.description}`),
    "",
    "Flags:",
    ...flagLines({}, "specta"),
    "",
    'Use "specta [command] --help" for more information about a command.',
    "",
  ].join("\n");
}

export function commandHelp(command: Command): string {
  const argument = command.argument === undefined ? "" : ` ${command.argument}`;
  return [
    command.description,
    "",
    "Usage:",
    `  specta ${command.name}${argument} [flags]`,
    "",
    "Flags:",
    ...flagLines(command.flags, command.name),
    "",
  ].join("\n");
}

function flagLines(flags: ArgsDef, owner: string): string[] {
  const rows = Object.entries(flags).map(([name, flag]) => {
    const hint = flag.valueHint === undefined ? "" : ` ${flag.valueHint}`;
    return { name, start: `      --${name}${hint}`, end: flag.description ?? "" };
  });
  rows.push({ name: "help", start: "  -h, --help", end: `help for ${owner}` });
  rows.sort((a, b) => (a.name < b.name ? -1 : 1));
  const width = Math.max(...rows.map((row) => row.start.length));
  return rows.map((row) => `${row.start.padEnd(width)}   ${row.end}`);
}
