/** The three methods: verify, record, answer. Every way that decodes a request ends here. */
import type { ConnectRouter, HandlerContext } from "@connectrpc/connect";
import { API } from "../../gen/metrics/api_pb.ts";
import type { Kind } from "../../metrics/definition.ts";
import type { PushShard } from "../../metrics/push-store.ts";
import { throwIfAborted } from "./exchange.ts";
import { digestOf, IdempotencyKeys } from "./idempotency.ts";
import { Recorder } from "./record.ts";
import { errorOf } from "./rejection.ts";
import { type Action, Batch, Verifier } from "./verify.ts";

export const methodPaths = {
  counter: "/metrics.API/Counter",
  gauge: "/metrics.API/Gauge",
  histogram: "/metrics.API/Histogram",
} as const satisfies Record<Kind, string>;

export class Methods {
  readonly recorder: Recorder;
  readonly verifiers: Readonly<Record<Kind, Verifier>>;
  readonly #keys = new IdempotencyKeys();

  /** `names` are the metrics that clients may push. */
  constructor(shard: PushShard, names: readonly string[]) {
    const verifier = (kind: Kind) => new Verifier(kind, shard.layout, names);
    this.recorder = new Recorder(shard);
    this.verifiers = { counter: verifier("counter"), gauge: verifier("gauge"), histogram: verifier("histogram") };
  }

  /** Registers the service with connect-es. */
  readonly routes = (router: ConnectRouter): void => {
    router.service(API, {
      counter: ({ action }, context) => this.#push("counter", action, context),
      gauge: ({ action }, context) => this.#push("gauge", action, context),
      histogram: ({ action }, context) => this.#push("histogram", action, context),
    });
  };

  /** @throws a ConnectError that says why nothing of the request was recorded. */
  #push(kind: Kind, actions: readonly Action[], context: HandlerContext) {
    throwIfAborted(context);
    const answer = { result: actions.map(() => ({ status: "success" })) };
    const key = context.requestHeader.get("idempotency-key");
    if (key === null) {
      this.#record(kind, actions);
      return answer;
    }
    const digest = digestOf(kind, actions);
    const found = this.#keys.find(key, digest);
    if (typeof found === "object") throw errorOf(found);
    if (found) return answer;
    this.#record(kind, actions);
    this.#keys.add(key, digest);
    return answer;
  }

  #record(kind: Kind, actions: readonly Action[]): void {
    const batch = this.verifiers[kind].verify(actions);
    if (!(batch instanceof Batch)) throw errorOf(batch);
    this.recorder.record(batch);
  }
}
