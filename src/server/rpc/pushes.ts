/** What the three methods do: verify, record. Every way that decodes a request ends here. */
import type { Kind } from "../../metrics/definition.ts";
import type { PushShard } from "../../metrics/push-store.ts";
import { digestOf, IdempotencyKeys } from "./idempotency.ts";
import { Recorder } from "./record.ts";
import type { Rejection } from "./rejection.ts";
import { type Action, Batch, Verifier } from "./verify.ts";

export const methodPaths = {
  counter: "/metrics.API/Counter",
  gauge: "/metrics.API/Gauge",
  histogram: "/metrics.API/Histogram",
} as const satisfies Record<Kind, string>;

/** A push with an Idempotency-Key. */
export interface KeyedPush {
  readonly kind: Kind;
  readonly actions: readonly Action[];
  readonly key: string;
}

/** Records a push unless it was recorded before under its key, or says why it must not be. */
export type PushOnce = (push: KeyedPush) => Rejection | undefined | Promise<Rejection | undefined>;

export class Pushes {
  readonly recorder: Recorder;
  readonly verifiers: Readonly<Record<Kind, Verifier>>;
  readonly #keys = new IdempotencyKeys();
  readonly #once: PushOnce;

  /** `names` are the metrics that clients may push; `once` is who knows all keys, when it is not this thread. */
  constructor(shard: PushShard, names: readonly string[], once?: PushOnce) {
    const verifier = (kind: Kind) => new Verifier(kind, shard.layout, names);
    this.recorder = new Recorder(shard);
    this.verifiers = { counter: verifier("counter"), gauge: verifier("gauge"), histogram: verifier("histogram") };
    this.#once = once ?? this.pushOnce;
  }

  /** Records the actions, all or none; says why not. */
  push(kind: Kind, actions: readonly Action[], key: string | null): ReturnType<PushOnce> {
    const batch = this.verifiers[kind].verify(actions);
    if (!(batch instanceof Batch)) return batch;
    if (key === null) return this.#record(batch);
    // Another thread gets plain data; a message that was decoded is more than that.
    const plain = actions.map(({ metric, labels, number }) => ({ metric, labels, number }));
    return this.#once({ kind, actions: plain, key });
  }

  /** In one turn of the event loop, so that no two pushes with one key are under way together. */
  readonly pushOnce = ({ kind, actions, key }: KeyedPush): Rejection | undefined => {
    const digest = digestOf(kind, actions);
    const found = this.#keys.find(key, digest);
    if (typeof found === "object") return found;
    if (found) return undefined;
    const batch = this.verifiers[kind].verify(actions);
    if (!(batch instanceof Batch)) return batch;
    this.#keys.add(key, digest);
    return this.#record(batch);
  };

  #record(batch: Batch): undefined {
    this.recorder.record(batch);
  }
}
