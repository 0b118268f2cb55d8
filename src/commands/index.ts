import type { Command } from "./command.ts";

/** The commands, in alphabetical order. */
export const commands: readonly Command[] = [
  {
    name: "check",
    description: "Validate a configuration file and print what would run with it.",
    argument: "[FILE]",
    flags: {
      env: { type: "string", valueHint: "string", default: ".env", description: "the environment file to load" },
    },
    load: async () => (await import("./check.ts")).check,
  },
  {
    name: "daemon",
    description: "Execute Specta's long running process for exposing RPC handlers.",
    flags: {
      env: { type: "string", valueHint: "string", default: ".env", description: "the environment file to load" },
    },
    load: async () => (await import("./daemon.ts")).daemon,
  },
  {
    name: "version",
    description: "Print the version information for this command line tool.",
    flags: {},
    load: async () => (await import("./version.ts")).version,
  },
];
