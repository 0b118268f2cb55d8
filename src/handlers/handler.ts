/**
 * What a handler is. A handler looks at its targets and returns data; it never touches the registry. The built-in ones
 * stand in `index.ts`, one line each; a user's own is a TypeScript file with the same shape.
 */
import type { GenericSchema } from "valibot";
import type { Labels, Metrics } from "../metrics/definition.ts";

/** One recording that a handler returns: added to a counter, set on a gauge, observed in a histogram. */
export interface Sample {
  readonly metric: string;
  readonly labels?: Labels;
  readonly number: number;
}

/** A build or deployment that has ended. The ledger counts it once, by its key, however often it is reported. */
export interface Ended {
  /** Unique among all that this handler ever reports, for example `acme/shop/runs/81/attempts/2`. */
  readonly key: string;
  /** When it began to exist, Unix milliseconds: what decides whether a listing of the last `lookback` still has it. */
  readonly createdMs: number;
  /** When it ended, Unix milliseconds: what decides whether it belongs to this ledger's life. */
  readonly endedMs: number;
  readonly samples: readonly Sample[];
  /** What the log says, at debug, when it is counted; left out: nothing. */
  readonly line?: EndedLine;
}

export interface EndedLine {
  readonly message: string;
  readonly keys: Readonly<Record<string, string>>;
}

/** A target that could not be looked at; the others' samples are recorded all the same. */
export interface Failure {
  readonly target: string;
  readonly reason: string;
}

/** What one execution found. A plain list of samples is short for `{ samples }`. */
export interface Report {
  readonly samples?: readonly Sample[];
  readonly ended?: readonly Ended[];
  /** When not empty the execution has failed, with an error that names these targets. */
  readonly failures?: readonly Failure[];
  /**
   * Until when a service has asked not to be asked again, Unix milliseconds; left out, or in the past: no rest. What else
   * the report holds is recorded as usual. The engine keeps the moment, as the thread's memory may not live that long:
   * until then every cycle is a failed execution that says until when, and `ensure` is not run.
   */
  readonly restUntilMs?: number;
}

export type LogLevel = "debug" | "info" | "warning" | "error";

/** What `ensure` is given. */
export interface Context<With = unknown> {
  /** What the configuration gives: `with` of a user's handler, the handler's own keys of a built-in one. */
  readonly with: With;
  /** The value of `SPECTA_ENVIRONMENT`. */
  readonly environment: string;
  /** What the configuration's `timeout` says, milliseconds. */
  readonly timeoutMs: number;
  /** Aborts at the deadline and when specta stops. */
  readonly signal: AbortSignal;
  /** Writes one line to specta's log. Values are text; empty ones are left out. */
  log(level: LogLevel, message: string, keys?: Readonly<Record<string, string>>): void;
}

/** The running half of a handler, alive in its own thread. */
export interface Handler<With = unknown> {
  /** What this handler may report; anything else that it returns fails the execution. */
  readonly metrics: Metrics;
  /** The time to sleep after an execution before the next, in milliseconds. */
  cooler(): number;
  /** Does the work once. */
  ensure(context: Context<With>): Promise<readonly Sample[] | Report> | readonly Sample[] | Report;
  /** Asked once at the start: whether the handler runs at all. */
  active?(context: Omit<Context<With>, "signal" | "log">): boolean;
  /** Called after the last report was recorded for good, so that what was seen may be remembered (ETags, for example). */
  recorded?(): void;
}

/** What a built-in handler is told about the world it runs in. */
export interface World {
  /** `development`, `testing`, `staging` or `production`. */
  readonly environment: string;
  /** The daemon's environment variables, after the environment file. */
  readonly variables: Readonly<Record<string, string | undefined>>;
}

/** The resting half of a built-in handler: cheap to import, so that only threads of active handlers load the rest. */
export interface BuiltIn<With = unknown> {
  /** The key under `handlers` in the configuration. */
  readonly name: string;
  readonly coolerMs: number;
  readonly timeoutMs: number;
  /** How long one execution may take, where `timeout` bounds a part of it; left out: as long as `timeout` says. */
  deadlineMs?(settings: With, world: World, timeoutMs: number): number;
  /** Own keys of its configuration, beside the common ones. Output is plain JSON. */
  readonly schema: GenericSchema<unknown, With>;
  /** Names of the environment variables that its thread may see; a trailing `*` takes all that begin so. */
  readonly variables: readonly string[];
  /** Why it does not run in this world, or undefined when it does. */
  inactive?(settings: With, world: World): string | undefined;
  /** What it may report with these settings; label values that are known ahead are listed and exposed at 0. */
  metrics(settings: With, world: World): Metrics;
  /** How many targets it looks at with these settings, for `specta check`: `4 repositories`, `5 services`. */
  describe(settings: With, world: World): string;
  /** Loads the running half; called in the thread alone. */
  load(): Promise<{ create(settings: With, world: World): Handler<With> }>;
}
