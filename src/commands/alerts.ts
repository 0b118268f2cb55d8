import type { Arguments } from "./command.ts";
import { monitor } from "./monitored.ts";
import { print } from "./print.ts";
import { loadSettings } from "./settings.ts";

/** Prints the Prometheus rules of a configuration, or their promtool unit tests. */
export async function alerts({ flags, rest }: Arguments): Promise<number> {
  const monitored = await monitor(await loadSettings(flags.env, rest[0]));
  const { renderAlerts, renderAlertTests } = await import("../alerts/render.ts");
  await print(flags.tests ? renderAlertTests(monitored) : renderAlerts(monitored));
  return 0;
}
