/** Everything that examples/splits.yaml looks at, well and busy: a GitHub, an AWS, and endpoints with TLS. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { FakeAws } from "./aws.ts";
import { root } from "./build.ts";
import { dayMs, minuteMs } from "./builds.ts";
import { selfSigned } from "./certificate.ts";
import { FakeGitHub } from "./github.ts";
import { random } from "./organisation.ts";

export const sixHandlers = ["build", "container", "deployment", "endpoint", "keypair", "stack"] as const;

const environment = "testing";
const services = "alloy graphql indexing kayron otel-collector server specta splits-lite worker".split(" ");
const stacks = "Cache Deployment Discovery Fargate Kayron Lite Rds Server Specta Telemetry Vpc".split(" ");

export class Splits implements AsyncDisposable {
  readonly github = new FakeGitHub({ owner: "0xSplits" });
  readonly aws = new FakeAws();
  readonly #folder = mkdtempSync(join(tmpdir(), "specta-splits-"));
  readonly #next = random(1);
  readonly #endpoint: Bun.Server<undefined>;

  private constructor() {
    const nowMs = Math.floor(Date.now() / 1000) * 1000;
    const tls = selfSigned(nowMs - dayMs, nowMs + 30 * dayMs);
    writeFileSync(this.#authorities, tls.cert);
    const fetch = () => new Response("# ".repeat(4096));
    this.#endpoint = Bun.serve({ hostname: "127.0.0.1", port: 0, tls, fetch });
    this.#fillGitHub();
    this.#fillAws();
  }

  /** @throws without openssl */
  static async start(): Promise<Splits> {
    const splits = new Splits();
    await Promise.all([splits.github.start(), splits.aws.start()]);
    return splits;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#endpoint.stop(true);
    await this.github[Symbol.asyncDispose]();
    await this.aws[Symbol.asyncDispose]();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  /** examples/splits.yaml with its endpoints here; `cooler` is every handler's. */
  configuration(cooler?: string): string {
    const text = readFileSync(join(root, "examples/splits.yaml"), "utf8");
    const here = `https://127.0.0.1:${this.#endpoint.port}`;
    const moved = text.replace(/https:\/\/([^"/]*splits\.org)/g, `${here}/$1`);
    if (cooler === undefined) return moved;
    return moved.replace(/^ {2}(\w+):(?: \{\})?$/gm, (line, name: string) =>
      sixHandlers.some((handler) => handler === name) ? `  ${name}:\n    cooler: ${cooler}` : line,
    );
  }

  /** The variables of a daemon that looks at all this. */
  get variables(): Record<string, string> {
    return {
      ...this.aws.variables,
      SPECTA_ENVIRONMENT: environment,
      SPECTA_GITHUB_TOKEN: this.github.token,
      SPECTA_GITHUB_URL: this.github.url,
      NODE_EXTRA_CA_CERTS: this.#authorities,
    };
  }

  get #authorities(): string {
    return join(this.#folder, "authorities.crt");
  }

  #between(least: number, most: number): number {
    return least + this.#next() * (most - least);
  }

  /** A day and the next: a run a repository every few minutes. */
  #fillGitHub(): void {
    const beginMs = Date.now() - dayMs;
    let id = 0;
    for (const repository of ["kayron", "specta", "splits", "splits-lite"]) {
      for (let createdMs = beginMs; createdMs < beginMs + 2 * dayMs; createdMs += this.#between(1, 15) * minuteMs) {
        const [name, file] = this.#next() < 0.5 ? ["Go Build", "go-build"] : ["Docker Push", "docker-push"];
        const endedMs = createdMs + this.#between(0.5, 5) * minuteMs;
        const attempts = [{ startedMs: createdMs, endedMs, conclusion: "success" }];
        id += 1;
        this.github.add(repository, { id, name, path: `.github/workflows/${file}.yaml`, createdMs, attempts });
      }
    }
  }

  /** A day and the next: an execution a pipeline every hour. */
  #fillAws(): void {
    const { aws } = this;
    const beginMs = Date.now() - dayMs;
    aws.services = services.map((name) => {
      return { cluster: "main", name, label: name, environment, running: 2, desired: 2 };
    });
    aws.stacks = stacks.map((name) => ({ name: `${name}Stack-1X2Y3Z4W5V6U`, status: "UPDATE_COMPLETE", environment }));
    aws.keyPairs = ["a", "b", "c"];
    aws.pipelines = services.map((name) => {
      const executions = Array.from({ length: 48 }, (_, hour) => {
        const startMs = beginMs + (hour + this.#next()) * 60 * minuteMs;
        return {
          id: `${name}-${hour}`,
          startMs,
          endMs: startMs + this.#between(1, 10) * minuteMs,
          status: "Succeeded",
        };
      });
      return { name, environment, executions };
    });
  }
}
