import { formatLatency } from "../../base/units.ts";
import type { Ended } from "../handler.ts";
import { executionDuration, executionTotal } from "./metrics.ts";

/** An execution of a pipeline as CodePipeline lists it. Times are Unix milliseconds. */
export interface Execution {
  readonly id: string;
  readonly status: string;
  readonly startMs: number;
  /** When it last changed: once it has ended, its end. */
  readonly updatedMs: number;
}

const unfinished: ReadonlySet<string> = new Set(["InProgress", "Stopping"]);

export function hasEnded(status: string): boolean {
  return !unfinished.has(status);
}

/** Whether an execution has ended, at or after a time. */
export function endedSince({ status, updatedMs }: Execution, sinceMs: number): boolean {
  return hasEnded(status) && updatedMs >= sinceMs;
}

export function isSuccess({ status }: Execution): boolean {
  return status === "Succeeded";
}

export function durationMs({ startMs, updatedMs }: Execution): number {
  return Math.max(0, updatedMs - startMs);
}

/** What an execution that has ended adds to the metrics. */
export function endedOf(pipelineArn: string, execution: Execution): Ended {
  const labels = { platform: "codepipeline", success: String(isSuccess(execution)) };
  return {
    key: `${pipelineArn}/executions/${execution.id}`,
    createdMs: execution.startMs,
    endedMs: execution.updatedMs,
    samples: [
      { metric: executionTotal, labels, number: 1 },
      { metric: executionDuration, labels, number: durationMs(execution) / 1000 },
    ],
    line: {
      message: "instrumented pipeline execution",
      keys: {
        execution: execution.id,
        latency: formatLatency(durationMs(execution)),
        success: String(isSuccess(execution)),
      },
    },
  };
}
