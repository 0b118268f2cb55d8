import { formatLatency } from "../../base/units.ts";
import type { Ended } from "../handler.ts";
import { executionDuration, executionTotal } from "./metrics.ts";
import type { Repository } from "./settings.ts";

/** One attempt of a workflow run, as far as it matters here. Times are Unix milliseconds. */
export interface Run {
  readonly id: number;
  readonly attempt: number;
  readonly name: string;
  /** Path of the workflow's file, at times with `@` and a git reference behind it. */
  readonly path: string;
  readonly completed: boolean;
  readonly success: boolean;
  readonly createdMs: number;
  readonly startedMs: number;
  readonly updatedMs: number;
}

export type Workflow = "check" | "image";

/** Which of the repository's workflows a run belongs to: by the run's name, or its file's name without the ending. */
export function workflowOf(run: Pick<Run, "name" | "path">, repository: Repository): Workflow | undefined {
  const file = fileOf(run.path);
  const is = (wanted: string | undefined) => wanted !== undefined && (wanted === run.name || wanted === file);
  if (is(repository.check)) return "check";
  return is(repository.image) ? "image" : undefined;
}

function fileOf(path: string): string {
  const [bare = ""] = path.split("@", 1);
  return bare.slice(bare.lastIndexOf("/") + 1).replace(/\.ya?ml$/, "");
}

/** Unique over all repositories and attempts. In small letters, so that a name written otherwise is the same one. */
export function keyOf(organization: string, repository: Repository, id: number, attempt: number): string {
  return `${organization.toLowerCase()}/${repository.name.toLowerCase()}/runs/${id}/attempts/${attempt}`;
}

/** How long an attempt took, in milliseconds; 0 where GitHub's times run backwards. */
export function durationMs(run: Run): number {
  return Math.max(0, run.updatedMs - run.startedMs);
}

/** What a completed attempt adds to the metrics. */
export function endedOf(key: string, run: Run, workflow: Workflow, repository: Repository): Ended {
  const labels = { platform: "github", repository: repository.label, success: String(run.success), workflow };
  return {
    key,
    createdMs: run.createdMs,
    endedMs: run.updatedMs,
    samples: [
      { metric: executionTotal, labels, number: 1 },
      { metric: executionDuration, labels, number: durationMs(run) / 1000 },
    ],
    line: {
      message: "instrumented build container",
      keys: {
        latency: formatLatency(durationMs(run)),
        repository: repository.label,
        run: String(run.id),
        success: String(run.success),
      },
    },
  };
}
