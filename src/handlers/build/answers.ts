/** The bytes that GitHub answers, checked: what the handler reads of a run and of a page of runs. */
import * as v from "valibot";
import { maxGithubRunAttempts } from "../../base/limits.ts";
import type { Run } from "./classify.ts";

const time = v.pipe(v.string(), v.isoTimestamp(), v.transform(Date.parse), v.number());

const run = v.pipe(
  v.object({
    id: v.pipe(v.number(), v.safeInteger(), v.minValue(0)),
    name: v.nullish(v.string(), ""),
    path: v.nullish(v.string(), ""),
    status: v.nullable(v.string()),
    conclusion: v.nullish(v.string()),
    run_attempt: v.nullish(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(maxGithubRunAttempts)), 1),
    created_at: time,
    updated_at: time,
    run_started_at: v.nullish(time),
  }),
  v.transform(
    (answer): Run => ({
      id: answer.id,
      attempt: answer.run_attempt,
      name: answer.name,
      path: answer.path,
      completed: answer.status === "completed",
      success: answer.conclusion === "success",
      createdMs: answer.created_at,
      startedMs: answer.run_started_at ?? answer.created_at,
      updatedMs: answer.updated_at,
    }),
  ),
);

const runs = v.object({
  total_count: v.pipe(v.number(), v.safeInteger(), v.minValue(0)),
  workflow_runs: v.array(run),
});

/** @throws Error naming the first field that is not as GitHub documents it */
export function parseRuns(body: unknown): { total: number; runs: readonly Run[] } {
  const answer = parse(runs, body, "a list of workflow runs");
  return { total: answer.total_count, runs: answer.workflow_runs };
}

/** @throws Error naming the first field that is not as GitHub documents it */
export function parseRun(body: unknown): Run {
  return parse(run, body, "a workflow run");
}

function parse<Schema extends v.GenericSchema>(schema: Schema, body: unknown, what: string): v.InferOutput<Schema> {
  const result = v.safeParse(schema, body, { abortEarly: true });
  if (result.success) return result.output;
  const place = v.getDotPath(result.issues[0]);
  // Of a body that is no JSON only that is said: it may be anything.
  const why = typeof body === "object" && body !== null ? `${place ?? "body"}: ${result.issues[0].message}` : "no JSON";
  throw new Error(`GitHub's answer must be ${what} (${why})`);
}
