import type { Config } from "./config.ts";
import { readEmbedded } from "./embedded.ts";
import { interpret, type LoadOptions, lookupIn } from "./interpret.ts";

export { embeddedName } from "./interpret.ts";

/**
 * Loads and validates a configuration: from a file or the embedded default.
 *
 * @throws {Problems} as `loadFile` does.
 */
export async function loadConfig(options: LoadOptions): Promise<Config> {
  if (options.file === undefined) {
    const { config } = interpret(readEmbedded(lookupIn(options)), options);
    if (config) return config;
  }
  // A file, or a default that the environment has spoiled, which is read again for the places of its problems.
  const { loadFile } = await import("./load-file.ts");
  return loadFile(options);
}
