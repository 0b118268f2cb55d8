import * as v from "valibot";
import { defaultLookbackMs, maxLookbackMs, minLookbackMs } from "../../base/limits.ts";
import { about } from "../../base/schema.ts";
import { formatDuration } from "../../base/units.ts";
import { duration } from "../../config/values.ts";
import { awsVariables } from "../aws/variables.ts";
import type { BuiltIn } from "../handler.ts";
import { definitions } from "./metrics.ts";

/** The keys of `handlers.deployment`. `lookback` comes out in milliseconds. */
const schema = v.strictObject({
  lookback: v.optional(
    about("How far back executions are looked for.", duration(minLookbackMs, maxLookbackMs)),
    formatDuration(defaultLookbackMs),
  ),
});

export type Settings = v.InferOutput<typeof schema>;

/** Counts the executions of the environment's pipelines in CodePipeline. */
export const deployment: BuiltIn<Settings> = {
  name: "deployment",
  coolerMs: 60_000,
  timeoutMs: 60_000,
  schema,
  variables: awsVariables,
  metrics: () => definitions,
  describe: (_, { environment }) => `CodePipeline pipelines tagged environment=${environment}`,
  load: async () => ({ create: (await import("./handler.ts")).createHandler }),
};
