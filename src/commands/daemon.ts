import { build } from "../base/build.ts";
import { troubleOf } from "../base/errors.ts";
import { maxStopMs } from "../base/limits.ts";
import { createLog, type Log } from "../base/log.ts";
import { embeddedName } from "../config/load.ts";
import { ownMetrics } from "../metrics/own.ts";
import { processFamilies } from "../metrics/process.ts";
import { Registry } from "../metrics/registry.ts";
import { Status } from "../status/status.ts";
import type { Arguments } from "./command.ts";
import { exposure } from "./exposure.ts";
import { lazyLedger } from "./lazy-ledger.ts";
import { loadSettings, type Settings, withPort } from "./settings.ts";
import { watchSignals } from "./signals.ts";

/** One half of the daemon, running. */
interface Half {
  /** Says that the end is near, while all goes on. */
  drain(): Promise<void>;
  /** Ends what is in flight, that long at most (ms). */
  stop(maxMs: number): Promise<void>;
}

/** Runs until a signal asks to stop. Nothing listens before the configuration is known to be good. */
export async function daemon({ flags }: Arguments): Promise<number> {
  const asked = watchSignals();
  const settings = await loadSettings(flags.env);
  const { environment } = settings;
  const log = createLog(environment.logLevel);
  watchFaults(log);
  log.info("daemon is launching procs", { environment: environment.environment });

  const registry = createRegistry(environment.environment);
  const status = new Status({
    registry,
    pushed: environment.runServer ? settings.config.metrics : {},
    configuration: settings.config.source === embeddedName ? "embedded" : "file",
    log,
  });
  const halves: Half[] = [];
  let port = environment.httpPort;
  if (environment.runServer) {
    const server = await serve(settings, registry, status, log);
    port = server.port;
    halves.push(server);
  }
  if (environment.runWorker) halves.push(await work(await withPort(settings, port), registry, status, log));

  const signal = await asked;
  log.info("daemon is stopping", { signal });
  await Promise.all(halves.map((half) => half.drain()));
  await Promise.all(halves.map((half) => half.stop(maxStopMs)));
  await log.flush();
  process.exit(0);
}

function createRegistry(environment: string): Registry {
  const registry = new Registry(environment);
  for (const family of processFamilies()) registry.add(family);
  const info = registry.define("specta_build_info", ownMetrics.specta_build_info);
  info.write(info.key({ sha: build.sha, tag: build.tag, version: `bun${build.bun}` }), 1);
  return registry;
}

async function serve({ environment, config }: Settings, registry: Registry, status: Status, log: Log) {
  const { startServer } = await import("../server/serve.ts");
  const server = await startServer({
    server: config.server,
    pushed: config.metrics,
    registry,
    log,
    host: environment.httpHost,
    port: environment.httpPort,
    threads: environment.httpThreads,
    drainMs: environment.drainMs,
    routes: status.routes,
  });
  log.info("server grants access", exposure(config.server));
  return server;
}

async function work(settings: Settings, registry: Registry, status: Status, log: Log): Promise<Half> {
  const { environment, planned } = settings;
  const { Engine } = await import("../worker/engine.ts");
  const opened = lazyLedger(environment.databaseUrl);
  const ledger = status.ledger(opened);
  const engine = new Engine({ handlers: planned, registry, ledger, log });
  status.watch(engine, planned, ledger);
  await engine.start();
  return {
    drain: async () => undefined,
    async stop(maxMs) {
      await Promise.all([engine.stop(maxMs), status.stop()]);
      await opened.close();
    },
  };
}

/** What nobody caught is said in the log; the counters in memory are worth more than a clean slate. */
function watchFaults(log: Log): void {
  const report = (thrown: unknown) => log.error("daemon met an unexpected fault", {}, troubleOf(thrown));
  process.on("uncaughtException", report);
  process.on("unhandledRejection", report);
}
