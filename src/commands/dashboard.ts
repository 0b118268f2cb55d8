import type { Arguments } from "./command.ts";
import { monitor } from "./monitored.ts";
import { print } from "./print.ts";
import { loadSettings } from "./settings.ts";

/** Prints the Grafana dashboard of a configuration. */
export async function dashboard({ flags, rest }: Arguments): Promise<number> {
  const monitored = await monitor(await loadSettings(flags.env, rest[0]));
  const { renderDashboard } = await import("../dashboard/render.ts");
  await print(renderDashboard(monitored));
  return 0;
}
