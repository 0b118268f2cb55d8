import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { BuildRig, dayMs, hourMs, keysOf, minuteMs, reasonsOf, settings, Tally } from "../../harness/builds.ts";
import { FakeGitHub, type FakeRun } from "../../harness/github.ts";

// Each takes a moment; a machine with other work gets more.
setDefaultTimeout(30_000);

const nowMs = Date.parse("2025-07-04T14:09:06Z");
const shop = { name: "shop", check: "go-build", image: "docker-push" };
let nextId = 17_000_000_000;

/** A run of `go-build` that began `ago` before now and took a minute; one more attempt for each further conclusion. */
function run(ago: number, conclusions: readonly string[] = ["success"], change: Partial<FakeRun> = {}): FakeRun {
  const createdMs = change.createdMs ?? nowMs - ago;
  nextId += 1;
  return {
    id: nextId,
    name: "Go Build",
    path: ".github/workflows/go-build.yaml",
    createdMs,
    attempts: conclusions.map((conclusion, index) => {
      const startedMs = createdMs + index * 5 * minuteMs;
      return { startedMs, endedMs: startedMs + minuteMs, conclusion };
    }),
    ...change,
  };
}

async function github(runs: readonly FakeRun[] = []): Promise<FakeGitHub> {
  const fake = await new FakeGitHub({ now: () => nowMs }).start();
  fake.runs.set("shop", [...runs]);
  return fake;
}

function key(of: FakeRun, attempt = 1, repository = "shop"): string {
  return `acme/${repository}/runs/${of.id}/attempts/${attempt}`;
}

function asked(fake: FakeGitHub): string[] {
  return fake.requests
    .splice(0)
    .map(({ path, query, status }) => `${path.split("/actions/")[1]} ${query.get("page") ?? ""} ${status}`);
}

describe("a look at a repository", () => {
  test("reports what ended, with its samples and the quota", async () => {
    const ended = run(hourMs, ["failure"]);
    const running = run(30_000);
    const other = run(hourMs, ["success"], { name: "Labels", path: ".github/workflows/labels.yaml" });
    await using fake = await github([ended, running, other]);
    const rig = new BuildRig(fake, settings([{ ...shop, label: "the shop" }]));
    const labels = { platform: "github", repository: "the shop", success: "false", workflow: "check" };
    expect(await rig.poll()).toEqual({
      samples: [{ metric: "github_rate_limit_remaining", number: 4999 }],
      ended: [
        {
          key: key(ended),
          createdMs: ended.createdMs,
          endedMs: ended.createdMs + minuteMs,
          samples: [
            { metric: "build_execution_total", labels, number: 1 },
            { metric: "build_execution_duration_seconds", labels, number: 60 },
          ],
          line: {
            message: "instrumented build container",
            keys: { latency: "1m0s", repository: "the shop", run: String(ended.id), success: "false" },
          },
        },
      ],
      failures: [],
    });
  });

  test("asks as GitHub wants to be asked", async () => {
    await using fake = await github([run(hourMs)]);
    await new BuildRig(fake, settings([shop])).poll();
    const [first] = fake.requests;
    expect(first?.path).toBe("/repos/acme/shop/actions/runs");
    expect(Object.fromEntries(first?.query ?? [])).toEqual({
      created: ">=2025-07-03T14:00:00Z",
      exclude_pull_requests: "true",
      page: "1",
      per_page: "100",
    });
    expect(first?.headers["user-agent"]).toStartWith("specta/");
    expect(first?.headers["x-github-api-version"]).toBe("2022-11-28");
    expect(first?.headers.accept).toBe("application/vnd.github+json");
  });

  test("keeps the path of an enterprise server's address", async () => {
    await using fake = await github([]);
    const rig = new BuildRig(fake, settings([shop]));
    const { create } = await (await import("../../../src/handlers/build/index.ts")).build.load();
    const variables = { SPECTA_GITHUB_TOKEN: fake.token, SPECTA_GITHUB_URL: `${fake.url}/api/v3/` };
    rig.handler = create(rig.settings, { environment: "testing", variables });
    expect((await rig.poll()).failures).toHaveLength(1);
    expect(fake.requests[0]?.path).toBe("/api/v3/repos/acme/shop/actions/runs");
  });

  test("reads all pages of the last lookback and nothing before it", async () => {
    const runs = Array.from({ length: 250 }, (_, index) => run((index + 2) * minuteMs));
    const old = run(dayMs + hourMs);
    await using fake = await github([...runs, old]);
    const report = await new BuildRig(fake, settings([shop])).poll();
    expect(keysOf(report)).toEqual(runs.map((each) => key(each)).sort());
    expect(asked(fake)).toEqual(["runs 1 200", "runs 2 200", "runs 3 200"]);
  });

  test("counts dates that are ahead of our clock", async () => {
    const ahead = run(0, ["success"], { createdMs: nowMs + 2 * hourMs, visibleMs: nowMs - hourMs });
    await using fake = await github([
      { ...ahead, attempts: [{ startedMs: nowMs, endedMs: nowMs, conclusion: "success" }] },
    ]);
    expect(keysOf(await new BuildRig(fake, settings([shop])).poll())).toEqual([key(ahead)]);
  });

  test("tells repositories apart that have the same ids and workflows", async () => {
    const same = run(hourMs);
    await using fake = await github([same]);
    fake.runs.set("lite", [same]);
    const report = await new BuildRig(fake, settings([shop, { ...shop, name: "lite" }])).poll();
    expect(keysOf(report)).toEqual([key(same, 1, "lite"), key(same)].sort());
  });

  test("loses no run that new ones push to the next page, and counts none twice", async () => {
    const runs = Array.from({ length: 150 }, (_, index) => run((index + 2) * minuteMs));
    await using fake = await github(runs);
    const rig = new BuildRig(fake, settings([shop]));
    const tally = new Tally();
    const late = Array.from({ length: 30 }, () => run(minuteMs));
    fake.before = ({ query }) => {
      if (query.get("page") === "2") for (const each of late.splice(0)) fake.add("shop", each);
    };
    const first = await rig.poll();
    expect(new Set(keysOf(first)).size).toBe(keysOf(first).length);
    for (const each of runs) expect(keysOf(first)).toContain(key(each));
    tally.record(first);
    tally.record(await rig.poll());
    expect(tally.total).toBe(180);
  });

  test("finds at the next look what a deletion hid between two pages", async () => {
    const runs = Array.from({ length: 150 }, (_, index) => run((index + 2) * minuteMs));
    await using fake = await github(runs);
    const rig = new BuildRig(fake, settings([shop]));
    // The hundred-and-first moves to the first page after that was read.
    fake.before = ({ query }) => {
      if (query.get("page") === "2") fake.runs.set("shop", runs.slice(1));
    };
    const first = await rig.poll();
    expect(keysOf(first)).not.toContain(key(runs[100]!));
    expect(keysOf(await rig.poll())).toEqual([key(runs[100]!)]);
  });

  test("splits a listing that is longer than what GitHub gives of one", async () => {
    const runs = Array.from({ length: 2300 }, (_, index) => run(hourMs + index * 1000));
    await using fake = await github(runs);
    const rig = new BuildRig(fake, settings([shop]));
    expect(keysOf(await rig.poll())).toEqual(runs.map((each) => key(each)).sort());
    // The windows stay where they are, so that nothing is read twice.
    const before = fake.remaining;
    expect((await rig.poll()).ended).toEqual([]);
    expect(fake.remaining).toBe(before);
  });

  test("says so when more runs began in one second than GitHub gives", async () => {
    const runs = Array.from({ length: 1001 }, () => run(hourMs));
    await using fake = await github(runs);
    const report = await new BuildRig(fake, settings([shop])).poll();
    const second = "2025-07-04T13:09:06Z";
    expect(reasonsOf(report)).toEqual([`acme/shop: more than 1000 runs created ${second}..${second}`]);
    expect(keysOf(report).length).toBeGreaterThan(0);
  });

  test("reports no more than one report may hold, and the rest at the next look", async () => {
    await using fake = await github([]);
    const names = Array.from({ length: 11 }, (_, index) => `r${index}`);
    // Answers with what is read of them alone: full ones would be 100 MB.
    const date = "2025-07-04T13:00:00Z";
    const facts = { path: "go-build.yaml", status: "completed", created_at: date, updated_at: date };
    fake.fault = ({ query }) => {
      const from = (Number(query.get("page")) - 1) * 100;
      const runs = Array.from({ length: Math.min(100, 950 - from) }, (_, index) => ({ id: from + index, ...facts }));
      const body = JSON.stringify({ total_count: 950, workflow_runs: runs });
      return { kind: "answer", status: 200, body, headers: { "content-type": "application/json" } };
    };
    const rig = new BuildRig(fake, settings(names.map((name) => ({ ...shop, name }))));
    expect((await rig.poll()).ended).toHaveLength(10_000);
    expect((await rig.poll()).ended).toHaveLength(450);
    expect((await rig.poll()).ended).toEqual([]);
  });

  test("looks at four repositories at once, and not at more", async () => {
    await using fake = await github([]);
    const names = Array.from({ length: 10 }, (_, index) => `r${index}`);
    for (const name of names) fake.runs.set(name, [run(hourMs)]);
    let inside = 0;
    let most = 0;
    const released = Promise.withResolvers<void>();
    fake.before = async ({ kind }) => {
      if (kind === "other") return;
      inside += 1;
      most = Math.max(most, inside);
      // A request of our own behind the four: had there been a fifth, it would have come before this one.
      if (inside === 4) void fetch(fake.url).then(() => released.resolve());
      await released.promise;
      inside -= 1;
    };
    const report = await new BuildRig(fake, settings(names.map((name) => ({ ...shop, name })))).poll();
    expect(report.ended).toHaveLength(10);
    expect(most).toBe(4);
  });

  test("ends when its time is used up, and the next goes on", async () => {
    await using fake = await github([run(hourMs)]);
    const rig = new BuildRig(fake, settings([shop]));
    rig.timeoutMs = 0;
    expect(reasonsOf(await rig.poll())).toEqual([
      "acme/shop: runs >=2025-07-03T14:00:00Z, page 1: the time of this execution is used up; the next goes on",
    ]);
    expect(fake.requests).toEqual([]);
    rig.timeoutMs = 60_000;
    expect((await rig.poll()).ended).toHaveLength(1);
  });
});

describe("what was seen", () => {
  test("is asked for by its ETag once it was recorded, which costs no quota", async () => {
    await using fake = await github(Array.from({ length: 120 }, (_, index) => run((index + 2) * minuteMs)));
    const rig = new BuildRig(fake, settings([shop]));
    expect((await rig.poll()).ended).toHaveLength(120);
    expect(fake.remaining).toBe(4998);
    const report = await rig.poll();
    expect(report).toEqual({
      samples: [{ metric: "github_rate_limit_remaining", number: 4998 }],
      ended: [],
      failures: [],
    });
    expect(asked(fake)).toEqual(["runs 1 200", "runs 2 200", "runs 1 304", "runs 2 304"]);
  });

  test("is reported again as long as it was not recorded", async () => {
    await using fake = await github([run(hourMs, ["failure", "success"])]);
    const rig = new BuildRig(fake, settings([shop]));
    const first = await rig.ensure();
    expect(first.ended).toHaveLength(2);
    expect(keysOf(await rig.ensure())).toEqual(keysOf(first));
    expect(fake.requests.every(({ headers, status }) => headers["if-none-match"] === undefined && status === 200)).toBe(
      true,
    );
    rig.handler.recorded?.();
    expect((await rig.ensure()).ended).toEqual([]);
  });

  test("is asked for again by a new thread, and reported under the same keys", async () => {
    await using fake = await github([run(hourMs, ["failure", "success"])]);
    const rig = new BuildRig(fake, settings([shop]));
    const first = await rig.poll();
    rig.respawn();
    expect(keysOf(await rig.poll())).toEqual(keysOf(first));
  });

  test("keeps its ETag while the clock moves within an hour", async () => {
    await using fake = await github([run(hourMs)]);
    const rig = new BuildRig(fake, settings([shop]));
    await rig.poll();
    fake.now = () => nowMs + 50 * minuteMs;
    await rig.poll();
    fake.now = () => nowMs + 51 * minuteMs;
    await rig.poll();
    expect(asked(fake)).toEqual(["runs 1 200", "runs 1 304", "runs 1 200"]);
  });

  test("is still known after a listing that failed", async () => {
    const again = run(hourMs, ["failure", "success"]);
    await using fake = await github([again]);
    const rig = new BuildRig(fake, settings([shop]));
    expect((await rig.poll()).ended).toHaveLength(2);
    fake.fault = () => ({ kind: "answer", status: 404, body: "" });
    expect((await rig.poll()).failures).toHaveLength(1);
    fake.fault = () => undefined;
    asked(fake);
    expect((await rig.poll()).ended).toEqual([]);
    expect(asked(fake)).toEqual(["runs 1 304"]);
  });

  test("does not hide what is new on a page", async () => {
    const ended = run(hourMs);
    const running = run(30_000);
    await using fake = await github([ended, running]);
    const rig = new BuildRig(fake, settings([shop]));
    expect(keysOf(await rig.poll())).toEqual([key(ended)]);
    fake.now = () => nowMs + 5 * minuteMs;
    expect(keysOf(await rig.poll())).toEqual([key(running)]);
  });
});

describe("attempts", () => {
  test("that ended before the newest count too, once each", async () => {
    const again = run(hourMs, ["failure", "cancelled", "success"]);
    await using fake = await github([again]);
    const rig = new BuildRig(fake, settings([shop]));
    const report = await rig.poll();
    expect(keysOf(report)).toEqual([key(again, 1), key(again, 2), key(again, 3)]);
    expect((report.ended ?? []).map(({ endedMs }) => endedMs).sort()).toEqual(
      again.attempts.map(({ endedMs }) => endedMs),
    );
    asked(fake);
    await rig.poll();
    expect(asked(fake)).toEqual(["runs 1 304"]);
  });

  test("that ended count while the newest is still running", async () => {
    const again = run(5 * minuteMs + 30_000, ["failure", "success"]);
    await using fake = await github([again]);
    const rig = new BuildRig(fake, settings([shop]));
    expect(keysOf(await rig.poll())).toEqual([key(again, 1)]);
    fake.now = () => nowMs + minuteMs;
    asked(fake);
    expect(keysOf(await rig.poll())).toEqual([key(again, 2)]);
    expect(asked(fake)).toEqual(["runs 1 200"]);
  });

  test("of workflows that do not count are not asked for", async () => {
    await using fake = await github([run(hourMs, ["failure", "success"], { name: "x", path: "x.yaml" })]);
    expect((await new BuildRig(fake, settings([shop])).poll()).ended).toEqual([]);
    expect(asked(fake)).toEqual(["runs 1 200"]);
  });

  test("are asked for fifty at a look, the oldest first, until none is owed", async () => {
    const runs = Array.from({ length: 60 }, (_, index) => run((index + 20) * minuteMs, ["failure", "success"]));
    await using fake = await github(runs);
    const rig = new BuildRig(fake, settings([shop]));
    const first = keysOf(await rig.poll());
    expect(first).toHaveLength(110);
    expect(first).toContain(key(runs.at(-1)!, 1));
    expect(first).not.toContain(key(runs[0]!, 1));
    expect((await rig.poll()).ended).toHaveLength(10);
    expect((await rig.poll()).ended).toEqual([]);
  });
});

describe("a moved repository", () => {
  test("is followed on the same host, pages and all", async () => {
    const runs = Array.from({ length: 150 }, (_, index) => run((index + 2) * minuteMs, ["failure", "success"])).slice(
      0,
      101,
    );
    await using fake = await github([]);
    fake.runs.set("store", runs);
    fake.moved.set("shop", "store");
    const rig = new BuildRig(fake, settings([shop]));
    const report = await rig.poll();
    expect(report.failures).toEqual([]);
    for (const each of runs) if (each.createdMs < nowMs - 10 * minuteMs) expect(keysOf(report)).toContain(key(each, 2));
    expect(fake.requests.filter(({ status }) => status === 301).length).toBeGreaterThan(2);
  });

  test("is asked the same question where its new address has none", async () => {
    await using fake = await github([run(hourMs), run(2 * dayMs)]);
    fake.fault = ({ path }) =>
      path.startsWith("/repos/")
        ? { kind: "answer", status: 307, body: "", headers: { location: "/repositories/1000/actions/runs" } }
        : undefined;
    expect((await new BuildRig(fake, settings([shop])).poll()).ended).toHaveLength(1);
    expect(fake.requests[1]?.query.get("created")).toBe(">=2025-07-03T14:00:00Z");
  });
});
