import { FetchHttpHandler } from "@smithy/fetch-http-handler";
import * as v from "valibot";
import { maxAwsAttempts, maxAwsRequestMs } from "../../base/limits.ts";
import type { World } from "../handler.ts";
import { codeOf, NoAnswer, reasonOf } from "./errors.ts";
import { Secrets } from "./secrets.ts";
import { transport } from "./transport.ts";

/** What tests turn: the time of one attempt of a request, milliseconds. */
export interface AwsTuning {
  readonly requestMs?: number;
}

/** A question to AWS. */
export interface Question<Answer> {
  /** As IAM writes it, `ec2:DescribeKeyPairs`: an error then names the right that is missing. */
  readonly action: string;
  readonly signal: AbortSignal;
  readonly schema: v.GenericSchema<unknown, Answer>;
  send(options: { readonly abortSignal: AbortSignal }): Promise<unknown>;
}

/** What the clients of a thread have in common. */
export interface Aws {
  /** What every client is made with. Credentials are left to the SDK's own chain. */
  readonly options: {
    readonly region: string;
    readonly maxAttempts: number;
    readonly retryMode: "standard";
    readonly requestHandler: FetchHttpHandler;
  };
  /** Asks, and checks the answer: the SDK itself takes one without its list for an empty one. @throws NoAnswer alone */
  ask<Answer>(question: Question<Answer>): Promise<Answer>;
}

export function createAws(world: World, { requestMs = maxAwsRequestMs }: AwsTuning = {}): Aws {
  const secrets = new Secrets(world.variables);
  const request = transport(world.variables, secrets, requestMs);
  // The handler of the SDK gives one argument, a Request, and wants all of the type of `fetch`.
  const customFetch = Object.assign(
    (input: Parameters<typeof fetch>[0], init?: RequestInit) => request(new Request(input as Request, init)),
    { preconnect: fetch.preconnect },
  );
  return {
    options: {
      region: world.variables.AWS_REGION?.trim() || "us-west-2",
      maxAttempts: maxAwsAttempts,
      retryMode: "standard",
      requestHandler: new FetchHttpHandler({ customFetch }),
    },
    async ask({ action, signal, schema, send }) {
      let answer: unknown;
      try {
        // The SDK sleeps before it tries again, whatever the signal says.
        answer = await unlessAborted(signal, () => send({ abortSignal: signal }));
      } catch (error) {
        const reason = signal.aborted ? "stopped before AWS answered" : reasonOf(error, requestMs);
        throw new NoAnswer(`${action}: ${secrets.hide(reason)}`, codeOf(error));
      }
      const read = v.safeParse(schema, answer, { abortEarly: true });
      if (read.success) return read.output;
      const place = v.getDotPath(read.issues[0]) ?? "body";
      throw new NoAnswer(`${action}: AWS's answer must be whole (${place}: ${read.issues[0].message})`);
    },
  };
}

async function unlessAborted<T>(signal: AbortSignal, run: () => Promise<T>): Promise<T> {
  const aborted = Promise.withResolvers<never>();
  const abort = () => aborted.reject(signal.reason);
  if (signal.aborted) throw signal.reason;
  signal.addEventListener("abort", abort);
  try {
    return await Promise.race([run(), aborted.promise]);
  } finally {
    signal.removeEventListener("abort", abort);
  }
}
