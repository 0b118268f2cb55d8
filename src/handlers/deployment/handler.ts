import { maxAwsLanes, maxEndedPerReport } from "../../base/limits.ts";
import { type AwsTuning, createAws } from "../aws/client.ts";
import { createTagged } from "../aws/tagged.ts";
import type { Context, Ended, Failure, Handler, World } from "../handler.ts";
import { inLanes } from "../lanes.ts";
import { endedOf, endedSince } from "./executions.ts";
import type { Settings } from "./index.ts";
import { definitions } from "./metrics.ts";
import { createPipelines } from "./pipelines.ts";

/** What tests turn: the clock (Unix milliseconds), and the time of one attempt of a request. */
export interface Tuning extends AwsTuning {
  readonly now?: () => number;
}

export function createHandler(
  { lookback: lookbackMs }: Settings,
  world: World,
  { now = Date.now, ...tuning }: Tuning = {},
): Handler<Settings> {
  const aws = createAws(world, tuning);
  const tagged = createTagged(aws);
  const pipelines = createPipelines(aws);

  /** The ends, Unix milliseconds, of the executions that the ledger has, by their keys: they need not be reported again. */
  const recorded = new Map<string, number>();
  /** The last report. Only `recorded` moves it to the map. */
  let reported: readonly Ended[] = [];

  /** All executions of the listed pipelines that ended within the lookback, and what could not be looked at. */
  async function look({ environment, signal }: Context, sinceMs: number) {
    const failures: Failure[] = [];
    const listing = await tagged.list("codepipeline:pipeline", environment, signal);
    if (listing.failure !== undefined) {
      const target = `CodePipeline pipelines tagged environment=${environment}`;
      failures.push({ target, reason: listing.failure.message });
    }
    const found = await inLanes(maxAwsLanes, listing.items, async (arn) => {
      // They come by their start. What ended within the lookback may have started up to as long before it.
      const { items, failure } = await pipelines.listExecutions(arn, sinceMs - lookbackMs, signal);
      if (failure !== undefined) failures.push({ target: `CodePipeline pipeline ${arn}`, reason: failure.message });
      const ended = items.filter((execution) => endedSince(execution, sinceMs));
      return ended.map((execution) => endedOf(arn, execution));
    });
    // One that starts while the pages are read moves another to the next page, which then has it again.
    const byKey = new Map(found.flat().map((one) => [one.key, one]));
    return { found: [...byKey.values()], failures };
  }

  return {
    metrics: definitions,
    cooler: () => 60_000,
    async ensure(context) {
      const sinceMs = now() - lookbackMs;
      for (const [key, endedMs] of recorded) if (endedMs < sinceMs) recorded.delete(key);
      const { found, failures } = await look(context, sinceMs);
      reported = found.filter(({ key }) => !recorded.has(key)).slice(0, maxEndedPerReport);
      return { ended: reported, failures };
    },
    recorded() {
      for (const { key, endedMs } of reported) recorded.set(key, endedMs);
      reported = [];
    },
  };
}
