import { Problems } from "../base/errors.ts";
import type { Config, Environment } from "./config.ts";
import { readEnvironment } from "./environment.ts";
import type { BuiltInShape } from "./handlers.ts";
import { loadConfig } from "./load.ts";
import type { Variables } from "./variables.ts";

/**
 * The environment and the configuration that it names.
 *
 * @throws {Problems} with all problems of both
 */
export function readSettings(
  variables: Variables,
  builtIns: readonly BuiltInShape[],
): { readonly environment: Environment; readonly config: Config } {
  const problems: string[] = [];
  const attempt = <T>(read: () => T): T | undefined => {
    try {
      return read();
    } catch (error) {
      if (!(error instanceof Problems)) throw error;
      problems.push(...error.problems);
      return undefined;
    }
  };
  const environment = attempt(() => readEnvironment(variables));
  const config = attempt(() => loadConfig({ file: variables.SPECTA_CONFIG || undefined, variables, builtIns }));
  if (environment && config) return { environment, config };
  throw new Problems(problems);
}
