import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { BuildRig, keysOf, reasonsOf, settings } from "../harness/builds.ts";
import { github, liteKey, nowMs, ok, page1, run, shopKey, two } from "../harness/builds-pair.ts";
import { type Fault, refusal } from "../harness/github.ts";

// Each takes a moment; a machine with other work gets more.
setDefaultTimeout(30_000);

const html: Fault = {
  kind: "answer",
  status: 502,
  body: "<html>Bad Gateway</html>",
  headers: { "content-type": "text/html" },
};

describe("a fault at one repository beside a good one", () => {
  const cases: readonly (readonly [string, Fault, string, number])[] = [
    ["401", refusal(401, "Bad credentials"), "GitHub answered 401: Bad credentials", 1],
    [
      "403",
      refusal(403, "Resource not accessible by personal access token"),
      "GitHub answered 403: Resource not accessible by personal access token",
      1,
    ],
    ["404", refusal(404, "Not Found"), "GitHub answered 404: Not Found", 1],
    ["500", refusal(500, "Server Error"), "GitHub answered 500: Server Error", 3],
    ["502 with HTML", html, "GitHub answered 502: a body of type text/html", 3],
    ["reset", { kind: "reset" }, "no answer from GitHub: ECONNRESET: The socket connection was closed unexpectedly", 3],
    [
      "half a body",
      { kind: "half" },
      "no answer from GitHub: ECONNRESET: The socket connection was closed unexpectedly",
      3,
    ],
    [
      "half a body without a length",
      { kind: "half", chunked: true },
      "no answer from GitHub: ECONNRESET: The socket connection was closed unexpectedly",
      3,
    ],
    ["hang", { kind: "hang" }, "no answer from GitHub within 1s", 1],
    [
      "bad JSON",
      ok('{"total_count":1,"workflow_runs":[{"id":'),
      "GitHub's answer must be a list of workflow runs (no JSON)",
      1,
    ],
    ["JSON of another kind", ok('"later"'), "GitHub's answer must be a list of workflow runs (no JSON)", 1],
    ["an empty body", ok(""), "GitHub's answer must be a list of workflow runs (no JSON)", 1],
    [
      "no list",
      ok('{"total_count":0}'),
      'GitHub\'s answer must be a list of workflow runs (workflow_runs: Invalid key: Expected "workflow_runs" but received undefined)',
      1,
    ],
    [
      "a run without its dates",
      ok('{"total_count":1,"workflow_runs":[{"id":1,"status":"completed"}]}'),
      'GitHub\'s answer must be a list of workflow runs (workflow_runs.0.created_at: Invalid key: Expected "created_at" but received undefined)',
      1,
    ],
    [
      "a redirect to another host",
      { kind: "answer", status: 302, body: "", headers: { location: "https://elsewhere.example.com/runs" } },
      "GitHub redirects to another host, which is not followed: https://elsewhere.example.com",
      1,
    ],
    [
      "a redirect without a place",
      { kind: "answer", status: 301, body: "" },
      "GitHub answered 301 without a usable Location",
      1,
    ],
    [
      "redirects without end",
      { kind: "answer", status: 307, body: "", headers: { location: "/repos/acme/shop/again" } },
      "GitHub redirects more than 3 times",
      4,
    ],
  ];

  test.each(cases)("%s fails that target alone, and its runs are counted later", async (_, fault, reason, requests) => {
    await using fake = await github();
    const rig = new BuildRig(fake, two);
    if (fault.kind === "hang") rig.timeoutMs = 4000;
    fake.fault = ({ repository }) => (repository === "shop" ? fault : undefined);
    const report = await rig.poll();
    expect(reasonsOf(report)).toEqual([`acme/shop: ${page1}: ${reason}`]);
    expect(keysOf(report)).toEqual([liteKey]);
    expect(report.restUntilMs).toBeUndefined();
    const asked = fake.requests.filter(({ repository }) => repository === "shop").length;
    // On a connection that it had kept, Bun itself asks once more after a reset.
    expect(asked - requests).toBeOneOf(fault.kind === "reset" ? [0, 1] : [0]);

    // The control: without the fault nothing fails, and nothing was lost by it.
    fake.fault = () => undefined;
    const after = await rig.poll();
    expect(after.failures).toEqual([]);
    expect(keysOf(after)).toEqual([shopKey]);
  });

  test.each([
    ["reset", { kind: "reset" }],
    ["502", html],
    ["half a body", { kind: "half" }],
  ] as const)("%s once is made up for within the execution", async (_, fault) => {
    await using fake = await github();
    let faults = 0;
    fake.fault = ({ repository }) => (repository === "shop" && faults++ === 0 ? fault : undefined);
    const report = await new BuildRig(fake, two).poll();
    expect(report.failures).toEqual([]);
    expect(keysOf(report)).toEqual([liteKey, shopKey]);
    expect(faults).toBe(2);
  });

  test("an endless body is not read to its end", async () => {
    await using fake = await github();
    fake.fault = ({ repository }) => (repository === "shop" ? ok(`"${"a".repeat(16 * 1024 * 1024)}"`) : undefined);
    const report = await new BuildRig(fake, two).poll();
    expect(reasonsOf(report)).toEqual([`acme/shop: ${page1}: GitHub's answer must have at most 16MiB`]);
    expect(keysOf(report)).toEqual([liteKey]);
  });
});

describe("one page of several that fails", () => {
  test("fails the target, what is sure is reported, and the rest comes with the next look", async () => {
    await using fake = await github();
    fake.runs.set(
      "shop",
      Array.from({ length: 250 }, (_, index) => run(index + 10)),
    );
    const rig = new BuildRig(fake, two);
    fake.fault = ({ repository, query }) => (repository === "shop" && query.get("page") === "2" ? html : undefined);
    const first = await rig.poll();
    expect(reasonsOf(first)).toEqual([
      "acme/shop: runs >=2025-07-03T14:00:00Z, page 2: GitHub answered 502: a body of type text/html",
    ]);
    expect(first.ended).toHaveLength(101);
    fake.fault = () => undefined;
    const second = await rig.poll();
    expect(second.failures).toEqual([]);
    expect(new Set([...keysOf(first), ...keysOf(second)]).size).toBe(251);
  });
});

describe("an attempt that cannot be read", () => {
  test.each([
    ["500", refusal(500, "Server Error"), "GitHub answered 500: Server Error"],
    ["404", refusal(404, "Not Found"), "GitHub answered 404: Not Found"],
    [
      "another run",
      ok(
        JSON.stringify({
          id: 4,
          run_attempt: 1,
          status: "completed",
          created_at: "2025-07-04T13:00:00Z",
          updated_at: "2025-07-04T13:00:00Z",
        }),
      ),
      "GitHub's answer must be attempt 1 of run 3, completed",
    ],
    [
      "no run",
      ok("{}"),
      'GitHub\'s answer must be a workflow run (id: Invalid key: Expected "id" but received undefined)',
    ],
  ])("%s fails its target alone and is asked for again", async (_, fault, reason) => {
    await using fake = await github();
    fake.runs.set("shop", [run(3, 2), run(5, 2)]);
    const rig = new BuildRig(fake, two);
    fake.fault = ({ path }) => (path.endsWith("/3/attempts/1") ? fault : undefined);
    const report = await rig.poll();
    expect(reasonsOf(report)).toEqual([`acme/shop: attempt 1 of run 3: ${reason}`]);
    expect(keysOf(report)).toEqual([
      liteKey,
      "acme/shop/runs/3/attempts/2",
      "acme/shop/runs/5/attempts/1",
      "acme/shop/runs/5/attempts/2",
    ]);
    fake.fault = () => undefined;
    const after = await rig.poll();
    expect(keysOf(after)).toEqual(["acme/shop/runs/3/attempts/1"]);
    expect(after.failures).toEqual([]);
  });
});

describe("the quota", () => {
  const resetSeconds = nowMs / 1000 + 600;
  const untilReset = "resting until 2025-07-04 14:19:06 as the quota of GitHub asks";
  const cases: readonly (readonly [string, Fault, number])[] = [
    [
      "a quota of 0",
      refusal(403, "API rate limit exceeded for user ID 1.", {
        "x-ratelimit-remaining": "0",
        "x-ratelimit-reset": String(resetSeconds),
      }),
      600,
    ],
    ["retry-after in seconds", refusal(429, "Too Many Requests", { "retry-after": "90" }), 90],
    ["retry-after as a date", refusal(403, "x", { "retry-after": new Date(nowMs + 120_000).toUTCString() }), 120],
    ["retry-after of an outage", refusal(503, "x", { "retry-after": "30" }), 30],
    ["a secondary limit without a time", refusal(403, "You have exceeded a secondary rate limit. Please wait."), 60],
    ["429 without a time", refusal(429, "Too Many Requests"), 60],
    [
      "a reset that is over by our clock",
      refusal(403, "API rate limit exceeded", { "x-ratelimit-remaining": "0", "x-ratelimit-reset": "1" }),
      60,
    ],
    ["retry-after beyond all reason", refusal(429, "x", { "retry-after": "99999999" }), 86_400],
  ];

  test.each(cases)("%s is a rest for all repositories, and ends", async (_, fault, seconds) => {
    await using fake = await github();
    const rig = new BuildRig(fake, two);
    const restUntilMs = nowMs + seconds * 1000;
    fake.fault = ({ repository }) => (repository === "shop" ? fault : undefined);
    const hit = await rig.poll();
    expect(hit.restUntilMs).toBe(restUntilMs);
    expect(reasonsOf(hit)[0]).toContain("resting until 2025-07-0");

    // Until the last millisecond nothing is asked, and the failure says until when.
    fake.fault = () => undefined;
    fake.requests.length = 0;
    fake.now = () => restUntilMs - 1;
    const until = new Date(restUntilMs).toISOString().slice(0, 19).replace("T", " ");
    const reason = `resting until ${until} as the quota of GitHub asks`;
    const failures = [
      { target: "acme/shop", reason },
      { target: "acme/lite", reason },
    ];
    expect(await rig.poll()).toEqual({ failures, restUntilMs });
    expect(fake.requests).toEqual([]);

    fake.now = () => Math.max(restUntilMs, nowMs);
    const after = await rig.poll();
    expect(after.failures).toEqual([]);
    expect(after.restUntilMs).toBeUndefined();
    expect(fake.requests.length).toBeGreaterThan(0);
  });

  test("that a good answer uses up stops the execution where it is, and what was found is reported", async () => {
    await using fake = await github();
    fake.remaining = 1;
    fake.resetMs = resetSeconds * 1000;
    const rig = new BuildRig(fake, settings([{ name: "shop", check: "ci" }]));
    fake.runs.set(
      "shop",
      Array.from({ length: 150 }, (_, index) => run(index + 10)),
    );
    const report = await rig.poll();
    expect(report.ended).toHaveLength(100);
    expect(report.samples).toEqual([{ metric: "github_rate_limit_remaining", number: 0 }]);
    expect(report.restUntilMs).toBe(resetSeconds * 1000);
    expect(reasonsOf(report)).toEqual([`acme/shop: runs >=2025-07-03T14:00:00Z, page 2: ${untilReset}`]);
    expect(fake.requests).toHaveLength(1);

    fake.now = () => resetSeconds * 1000;
    const after = await rig.poll();
    expect(after.failures).toEqual([]);
    expect(after.ended).toHaveLength(50);
  });

  test("is not at its end while requests are left: nothing rests", async () => {
    await using fake = await github();
    fake.remaining = 3;
    const report = await new BuildRig(fake, two).poll();
    expect(report.restUntilMs).toBeUndefined();
    expect(report.samples).toEqual([{ metric: "github_rate_limit_remaining", number: 1 }]);
  });

  test("is hit by one repository while another is being read: its next page is not asked for", async () => {
    await using fake = await github();
    fake.runs.set(
      "lite",
      Array.from({ length: 150 }, (_, index) => run(index + 10)),
    );
    const refused = Promise.withResolvers<void>();
    fake.fault = ({ repository }) => (repository === "shop" ? refusal(429, "Too Many Requests") : undefined);
    fake.before = ({ repository }) => (repository === "lite" ? refused.promise : undefined);
    // The clock is read when the refusal is: only then the first page of the other is answered.
    const now = () => {
      if (fake.requests.some(({ status }) => status === 429)) refused.resolve();
      return nowMs;
    };
    const report = await new BuildRig(fake, two, { now }).poll();
    expect(fake.requests.filter(({ repository }) => repository === "lite")).toHaveLength(1);
    expect(report.restUntilMs).toBe(nowMs + 60_000);
    expect(report.ended).toHaveLength(100);
    expect(reasonsOf(report)[1]).toBe(
      "acme/lite: runs >=2025-07-03T14:00:00Z, page 2: resting until 2025-07-04 14:10:06 as the quota of GitHub asks",
    );
  });
});

describe("a stop", () => {
  test("ends an execution at once, with what was found", async () => {
    await using fake = await github();
    const stop = new AbortController();
    const rig = new BuildRig(fake, two);
    fake.fault = ({ repository }) => (repository === "shop" ? { kind: "hang" } : undefined);
    fake.before = ({ repository }) => {
      if (repository === "shop") queueMicrotask(() => stop.abort());
    };
    const report = await rig.poll(stop.signal);
    expect(reasonsOf(report)).toContain(`acme/shop: ${page1}: stopped before GitHub answered`);
    // The control: not stopped, it finds all.
    fake.fault = () => undefined;
    fake.before = () => undefined;
    rig.respawn();
    expect(keysOf(await rig.poll())).toEqual([liteKey, shopKey]);
  });

  test("that came before anything was asked asks nothing", async () => {
    await using fake = await github();
    const report = await new BuildRig(fake, two).poll(AbortSignal.abort());
    expect(report.failures).toHaveLength(2);
    expect(fake.requests).toEqual([]);
  });
});
