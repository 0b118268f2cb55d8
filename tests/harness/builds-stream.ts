/** A stream of ending builds at a fake GitHub, a daemon's configuration that counts them, and what the counts must be. */
import type { Daemon } from "./daemon.ts";
import { FakeGitHub } from "./github.ts";
import { random } from "./organisation.ts";

const workflows = { check: "ci", image: "release" } as const;
const pauseMs = 40;

/** Counts often, so that a process that lives for half a second counts several times. */
export const config = `
handlers:
  build:
    organization: acme
    cooler: 100ms
    repositories: [{ name: shop, check: ci, image: release }]
`;

export interface Tally {
  executions: number;
  seconds: number;
}

export class BuildStream implements AsyncDisposable {
  readonly github = new FakeGitHub({ brief: true });
  readonly truth: Tally = { executions: 0, seconds: 0 };
  readonly next: () => number;
  #timer: Timer | undefined;
  #id = 0;

  constructor(seed: number) {
    this.next = random(seed);
    this.github.limit = 1_000_000;
    this.github.remaining = 1_000_000;
  }

  static async start(seed: number): Promise<BuildStream> {
    const stream = new BuildStream(seed);
    await stream.github.start();
    return stream;
  }

  get variables(): Record<string, string> {
    return { SPECTA_GITHUB_URL: this.github.url, SPECTA_GITHUB_TOKEN: this.github.token, SPECTA_LOG_LEVEL: "info" };
  }

  /** Ends one build now. */
  end(): void {
    const endedMs = Math.floor(Date.now() / 1000) * 1000;
    const seconds = 1 + Math.floor(this.next() * 400);
    const startedMs = endedMs - seconds * 1000;
    const name = this.next() < 0.5 ? workflows.check : workflows.image;
    const conclusion = this.next() < 0.7 ? "success" : "failure";
    this.#id += 1;
    const path = `.github/workflows/${name}.yaml`;
    const attempts = [{ startedMs, endedMs, conclusion }];
    this.github.add("shop", { id: this.#id, name, path, createdMs: startedMs, visibleMs: 0, attempts });
    this.truth.executions += 1;
    this.truth.seconds += seconds;
  }

  flow(): void {
    this.#timer ??= setInterval(() => this.end(), pauseMs);
  }

  dam(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.dam();
    await this.github[Symbol.asyncDispose]();
  }
}

/** What a daemon shows, all series added up; undefined when it shows none or cannot be asked. */
export async function shown(daemon: Daemon): Promise<Tally | undefined> {
  let text: string;
  try {
    text = await (await fetch(`${daemon.url}/metrics`)).text();
  } catch (error) {
    if (error instanceof Error) return undefined;
    throw error;
  }
  const add = (name: string) => {
    const values = [...text.matchAll(new RegExp(`^${name}\\{[^}]*\\} (\\S+)$`, "gm"))].map((match) => Number(match[1]));
    return values.length === 0 ? undefined : values.reduce((sum, value) => sum + value, 0);
  };
  const executions = add("build_execution_total");
  const count = add("build_execution_duration_seconds_count");
  const seconds = add("build_execution_duration_seconds_sum");
  if (executions === undefined || seconds === undefined) return undefined;
  if (count !== executions) throw new Error(`the histogram has ${count} observations of ${executions} executions`);
  return { executions, seconds };
}
