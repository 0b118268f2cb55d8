import type { ArgsDef } from "citty";
import type { Command } from "./command.ts";

/** No default for citty: a missing default file is fine, a missing file that was named is an error. */
const env = {
  type: "string",
  valueHint: "string",
  description: 'the environment file to load (default ".env")',
} as const;
const tests = { type: "boolean", description: "print the unit tests of the rules, for promtool, instead" } as const;

/** The commands, in alphabetical order. */
export const commands: readonly Command[] = [
  {
    name: "alerts",
    description: "Print Prometheus alert rules made from a configuration file.",
    argument: "[FILE]",
    flags: { env, tests } satisfies ArgsDef,
    load: async () => (await import("./alerts.ts")).alerts,
  },
  {
    name: "check",
    description: "Validate a configuration file and print what would run with it.",
    argument: "[FILE]",
    flags: { env } satisfies ArgsDef,
    load: async () => (await import("./check.ts")).check,
  },
  {
    name: "completion",
    description: "Print the completion script of a shell: bash, fish or zsh.",
    argument: "SHELL",
    flags: {},
    load: async () => (await import("./completion.ts")).completion,
  },
  {
    name: "daemon",
    description: "Execute Specta's long running process for exposing RPC handlers.",
    flags: { env } satisfies ArgsDef,
    load: async () => (await import("./daemon.ts")).daemon,
  },
  {
    name: "dashboard",
    description: "Print a Grafana dashboard made from a configuration file.",
    argument: "[FILE]",
    flags: { env } satisfies ArgsDef,
    load: async () => (await import("./dashboard.ts")).dashboard,
  },
  {
    name: "version",
    description: "Print the version information for this command line tool.",
    flags: {},
    load: async () => (await import("./version.ts")).version,
  },
];
