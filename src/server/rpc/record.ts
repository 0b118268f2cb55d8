/** Writes what was verified into this thread's shard, and what specta says of pushes beside it. */
import { type pushOwnMetrics, type RejectionKind, rejectionKinds } from "../../metrics/own.ts";
import type { PushLayout, PushMetric } from "../../metrics/push-layout.ts";
import type { PushShard } from "../../metrics/push-store.ts";
import type { Batch } from "./verify.ts";

type Own = keyof ReturnType<typeof pushOwnMetrics>;

export class Recorder {
  readonly #shard: PushShard;
  readonly #lastPush: PushMetric;
  readonly #rejected: PushMetric;
  /** The series of `specta_push_last_timestamp_seconds` by pushed metric. */
  readonly #lastSeries = new Map<PushMetric, number>();
  readonly #rejectedSeries: ReadonlyMap<RejectionKind, number>;

  constructor(shard: PushShard) {
    const { layout } = shard;
    this.#shard = shard;
    this.#lastPush = own(layout, "specta_push_last_timestamp_seconds");
    this.#rejected = own(layout, "specta_push_rejected_total");
    for (const name of this.#lastPush.labels[0]!.values) {
      this.#lastSeries.set(layout.metrics.get(name)!, seriesOf(this.#lastPush, name));
    }
    this.#rejectedSeries = new Map(rejectionKinds.map((kind) => [kind, seriesOf(this.#rejected, kind)]));
  }

  /** Records all actions of a request; nothing here can fail. */
  record({ length, metrics, series, numbers }: Batch): void {
    const shard = this.#shard;
    const seconds = Date.now() / 1000;
    let last: PushMetric | undefined;
    shard.begin();
    for (let index = 0; index < length; index += 1) {
      const metric = metrics[index]!;
      shard.write(metric, series[index]!, numbers[index]!);
      if (metric === last) continue;
      last = metric;
      shard.write(this.#lastPush, this.#lastSeries.get(metric)!, seconds);
    }
    shard.end();
  }

  /** Counts a request that was rejected. */
  reject(kind: RejectionKind): void {
    this.#shard.begin();
    this.#shard.write(this.#rejected, this.#rejectedSeries.get(kind)!, 1);
    this.#shard.end();
  }
}

function own(layout: PushLayout, name: Own): PushMetric {
  const metric = layout.metrics.get(name);
  if (metric === undefined) throw new Error(`the layout must have specta's own metric ${name}`);
  return metric;
}

/** The series of a metric with one label at that value. */
function seriesOf(metric: PushMetric, value: string): number {
  const label = metric.labels[0]!;
  return label.places.get(value)! * label.stride;
}
