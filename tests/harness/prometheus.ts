/** Starts a real Prometheus on a port and in a folder of its own, and asks it. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { LineLog } from "./lines.ts";
import { freePort } from "./readme.ts";
import { tool } from "./tools.ts";

export interface PrometheusOptions {
  /** Ports on 127.0.0.1 of what it scrapes, as the job `specta`. */
  readonly targets: readonly number[];
  /** The texts of files of rules. */
  readonly rules?: readonly string[];
}

export interface Result {
  readonly metric: Readonly<Record<string, string>>;
  /** The values in the order of time: one of an instant query. */
  readonly values: readonly number[];
}

export interface FiringAlert {
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly state: string;
}

const pollMs = 50;
const scrapeInterval = "200ms";

export class Prometheus implements AsyncDisposable {
  readonly url: string;
  readonly #child: Bun.Subprocess;
  readonly #folder: string;

  private constructor(child: Bun.Subprocess, folder: string, port: number) {
    this.#child = child;
    this.#folder = folder;
    this.url = `http://127.0.0.1:${port}`;
  }

  /** Waits until it has scraped every target at least `scrapes` times. */
  static async start({ targets, rules = [] }: PrometheusOptions, scrapes = 4): Promise<Prometheus> {
    const folder = mkdtempSync(join(tmpdir(), "specta-prometheus-"));
    const port = await freePort();
    for (const [index, text] of rules.entries()) writeFileSync(join(folder, `rules-${index}.yaml`), text);
    const config = {
      global: { scrape_interval: scrapeInterval, scrape_timeout: scrapeInterval, evaluation_interval: scrapeInterval },
      rule_files: ["rules-*.yaml"],
      scrape_configs: [
        { job_name: "specta", static_configs: [{ targets: targets.map((target) => `127.0.0.1:${target}`) }] },
      ],
    };
    writeFileSync(join(folder, "prometheus.yml"), JSON.stringify(config));
    const child = Bun.spawn(
      [
        tool("prometheus"),
        `--config.file=${join(folder, "prometheus.yml")}`,
        `--storage.tsdb.path=${join(folder, "data")}`,
        `--web.listen-address=127.0.0.1:${port}`,
        "--log.format=json",
      ],
      { cwd: folder, stdin: "ignore", stdout: "ignore", stderr: "pipe" },
    );
    const log = new LineLog(child.stderr);
    const prometheus = new Prometheus(child, folder, port);
    try {
      await log.find(({ msg }) => String(msg).startsWith("Server is ready"), "that says that Prometheus is ready");
      await prometheus.until(async () => {
        const counted = await prometheus.query('count_over_time(up{job="specta"}[1h])');
        return counted.length === targets.length && counted.every(({ values }) => values[0]! >= scrapes);
      }, `${scrapes} scrapes of ${targets.length} targets`);
      return prometheus;
    } catch (error) {
      await prometheus[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** An instant query. @throws with Prometheus' own words when it refuses it. */
  async query(expr: string): Promise<Result[]> {
    const data = await this.#ask("query", { query: expr });
    return data.map(({ metric, value }) => ({ metric, values: value === undefined ? [] : [Number(value[1])] }));
  }

  /** A range query over the last `seconds`. @throws with Prometheus' own words when it refuses it. */
  async range(expr: string, seconds: number, step: number): Promise<Result[]> {
    const end = Date.now() / 1000;
    const data = await this.#ask("query_range", {
      query: expr,
      start: String(end - seconds),
      end: String(end),
      step: String(step),
    });
    return data.map(({ metric, values = [] }) => ({ metric, values: values.map(([, value]) => Number(value)) }));
  }

  async alerts(): Promise<FiringAlert[]> {
    const answer = await fetch(`${this.url}/api/v1/alerts`);
    const { data } = (await answer.json()) as { data: { alerts: FiringAlert[] } };
    return data.alerts;
  }

  /** Asks again and again until it is so. @throws when Prometheus has ended. */
  async until(isSo: () => Promise<boolean>, what: string): Promise<void> {
    for (;;) {
      if (this.#child.exitCode !== null) throw new Error(`prometheus ended (${this.#child.exitCode}) before ${what}`);
      if (await isSo()) return;
      await Bun.sleep(pollMs);
    }
  }

  async #ask(path: string, parameters: Record<string, string>): Promise<readonly Answer[]> {
    const answer = await fetch(`${this.url}/api/v1/${path}`, { method: "POST", body: new URLSearchParams(parameters) });
    const body = (await answer.json()) as { status: string; error?: string; data?: { result: Answer[] } };
    if (body.data === undefined) throw new Error(`${parameters.query}: ${body.error}`);
    return body.data.result;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#child.exited;
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

interface Answer {
  readonly metric: Readonly<Record<string, string>>;
  readonly value?: readonly [number, string];
  readonly values?: readonly (readonly [number, string])[];
}
