/** What the handlers of a soak look at: a GitHub, an AWS and an endpoint that are busy and often fail, and the truth. */
import { type Fault as AwsFault, FakeAws } from "../harness/aws.ts";
import { AwsError, type FakePipeline } from "../harness/aws-answers.ts";
import { Tally } from "../harness/builds.ts";
import { FakeGitHub, type Fault as GitHubFault, refusal } from "../harness/github.ts";
import { random } from "../harness/organisation.ts";

export const repositories = ["shop", "server", "lite"] as const;
const pipelines = ["shop", "api", "site"] as const;
const environment = "testing";
/** What ended longer ago is forgotten by the fakes: far more than the handlers look back. */
const keptMs = 10 * 60_000;
const html = { kind: "answer", status: 502, body: "<html>Bad Gateway</html>" } as const;

const gitHubFaults: readonly GitHubFault[] = [
  { kind: "hang" },
  { kind: "reset" },
  { kind: "half" },
  { kind: "half", chunked: true },
  { ...html, headers: { "content-type": "text/html" } },
  {
    kind: "answer",
    status: 200,
    body: '{"total_count":',
    headers: { "content-type": "application/json", etag: '"x"' },
  },
  refusal(500, "Server Error"),
  refusal(403, "You have exceeded a secondary rate limit.", { "retry-after": "2" }),
  refusal(429, "Too many requests", { "retry-after": "1" }),
];

const awsFaults: readonly AwsFault[] = [
  { kind: "hang" },
  { kind: "reset" },
  { kind: "half" },
  { kind: "half chunked" },
  html,
  new AwsError("ThrottlingException", "Rate exceeded"),
  new AwsError("InternalFailure", "An internal error", 500),
  new AwsError("AccessDeniedException", "User is not authorized", 400),
];

export class World implements AsyncDisposable {
  readonly github: FakeGitHub;
  readonly aws: FakeAws;
  /** Requests that were answered, or not, and how many of them wrongly. */
  asked = 0;
  faulted = 0;
  /** The counts and durations of all that was begun, by series. */
  readonly truth = new Tally();
  /** When the last of it ends (ms). */
  lastEndMs = 0;
  readonly #endpoint: Bun.Server<undefined>;
  readonly #next: () => number;
  readonly #timer: ReturnType<typeof setInterval>;
  #faultShare = 0;
  #runs = 0;

  private constructor(github: FakeGitHub, aws: FakeAws, seed: number) {
    this.github = github;
    this.aws = aws;
    this.#next = random(seed);
    github.fault = () => this.#fault(gitHubFaults);
    github.limit = github.remaining = 1_000_000_000;
    aws.fault = () => this.#fault(awsFaults);
    this.#endpoint = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: () => this.#probed() });
    for (const name of repositories) github.runs.set(name, []);
    aws.pipelines = pipelines.map((name) => ({ name, environment, executions: [] }));
    aws.keyPairs = ["a", "b", "c"];
    aws.stacks = ["CacheStack", "VpcStack"].map((name) => ({ name, status: "CREATE_COMPLETE", environment }));
    aws.services = Array.from({ length: 12 }, (_, at) => {
      const name = `service-${at}`;
      return { cluster: `cluster-${at % 3}`, name, label: name, environment, running: 2, desired: 2 };
    });
    const tickMs = 1000;
    this.#timer = setInterval(() => this.#tick(), tickMs);
  }

  /** Busy at once, and without faults. */
  static async start(seed: number): Promise<World> {
    const github = await new FakeGitHub({ brief: true }).start();
    return new World(github, await new FakeAws().start(), seed);
  }

  get endpointUrl(): string {
    return `http://127.0.0.1:${this.#endpoint.port}/`;
  }

  /** From now on this part of all requests goes wrong. */
  disturb(faultShare: number): void {
    this.#faultShare = faultShare;
  }

  /** Nothing is begun any more, and nothing goes wrong; resolves when all that was begun has ended. */
  async calm(): Promise<void> {
    clearInterval(this.#timer);
    this.#faultShare = 0;
    await Bun.sleep(Math.max(0, this.lastEndMs - Date.now()));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer);
    await this.#endpoint.stop(true);
    await this.github[Symbol.asyncDispose]();
    await this.aws[Symbol.asyncDispose]();
  }

  #fault<T>(faults: readonly T[]): T | undefined {
    this.asked += 1;
    if (this.#next() >= this.#faultShare) return undefined;
    this.faulted += 1;
    return faults[Math.floor(this.#next() * faults.length)];
  }

  #probed(): Response | Promise<Response> {
    const answers = [
      () => new Response("no", { status: 503 }),
      () => new Response("moved", { status: 302, headers: { location: this.endpointUrl } }),
      () => new Promise<Response>(() => undefined),
    ];
    return this.#fault(answers)?.() ?? new Response("OK");
  }

  #tick(): void {
    // What was asked is of no interest here, and an hour of it would fill the memory.
    this.github.requests.length = 0;
    this.aws.requests.length = 0;
    for (const name of repositories) if (this.#next() < 1 / 3) this.#beginRun(name);
    for (const pipeline of this.aws.pipelines) if (this.#next() < 1 / 5) this.#beginExecution(pipeline);
  }

  /** A run of one to three attempts. Times are whole seconds, as GitHub gives them. */
  #beginRun(repository: string): void {
    const createdMs = inSeconds(Date.now()) + 1000;
    this.#runs += 1;
    const workflow = this.#next() < 0.5 ? "check" : "image";
    const attempts = [];
    let startedMs = createdMs;
    for (let more = true; more; more = this.#next() < 1 / 5 && attempts.length < 3) {
      const endedMs = startedMs + this.#seconds(1, 15);
      const conclusion = this.#next() < 0.7 ? "success" : "failure";
      attempts.push({ startedMs, endedMs, conclusion });
      const success = String(conclusion === "success");
      const labels = { env: environment, platform: "github", repository, success, workflow };
      this.#record("build", labels, startedMs, endedMs);
      startedMs = endedMs + this.#seconds(1, 5);
    }
    const path = `.github/workflows/${workflow}.yaml`;
    const list = this.github.runs.get(repository) ?? [];
    const kept = list.filter((run) => run.createdMs > Date.now() - keptMs);
    kept.push({ id: this.#runs, name: workflow, path, createdMs, attempts });
    this.github.runs.set(repository, kept);
  }

  #beginExecution({ name, executions }: FakePipeline): void {
    const startMs = inSeconds(Date.now()) + 1000;
    const endMs = startMs + this.#seconds(1, 20);
    const status = this.#next() < 0.7 ? "Succeeded" : "Failed";
    const firstKept = executions.findIndex((execution) => execution.endMs > Date.now() - keptMs);
    if (firstKept > 0) executions.splice(0, firstKept);
    this.#runs += 1;
    executions.push({ id: `${name}-${this.#runs}`, startMs, endMs, status });
    const labels = { env: environment, platform: "codepipeline", success: String(status === "Succeeded") };
    this.#record("deployment", labels, startMs, endMs);
  }

  #record(what: string, labels: Readonly<Record<string, string>>, startMs: number, endMs: number): void {
    this.lastEndMs = Math.max(this.lastEndMs, endMs);
    this.truth.add(`${what}_execution_total`, labels, 1);
    this.truth.add(`${what}_execution_duration_seconds_count`, labels, 1);
    this.truth.add(`${what}_execution_duration_seconds_sum`, labels, (endMs - startMs) / 1000);
  }

  #seconds(least: number, most: number): number {
    return 1000 * Math.floor(least + this.#next() * (most - least + 1));
  }
}

function inSeconds(ms: number): number {
  return Math.floor(ms / 1000) * 1000;
}
