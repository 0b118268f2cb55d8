import { maxProbes } from "../../base/limits.ts";
import type { BuiltIn } from "../handler.ts";
import { outboundVariables } from "../outbound.ts";
import { definitions } from "./metrics.ts";
import { type Settings, settingsSchema, targetsIn } from "./settings.ts";

/** What an execution needs beside its probes (ms). */
const slackMs = 1000;

/** Tells the health of HTTP endpoints, and when their certificates expire. `timeout` bounds one probe. */
export const endpoint: BuiltIn<Settings> = {
  name: "endpoint",
  coolerMs: 5000,
  timeoutMs: 5000,
  schema: settingsSchema,
  variables: outboundVariables,
  inactive(settings, { environment }) {
    if (settings.targets.length === 0) return "it has no targets";
    return targetsIn(settings, environment).length === 0 ? `it has no targets in ${environment}` : undefined;
  },
  deadlineMs(settings, { environment }, timeoutMs) {
    const urls = targetsIn(settings, environment).flatMap((target) => target.urls);
    return Math.ceil(urls.length / maxProbes) * timeoutMs + slackMs;
  },
  metrics: (settings, { environment }) => definitions(targetsIn(settings, environment)),
  describe(settings, { environment }) {
    const services = new Set(targetsIn(settings, environment).map(({ service }) => service));
    return `${services.size} ${services.size === 1 ? "service" : "services"}`;
  },
  load: async () => ({ create: (await import("./handler.ts")).createHandler }),
};
