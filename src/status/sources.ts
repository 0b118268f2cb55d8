import type { Clock } from "../base/clock.ts";
import type { Registry } from "../metrics/registry.ts";
import type { HandlerState } from "../worker/pipeline.ts";
import type { PlannedHandler } from "../worker/plan.ts";
import type { StatusDocument } from "./document.ts";
import type { Keeper } from "./keeper.ts";
import type { Recorder, Worker } from "./recorder.ts";

/** Everything that a snapshot is made from. */
export interface Sources {
  readonly registry: Registry;
  readonly recorder: Recorder;
  readonly clock: Clock;
  /** Unix milliseconds. */
  readonly startedMs: number;
  /** Names of the metrics that clients may push. */
  readonly pushed: ReadonlySet<string>;
  readonly configuration: StatusDocument["configuration"];
  /** Undefined while the worker is off. */
  readonly worker: Worker | undefined;
  /** All handlers, active or not. */
  readonly handlers: readonly PlannedHandler[];
  /** Undefined without a ledger that lasts. */
  readonly keeper: Keeper | undefined;
  /** Who holds a handler. */
  readonly holderOf: (handler: string) => HandlerState["holder"];
}
