import type { BuiltIn } from "../handler.ts";
import { outboundVariables } from "../outbound.ts";
import { definitions } from "./metrics.ts";
import { type Settings, settingsSchema } from "./settings.ts";

/** Counts the workflow runs of GitHub Actions that check code or build images. */
export const build: BuiltIn<Settings> = {
  name: "build",
  coolerMs: 60_000,
  timeoutMs: 60_000,
  schema: settingsSchema,
  variables: ["SPECTA_GITHUB_TOKEN", "SPECTA_GITHUB_URL", ...outboundVariables],
  inactive: (_, world) => (world.variables.SPECTA_GITHUB_TOKEN?.trim() ? undefined : "SPECTA_GITHUB_TOKEN is empty"),
  metrics: definitions,
  describe: ({ repositories }) => `${repositories.length} ${repositories.length === 1 ? "repository" : "repositories"}`,
  load: async () => ({ create: (await import("./handler.ts")).createHandler }),
};
