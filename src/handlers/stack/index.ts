import { awsVariables } from "../aws/variables.ts";
import type { BuiltIn } from "../handler.ts";
import { definitions } from "./metrics.ts";
import { type Settings, settingsSchema } from "./settings.ts";

/** Tells the health of the CloudFormation stacks of the environment. */
export const stack: BuiltIn<Settings> = {
  name: "stack",
  coolerMs: 5000,
  timeoutMs: 30_000,
  schema: settingsSchema,
  variables: awsVariables,
  metrics: () => definitions,
  describe: (_, { environment }) => `CloudFormation stacks tagged environment=${environment}`,
  load: async () => ({ create: (await import("./handler.ts")).createHandler }),
};
