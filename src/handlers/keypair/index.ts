import * as v from "valibot";
import { awsVariables } from "../aws/variables.ts";
import type { BuiltIn } from "../handler.ts";
import { definitions } from "./metrics.ts";

const schema = v.strictObject({});

/** Counts the EC2 key-pairs of the region. */
export const keypair: BuiltIn<v.InferOutput<typeof schema>> = {
  name: "keypair",
  coolerMs: 5000,
  timeoutMs: 30_000,
  schema,
  variables: awsVariables,
  metrics: () => definitions,
  describe: () => "the EC2 key-pairs of the region",
  load: async () => ({ create: (await import("./handler.ts")).createHandler }),
};
