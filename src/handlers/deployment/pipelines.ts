import { CodePipelineClient, ListPipelineExecutionsCommand } from "@aws-sdk/client-codepipeline";
import * as v from "valibot";
import type { Aws } from "../aws/client.ts";
import { NoAnswer } from "../aws/errors.ts";
import { type Listing, readPages } from "../aws/pages.ts";
import { type Execution, hasEnded } from "./executions.ts";

export interface Pipelines {
  /**
   * The executions of a pipeline that started at or after a time, newest first, and at times a few older ones. A pipeline
   * that is gone has none.
   */
  listExecutions(arn: string, sinceMs: number, signal: AbortSignal): Promise<Listing<Execution>>;
}

const time = v.pipe(
  v.date(),
  v.transform((date) => date.getTime()),
);

/** One that waits for its turn, or was superseded there, has no start; while it has not ended the end lies ahead. */
const execution = v.pipe(
  v.object({
    pipelineExecutionId: v.pipe(v.string(), v.minLength(1)),
    status: v.string(),
    startTime: v.nullish(time),
    lastUpdateTime: v.nullish(time),
  }),
  v.check(
    ({ status, lastUpdateTime }) => !hasEnded(status) || typeof lastUpdateTime === "number",
    "an execution that has ended must have its lastUpdateTime",
  ),
  v.transform(({ pipelineExecutionId: id, status, startTime, lastUpdateTime }): Execution => {
    const updatedMs = lastUpdateTime ?? Number.POSITIVE_INFINITY;
    return { id, status, startMs: startTime ?? updatedMs, updatedMs };
  }),
);

const answer = v.object({ pipelineExecutionSummaries: v.array(execution), nextToken: v.nullish(v.string()) });

const executionsPerPage = 100;

export function createPipelines(aws: Aws): Pipelines {
  const client = new CodePipelineClient(aws.options);
  return {
    async listExecutions(arn, sinceMs, signal) {
      const [, pipelineName] = /^arn:[^:]+:codepipeline:[^:]*:[^:]*:([^:/]+)$/.exec(arn) ?? [];
      if (pipelineName === undefined) return { items: [], failure: new NoAnswer("it must have the ARN of a pipeline") };
      const listing = await readPages(
        async (nextToken) => {
          const page = await aws.ask({
            action: "codepipeline:ListPipelineExecutions",
            signal,
            schema: answer,
            send: (options) =>
              client.send(
                new ListPipelineExecutionsCommand({
                  pipelineName,
                  maxResults: executionsPerPage,
                  ...(nextToken === undefined ? {} : { nextToken }),
                }),
                options,
              ),
          });
          return { items: page.pipelineExecutionSummaries, next: page.nextToken };
        },
        // The newest comes first, by its start.
        ({ items }) => items.some(({ startMs }) => startMs < sinceMs),
      );
      // The listing by tags lags behind, and names pipelines for a while that are deleted.
      return listing.failure?.code === "PipelineNotFoundException" ? { ...listing, failure: undefined } : listing;
    },
  };
}
