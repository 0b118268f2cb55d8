/** Daemons that are killed and started again on their ports, and one who watches all that they show meanwhile. */
import { compiled } from "./build.ts";
import { type BuildStream, config, shown, total, type Values } from "./builds-stream.ts";
import { Daemon, type DaemonOptions } from "./daemon.ts";
import { freePort } from "./readme.ts";

/** One replica: the compiled daemon on a port that it keeps over all its lives. */
export class Replica implements AsyncDisposable {
  readonly url: string;
  readonly port: number;
  readonly #options: DaemonOptions;
  #daemon: Daemon | undefined;
  #listening = false;

  private constructor(port: number, options: DaemonOptions) {
    this.port = port;
    this.url = `http://127.0.0.1:${port}`;
    this.#options = { ...options, env: { ...options.env, SPECTA_HTTP_PORT: String(port) } };
  }

  /** It does not run yet. */
  static async create(stream: BuildStream, env: DaemonOptions["env"] = {}): Promise<Replica> {
    return new Replica(await freePort(), { binary: compiled(), config, env: { ...stream.variables, ...env } });
  }

  /** Settled once it accepts calls, or has ended before that. */
  start(): Promise<void> {
    const daemon = new Daemon(this.#options);
    this.#daemon = daemon;
    this.#listening = false;
    return daemon.listening().then(
      () => {
        this.#listening = this.#daemon === daemon;
      },
      async (error: unknown) => {
        // A kill before it listens is what happens here; any other end is not.
        if ((await daemon.exited).signal !== "SIGKILL") throw error;
      },
    );
  }

  /** @throws when it was never started. */
  get daemon(): Daemon {
    if (this.#daemon === undefined) throw new Error("the replica was not started");
    return this.#daemon;
  }

  get isListening(): boolean {
    return this.#listening;
  }

  async kill(): Promise<void> {
    this.#listening = false;
    await this.#daemon?.kill();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
  }
}

/**
 * Scrapes replicas one after the other, again and again, so that each scrape begins when the one before it has ended,
 * and notes whatever must not be seen.
 */
export class Watch {
  readonly #replicas: readonly Replica[];
  readonly #stream: BuildStream;
  readonly #highest = new Map<string, number>();
  readonly #running: Promise<void>;
  #isOver = false;
  /** Scrapes that were answered, and those of them that showed builds. */
  scrapes = 0;
  withBuilds = 0;
  /** Values that were lower than one before them. */
  readonly falls: string[] = [];
  /** Sums of executions that were higher than what had ended. */
  readonly excesses: string[] = [];
  /** Times at which two replicas showed builds at once. */
  readonly doubles: string[] = [];
  /** The last two processes that showed builds, newest last. */
  #holders: Daemon[] = [];

  constructor(replicas: readonly Replica[], stream: BuildStream) {
    this.#replicas = replicas;
    this.#stream = stream;
    this.#running = this.#run();
  }

  /** The replica whose process was the last to show builds, while that runs. */
  get holder(): Replica | undefined {
    const last = this.#holders.at(-1);
    return this.#replicas.find((replica) => replica.isListening && replica.daemon === last);
  }

  async end(): Promise<this> {
    this.#isOver = true;
    await this.#running;
    return this;
  }

  async #run(): Promise<void> {
    while (!this.#isOver) {
      for (const replica of this.#replicas) {
        if (!replica.isListening) continue;
        const { daemon } = replica;
        const values = await shown(replica.url);
        this.scrapes += 1;
        if (values !== undefined) this.#look(daemon, values);
        else this.#holders = this.#holders.filter((holder) => holder !== daemon);
      }
      await Bun.sleep(5);
    }
  }

  #look(daemon: Daemon, values: Values): void {
    this.withBuilds += 1;
    for (const [key, value] of values) {
      const highest = this.#highest.get(key) ?? 0;
      if (value < highest) this.falls.push(`${key} fell from ${highest} to ${value} at ${daemon.url}`);
      this.#highest.set(key, Math.max(highest, value));
    }
    const [sum, ended] = [total(values), this.#stream.executions()];
    if (sum > ended) this.excesses.push(`${sum} executions were shown when ${ended} had ended`);
    // One, the other and the first again: it has shown them through the whole time of the other's scrape.
    const [before, between] = this.#holders.slice(-2);
    if (before === daemon && between !== undefined && between !== daemon)
      this.doubles.push(`two showed builds at once: ${sum} executions`);
    if (this.#holders.at(-1) !== daemon) this.#holders = [...this.#holders.slice(-1), daemon];
  }
}
