/** The three methods: verify, record, answer. Every way that decodes a request ends here. */
import type { ConnectRouter, HandlerContext } from "@connectrpc/connect";
import { API } from "../../gen/metrics/api_pb.ts";
import type { Kind } from "../../metrics/definition.ts";
import type { PushShard } from "../../metrics/push-store.ts";
import { throwIfAborted } from "./exchange.ts";
import { digestOf, IdempotencyKeys } from "./idempotency.ts";
import { Recorder } from "./record.ts";
import { errorOf, type Rejection } from "./rejection.ts";
import { type Action, Batch, Verifier } from "./verify.ts";

export const methodPaths = {
  counter: "/metrics.API/Counter",
  gauge: "/metrics.API/Gauge",
  histogram: "/metrics.API/Histogram",
} as const satisfies Record<Kind, string>;

/** A push with an Idempotency-Key; its actions are good. */
export interface KeyedPush {
  readonly kind: Kind;
  readonly actions: readonly Action[];
  readonly key: string;
}

/** Records a push unless it was recorded before under its key, or says why it must not be. */
export type PushOnce = (push: KeyedPush) => Rejection | undefined | Promise<Rejection | undefined>;

export class Methods {
  readonly recorder: Recorder;
  readonly verifiers: Readonly<Record<Kind, Verifier>>;
  readonly #keys = new IdempotencyKeys();
  readonly #pushOnce: PushOnce;

  /** `names` are the metrics that clients may push; `pushOnce` is who knows all keys, when it is not this thread. */
  constructor(shard: PushShard, names: readonly string[], pushOnce?: PushOnce) {
    const verifier = (kind: Kind) => new Verifier(kind, shard.layout, names);
    this.recorder = new Recorder(shard);
    this.verifiers = { counter: verifier("counter"), gauge: verifier("gauge"), histogram: verifier("histogram") };
    this.#pushOnce = pushOnce ?? this.pushOnce;
  }

  /** Registers the service with connect-es. */
  readonly routes = (router: ConnectRouter): void => {
    router.service(API, {
      counter: ({ action }, context) => this.#push("counter", action, context),
      gauge: ({ action }, context) => this.#push("gauge", action, context),
      histogram: ({ action }, context) => this.#push("histogram", action, context),
    });
  };

  /** In one turn of the event loop, so that no two pushes with one key are under way together. */
  readonly pushOnce = ({ kind, actions, key }: KeyedPush): Rejection | undefined => {
    const digest = digestOf(kind, actions);
    const found = this.#keys.find(key, digest);
    if (typeof found === "object") return found;
    if (found) return undefined;
    const batch = this.verifiers[kind].verify(actions);
    if (!(batch instanceof Batch)) return batch;
    this.recorder.record(batch);
    this.#keys.add(key, digest);
    return undefined;
  };

  /** @throws a ConnectError that says why nothing of the request was recorded. */
  async #push(kind: Kind, actions: readonly Action[], context: HandlerContext) {
    throwIfAborted(context);
    const batch = this.verifiers[kind].verify(actions);
    if (!(batch instanceof Batch)) throw errorOf(batch);
    const key = context.requestHeader.get("idempotency-key");
    if (key === null) {
      this.recorder.record(batch);
    } else {
      // Another thread gets plain data; the message that was decoded is more than that.
      const plain = actions.map(({ metric, labels, number }) => ({ metric, labels, number }));
      const rejection = await this.#pushOnce({ kind, actions: plain, key });
      if (rejection !== undefined) throw errorOf(rejection);
    }
    return { result: actions.map(() => ({ status: "success" })) };
  }
}
