import { describe, expect, test } from "bun:test";
import type { Metrics } from "../../src/metrics/definition.ts";
import { layoutOf } from "../../src/metrics/push-layout.ts";
import { allocate, PushShard, pushFamilies } from "../../src/metrics/push-store.ts";

const metrics: Metrics = {
  clicks_total: { kind: "counter", help: "clicks", labels: { page: ["root", "about"], lang: ["en"] } },
  plain_total: { kind: "counter", help: "no labels" },
  queue_depth: { kind: "gauge", help: "depth", labels: { queue: ["a"] } },
  wait_seconds: { kind: "histogram", help: "waits", labels: { page: ["root"] }, buckets: [0.1, 1] },
};

function store(shards = 1) {
  const layout = layoutOf(metrics);
  const memory = allocate(layout, shards);
  const writers = Array.from({ length: shards }, (_, shard) => new PushShard(layout, memory, shard));
  const families = pushFamilies(layout, memory, "testing");
  const text = () => families.flatMap((family) => [...family.render()]).join("");
  const write = (name: string, series: number, number: number, shard = 0) => {
    writers[shard]!.begin();
    writers[shard]!.write(layout.metrics.get(name)!, series, number);
    writers[shard]!.end();
  };
  return { layout, memory, text, write };
}

describe("a fresh store", () => {
  test("shows counters and histograms whose labels are all given at 0, and nothing else", () => {
    expect(store().text()).toBe(
      [
        "# HELP clicks_total clicks",
        "# TYPE clicks_total counter",
        'clicks_total{env="testing",lang="en",page="root"} 0',
        'clicks_total{env="testing",lang="en",page="about"} 0',
        "# HELP plain_total no labels",
        "# TYPE plain_total counter",
        'plain_total{env="testing"} 0',
        "# HELP wait_seconds waits",
        "# TYPE wait_seconds histogram",
        'wait_seconds_bucket{env="testing",page="root",le="0.1"} 0',
        'wait_seconds_bucket{env="testing",page="root",le="1"} 0',
        'wait_seconds_bucket{env="testing",page="root",le="+Inf"} 0',
        'wait_seconds_sum{env="testing",page="root"} 0',
        'wait_seconds_count{env="testing",page="root"} 0',
        "",
      ].join("\n"),
    );
  });

  test("numbers the series of every subset of the labels", () => {
    expect(store().layout.metrics.get("clicks_total")!.series).toBe(6);
  });
});

describe("writing", () => {
  test("a counter adds, and a series with labels left out appears when it is first used", () => {
    const { text, write } = store();
    expect(text()).not.toContain('clicks_total{env="testing"}');
    write("clicks_total", 0, 2);
    write("clicks_total", 0, 0.5);
    expect(text()).toContain('clicks_total{env="testing"} 2.5\n');
  });

  test("adding 0 is a use", () => {
    const { text, write } = store();
    write("clicks_total", 0, 0);
    expect(text()).toContain('clicks_total{env="testing"} 0\n');
  });

  test("a gauge is set, whichever thread wrote last", () => {
    const { text, write } = store(3);
    expect(text()).not.toContain("queue_depth");
    write("queue_depth", 1, 5, 0);
    write("queue_depth", 1, 7, 2);
    write("queue_depth", 1, -3, 1);
    expect(text()).toContain('queue_depth{env="testing",queue="a"} -3\n');
  });

  test("an upper bound belongs to its bucket, and what lies above the last to +Inf", () => {
    const { text, write } = store();
    for (const number of [0.1, 0.1000001, 1, 1.5]) write("wait_seconds", 1, number);
    expect(text()).toContain('wait_seconds_bucket{env="testing",page="root",le="0.1"} 1\n');
    expect(text()).toContain('wait_seconds_bucket{env="testing",page="root",le="1"} 3\n');
    expect(text()).toContain('wait_seconds_bucket{env="testing",page="root",le="+Inf"} 4\n');
    expect(text()).toContain('wait_seconds_count{env="testing",page="root"} 4\n');
  });

  test("a total beyond the largest double stays there, in a shard and over all of them", () => {
    for (const shard of [0, 1]) {
      const { text, write } = store(2);
      for (const at of [0, shard]) {
        write("plain_total", 0, 1.7e308, at);
        write("wait_seconds", 0, 1.7e308, at);
      }
      expect(text()).toContain('plain_total{env="testing"} 1.7976931348623157e+308\n');
      expect(text()).toContain('wait_seconds_sum{env="testing"} 1.7976931348623157e+308\n');
      expect(text()).toContain('wait_seconds_count{env="testing"} 2\n');
    }
  });

  test("shards are added up", () => {
    const { text, write } = store(2);
    write("plain_total", 0, 1, 0);
    write("plain_total", 0, 2, 1);
    write("wait_seconds", 0, 0.05, 1);
    expect(text()).toContain('plain_total{env="testing"} 3\n');
    expect(text()).toContain('wait_seconds_sum{env="testing"} 0.05\n');
  });
});

test("a shard whose thread died in the middle of a batch is readable, and its successor goes on from its cells", () => {
  const { layout, memory, text } = store(2);
  const dead = new PushShard(layout, memory, 1);
  dead.begin();
  dead.write(layout.metrics.get("plain_total")!, 0, 4);
  expect(text()).toContain('plain_total{env="testing"} 4\n');
  const next = new PushShard(layout, memory, 1);
  next.begin();
  next.write(layout.metrics.get("plain_total")!, 0, 1);
  next.end();
  expect(text()).toContain('plain_total{env="testing"} 5\n');
});

test("a thread that is put aside in the middle of a batch is waited for", async () => {
  const { layout, memory, text } = store(2);
  const { first, width } = layout.metrics.get("wait_seconds")!;
  // A batch of two observations in the other shard: the second comes when a scrape is waiting already.
  const shard = layout.shardCells + first;
  const source = `onmessage = ({ data: { cells, versions, shard, width } }) => {
    const view = new Float64Array(cells);
    const version = new Int32Array(versions);
    const observe = () => {
      view[shard] = (view[shard] || 0) + 1;
      view[shard + width - 1] = (view[shard + width - 1] || 0) + 0.05;
    };
    Atomics.add(version, 1, 1);
    observe();
    postMessage("in the middle");
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
    observe();
    Atomics.add(version, 1, 1);
  }`;
  const worker = new Worker(URL.createObjectURL(new Blob([source], { type: "text/javascript" })));
  const inTheMiddle = new Promise((resolve) => {
    worker.onmessage = resolve;
  });
  worker.postMessage({ cells: memory.cells, versions: memory.versions, shard, width });
  await inTheMiddle;
  const exposed = text();
  worker.terminate();
  expect(exposed).toContain('wait_seconds_count{env="testing"} 2\n');
  expect(exposed).toContain('wait_seconds_sum{env="testing"} 0.1\n');
});
