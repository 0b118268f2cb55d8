/** A stream of ending builds at a fake GitHub, a daemon's configuration that counts them, and what the counts must be. */
import { FakeGitHub } from "./github.ts";
import { random } from "./organisation.ts";

const repositories = { shop: "shop", server: "api" } as const;
const workflows = { ci: "check", release: "image", labels: undefined } as const;
const bounds = [30, 60, 90, 120, 150, 180, 210, 240, 270, 300, Number.POSITIVE_INFINITY];

/** Counts often, so that a process that lives for half a second counts several times. */
export const config = `
handlers:
  build:
    organization: acme
    cooler: 100ms
    repositories:
      - { name: shop, label: shop, check: ci, image: release }
      - { name: server, label: api, check: ci, image: release }
`;

/** The values of series by their name and labels, as the exposition writes them. */
export type Values = ReadonlyMap<string, number>;

interface EndedBuild {
  readonly endedMs: number;
  readonly seconds: number;
  readonly labels: string;
}

export class BuildStream implements AsyncDisposable {
  readonly github: FakeGitHub;
  readonly next: () => number;
  readonly #builds: EndedBuild[] = [];
  #timer: Timer | undefined;
  #id = 0;
  #waiting: (() => void)[] = [];
  #held: Promise<void> = Promise.resolve();

  private constructor(seed: number) {
    this.github = new FakeGitHub({ brief: true });
    this.github.limit = 1_000_000_000;
    this.github.remaining = this.github.limit;
    this.github.before = () => {
      for (const resolve of this.#waiting.splice(0)) resolve();
      return this.#held;
    };
    for (const name of Object.keys(repositories)) this.github.runs.set(name, []);
    this.next = random(seed);
  }

  static async start(seed: number): Promise<BuildStream> {
    const stream = new BuildStream(seed);
    await stream.github.start();
    return stream;
  }

  get variables(): Record<string, string> {
    return { SPECTA_GITHUB_URL: this.github.url, SPECTA_GITHUB_TOKEN: this.github.token, SPECTA_LOG_LEVEL: "info" };
  }

  /** A build that ends `inMs` from now, in one of eight series; one in six is run again at once, most take minutes. */
  end({ inMs = 0, attempts = this.next() < 1 / 6 ? 2 : 1, takesMs = this.next() * 400_000 } = {}): void {
    const { shop: _, ...others } = repositories;
    const [name, label] = this.next() < 0.5 ? ["shop", repositories.shop] : Object.entries(others)[0]!;
    const pick = this.next();
    const file = pick < 0.45 ? "ci" : pick < 0.9 ? "release" : "labels";
    let startedMs = Math.floor((Date.now() - 1000 - takesMs) / 1000) * 1000;
    const createdMs = startedMs;
    const all = Array.from({ length: attempts }, (_, index) => {
      // The second ends a little after the first, so that it may be seen running or ended.
      const endedMs = Date.now() + inMs + index * Math.floor(this.next() * 1000);
      const attempt = { startedMs, endedMs, conclusion: this.next() < 0.7 ? "success" : "failure" };
      startedMs = endedMs;
      return attempt;
    });
    this.#id += 1;
    const path = `.github/workflows/${file}.yaml`;
    this.github.add(name, { id: this.#id, name: file, path, createdMs, visibleMs: 0, attempts: all });
    const workflow = workflows[file];
    if (workflow === undefined) return;
    for (const { startedMs: from, endedMs, conclusion } of all) {
      const success = String(conclusion === "success");
      const labels = `env="testing",platform="github",repository="${label}",success="${success}",workflow="${workflow}"`;
      this.#builds.push({ endedMs, seconds: Math.floor(endedMs / 1000) - Math.floor(from / 1000), labels });
    }
  }

  /** Begins to add builds that end within the next second. */
  flow(perSecond = 25): void {
    this.#timer ??= setInterval(() => this.end({ inMs: this.next() * 1000 }), 1000 / perSecond);
  }

  /** Adds no more; resolves when all that were added have ended. */
  async dam(): Promise<void> {
    clearInterval(this.#timer);
    this.#timer = undefined;
    while (this.lastMs > Date.now()) await Bun.sleep(20);
  }

  /** Resolves when GitHub is asked for the next time. */
  asked(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** Lets whoever asks GitHub wait for the answer; returns what ends that. */
  hold(): () => void {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#held = promise;
    return resolve;
  }

  /** When the last of the builds so far ends, or has ended. */
  get lastMs(): number {
    return Math.max(...this.#builds.map(({ endedMs }) => endedMs));
  }

  /** How many builds have ended. */
  executions(nowMs = Date.now()): number {
    return this.#builds.filter(({ endedMs }) => endedMs <= nowMs).length;
  }

  /** What the series must be when every build that has ended is counted once. */
  truth(nowMs = Date.now()): Values {
    const values = new Map<string, number>();
    const add = (key: string, number: number) => values.set(key, (values.get(key) ?? 0) + number);
    for (const { endedMs, seconds, labels } of this.#builds) {
      if (endedMs > nowMs) continue;
      add(`build_execution_total{${labels}}`, 1);
      const duration = "build_execution_duration_seconds";
      for (const bound of bounds) {
        const le = bound === Number.POSITIVE_INFINITY ? "+Inf" : bound;
        add(`${duration}_bucket{${labels},le="${le}"}`, seconds <= bound ? 1 : 0);
      }
      add(`${duration}_sum{${labels}}`, seconds);
      add(`${duration}_count{${labels}}`, 1);
    }
    return values;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer);
    await this.github[Symbol.asyncDispose]();
  }
}

/** The series of builds that `/metrics` shows; undefined when it shows none or does not answer. */
export async function shown(url: string): Promise<Values | undefined> {
  let text: string;
  try {
    text = await (await fetch(`${url}/metrics`)).text();
  } catch (error) {
    // It is not there, or was killed while it answered.
    if (error instanceof Error && url !== "") return undefined;
    throw error;
  }
  const lines = text.split("\n").filter((line) => line.startsWith("build_"));
  if (lines.length === 0) return undefined;
  return new Map(
    lines.map((line) => [line.slice(0, line.lastIndexOf(" ")), Number(line.slice(line.lastIndexOf(" ")))]),
  );
}

/** All of `build_execution_total`, added up. */
export function total(values: Values | undefined): number {
  let sum = 0;
  for (const [key, value] of values ?? []) if (key.startsWith("build_execution_total{")) sum += value;
  return sum;
}

/** How what is shown differs from the truth, one line a series; empty when it does not. */
export function differences(values: Values | undefined, truth: Values): string[] {
  const keys = new Set([...truth.keys(), ...(values?.keys() ?? [])]);
  return [...keys].sort().flatMap((key) => {
    const [is, should] = [values?.get(key) ?? 0, truth.get(key) ?? 0];
    return is === should ? [] : [`${key} is ${is}, must be ${should}`];
  });
}
