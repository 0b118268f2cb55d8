import { Problems } from "../base/errors.ts";
import type { Config, Environment } from "../config/config.ts";
import { withEnvFile } from "../config/envfile.ts";
import { readEnvironment } from "../config/environment.ts";
import { embeddedName, loadConfig } from "../config/load.ts";
import { builtIns } from "../handlers/index.ts";
import { checkPlace, parseAddress } from "../ledger/address.ts";
import { type PlannedHandler, planHandlers } from "../worker/plan.ts";

export interface Settings {
  readonly environment: Environment;
  readonly config: Config;
  /** All handlers, active or not. */
  readonly planned: readonly PlannedHandler[];
}

/**
 * Reads everything that decides what specta does.
 *
 * @param envFile - the environment file that the user named
 * @param configFile - the configuration file that the user named; undefined: what `SPECTA_CONFIG` says
 * @param assumed - what stands in for `SPECTA_ENVIRONMENT` where it is not set
 * @throws {Problems} with all problems there are, of the environment and of the configuration
 */
export async function loadSettings(
  envFile: string | undefined,
  configFile?: string,
  assumed?: string,
): Promise<Settings> {
  const given = withEnvFile(process.env, envFile);
  const variables =
    assumed === undefined || given.SPECTA_ENVIRONMENT ? given : { ...given, SPECTA_ENVIRONMENT: assumed };
  const problems: string[] = [];
  const environment = await collect(problems, async () => readEnvironment(variables));
  const file = configFile ?? (variables.SPECTA_CONFIG || undefined);
  // What is wrong with the environment is told once: not again of every URL in which the configuration puts it.
  const known =
    environment === undefined
      ? {
          ...variables,
          SPECTA_ENVIRONMENT: variables.SPECTA_ENVIRONMENT || "development",
          SPECTA_HTTP_HOST: undefined,
          SPECTA_HTTP_PORT: undefined,
        }
      : variables;
  const config = await collect(problems, () => loadConfig({ file, variables: known, builtIns }));
  if (environment !== undefined) await collect(problems, async () => checkLedger(environment));
  await collect(problems, () => checkServer(config, environment));
  if (environment === undefined || config === undefined || problems.length > 0) throw new Problems(problems);
  return { environment, config, planned: planHandlers(config, environment, builtIns) };
}

/** Without handlers nothing is counted, and the ledger's file never opened. */
function checkLedger({ databaseUrl, runWorker }: Environment): void {
  const address = parseAddress(databaseUrl);
  if (runWorker) checkPlace(address);
}

/** A certificate is read where there is one to serve. */
async function checkServer(config: Config | undefined, environment: Environment | undefined): Promise<void> {
  const tls = config?.server.tls;
  if (tls === undefined || environment?.runServer === false) return;
  const { checkTls } = await import("../server/tls.ts");
  checkTls(tls);
}

/** The same with the port that the server really has, when the environment left the choice to the system. */
export async function withPort(settings: Settings, httpPort: number): Promise<Settings> {
  const { environment, config } = settings;
  if (environment.httpPort === httpPort) return settings;
  const file = config.source === embeddedName ? undefined : config.source;
  const moved = await loadConfig({ file, variables: environment.variables, builtIns, httpPort });
  return { environment, config: moved, planned: planHandlers(moved, environment, builtIns) };
}

async function collect<T>(problems: string[], read: () => Promise<T>): Promise<T | undefined> {
  try {
    return await read();
  } catch (thrown) {
    if (!(thrown instanceof Problems)) throw thrown;
    problems.push(...thrown.problems);
    return undefined;
  }
}
