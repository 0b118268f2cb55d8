import * as v from "valibot";
import { awsVariables } from "../aws/variables.ts";
import type { BuiltIn } from "../handler.ts";
import { definitions } from "./metrics.ts";

const schema = v.strictObject({});

/** Tells the health of the ECS services of the environment. */
export const container: BuiltIn<v.InferOutput<typeof schema>> = {
  name: "container",
  coolerMs: 5000,
  timeoutMs: 30_000,
  schema,
  variables: awsVariables,
  metrics: () => definitions,
  describe: (_, { environment }) => `ECS services tagged environment=${environment}`,
  load: async () => ({ create: (await import("./handler.ts")).createHandler }),
};
