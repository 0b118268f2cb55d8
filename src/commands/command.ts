import type { ArgsDef } from "citty";

/** Flags that were given, by name. */
export interface Flags {
  /** The environment file. */
  readonly env?: string;
  /** Whether `alerts` prints the tests of its rules instead. */
  readonly tests?: boolean;
}

/** What the command line gave: flags by name, the rest in order. */
export interface Arguments {
  readonly flags: Flags;
  readonly rest: readonly string[];
}

/** A command of the command line. Its work is loaded when it runs, so that `version` pays for no server. */
export interface Command {
  readonly name: string;
  readonly description: string;
  /** Flags beside `--help`, as citty defines them; `valueHint` stands for the type in the help. */
  readonly flags: ArgsDef;
  /** The argument as the usage line shows it, when there is one. */
  readonly argument?: "[FILE]" | "SHELL";
  /** Loads the work, which returns the exit code. */
  load(): Promise<(given: Arguments) => Promise<number> | number>;
}
