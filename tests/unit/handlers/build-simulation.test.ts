import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { build } from "../../../src/handlers/build/index.ts";
import type { Report } from "../../../src/handlers/handler.ts";
import type { Ledger } from "../../../src/ledger/ledger.ts";
import { openLedger } from "../../../src/ledger/open.ts";
import { BuildRig, dayMs, hourMs, minuteMs, settings, Tally } from "../../harness/builds.ts";
import { FakeGitHub, type Fault, refusal, type Seen } from "../../harness/github.ts";
import { held } from "../../harness/ledgers.ts";
import { history, random, startMs, teams, truth } from "../../harness/organisation.ts";

/** Long enough that the last poll sees all that ended, whatever failed before. */
const endMs = startMs + 3 * dayMs + 3 * hourMs;
/** Two polls close to each other, of which the second finds little that is new, then a long pause, and so on. */
const pauses = [56 * minuteMs, 4 * minuteMs];
const pollTimes: number[] = [];
for (let ms = startMs; ms <= endMs; ms += pauses[pollTimes.length % 2]!) pollTimes.push(ms);
const lastPollMs = pollTimes.at(-1)!;
/** The runs of most organisations have ids of their own; here each repository counts from 1, to be hard on the keys. */
const firstId = 1;

async function organisation(): Promise<{ fake: FakeGitHub; clock: { ms: number } }> {
  const clock = { ms: startMs };
  const fake = await new FakeGitHub({ now: () => clock.ms, brief: true }).start();
  const next = random(20250701);
  for (const team of teams) fake.runs.set(team.repository, history(team, next, firstId));
  fake.limit = 100_000;
  fake.remaining = 100_000;
  return { fake, clock };
}

async function counts(ledger: Ledger): Promise<Record<string, number>> {
  const tally = new Tally();
  const totals = await ledger.totals(await held(ledger), build.metrics(configured, world));
  for (const { metric, labels, sum } of totals) tally.add(metric, labels, sum);
  return tally.table;
}

async function record(ledger: Ledger, { ended = [] }: Report): Promise<void> {
  const metrics = build.metrics(configured, world);
  await ledger.record(await held(ledger), { ended, metrics, lookbackMs: configured.lookback, maxSeries: 100 });
}

const world = { environment: "testing", variables: {} };
const configured = settings(
  teams.map(({ repository, label, check, image }) => ({ name: repository, label, check, image })),
  { lookback: "8h" },
);

// Seconds on a quiet machine, more on a busy one.
setDefaultTimeout(60_000);

describe("three busy days of an organisation of four repositories", () => {
  test("are counted exactly", async () => {
    const { fake, clock } = await organisation();
    await using _ = fake;
    const rig = new BuildRig(fake, configured);
    const ledger = openLedger(undefined, { bornMs: startMs, now: fake.now });
    let most = 0;
    for (clock.ms of pollTimes) {
      const report = await rig.poll();
      expect(report.failures).toEqual([]);
      most = Math.max(most, report.ended?.length ?? 0);
      await record(ledger, report);
    }
    const right = truth(fake.runs, lastPollMs);
    expect(await counts(ledger)).toEqual(right.table);
    await ledger.close();
    // The history is as hard as it is said to be.
    expect(right.total).toBeGreaterThan(2500);
    expect(most).toBeGreaterThan(100);
    expect(fake.requests.some(({ query }) => query.get("created")?.includes(".."))).toBe(true);
    expect(fake.requests.some(({ kind }) => kind === "attempt")).toBe(true);
    expect(fake.requests.some(({ status }) => status === 304)).toBe(true);
  });

  test("are counted exactly with a fault at one poll in three, lost records and respawns", async () => {
    const { fake, clock } = await organisation();
    await using _ = fake;
    const next = random(7);
    const rig = new BuildRig(fake, configured);
    const ledger = openLedger(undefined, { bornMs: startMs, now: fake.now });
    let failed = 0;
    let restUntilMs = 0;
    let asked = 0;
    for (const [poll, nowMs] of pollTimes.entries()) {
      clock.ms = nowMs;
      // The engine's part of a rest: nothing runs, and nothing may be asked.
      if (clock.ms < restUntilMs) continue;
      // The last hours are calm, so that what was missed can be made up for.
      const isFaulty = poll % 3 === 0 && clock.ms < endMs - 2 * hourMs;
      fake.fault = isFaulty ? someFault(next, clock) : () => undefined;
      rig.timeoutMs = isFaulty ? 1000 : 60_000;
      if (poll % 17 === 5) rig.respawn();
      const report: Report = await rig.ensure();
      if ((report.failures ?? []).length > 0) failed += 1;
      restUntilMs = report.restUntilMs ?? 0;
      // The ledger is away at times: what is not recorded must not be remembered.
      if (poll % 7 === 3) continue;
      await record(ledger, report);
      rig.handler.recorded?.();
      asked = fake.requests.length;
    }
    expect(asked).toBeGreaterThan(500);
    expect(failed).toBeGreaterThan(25);
    expect(await counts(ledger)).toEqual(truth(fake.runs, lastPollMs).table);
    await ledger.close();
  });

  test("are counted wrong by one who asks for the newest 50 and remembers 51 ids", async () => {
    const { fake, clock } = await organisation();
    await using _ = fake;
    let remembered: string[] = [];
    let counted = 0;
    for (clock.ms of pollTimes) {
      for (const { repository, workflows } of teams) {
        const url = `${fake.url}/repos/acme/${repository}/actions/runs?per_page=50`;
        const response = await fetch(url, { headers: { authorization: `token ${fake.token}` } });
        const body = (await response.json()) as { workflow_runs: { id: number; name: string; status: string }[] };
        for (const { id, name, status } of body.workflow_runs) {
          const counts = workflows.find((workflow) => workflow.name === name)?.counts !== undefined;
          if (status !== "completed" || !counts || remembered.includes(`${repository} ${id}`)) continue;
          counted += 1;
          remembered = [...remembered, `${repository} ${id}`].slice(-51);
        }
      }
    }
    expect(counted).not.toBe(truth(fake.runs, lastPollMs).total);
  });
});

/** A fault that hits some of a poll's requests: all kinds in turn, by chance. */
function someFault(next: () => number, clock: { ms: number }): (seen: Seen) => Fault | undefined {
  const kind = Math.floor(next() * 10);
  const share = 0.2 + next() * 0.8;
  const faults: readonly (() => Fault)[] = [
    () => ({ kind: "reset" }),
    () => ({ kind: "half" }),
    () => ({ kind: "half", chunked: true }),
    () => ({ kind: "hang" }),
    () => refusal(500, "Server Error"),
    () => ({ kind: "answer", status: 502, body: "<html>Bad Gateway</html>", headers: { "content-type": "text/html" } }),
    () => ({
      kind: "answer",
      status: 200,
      body: '{"total_count":0}',
      headers: { "content-type": "application/json", etag: 'W/"bad"' },
    }),
    () => ({
      kind: "answer",
      status: 200,
      body: '{"total_count":3,"workflow_runs":[{"id":',
      headers: { "content-type": "application/json", etag: 'W/"bad"' },
    }),
    () => {
      const reset = String(Math.ceil((clock.ms + 40 * minuteMs) / 1000));
      return refusal(403, "API rate limit exceeded", { "x-ratelimit-remaining": "0", "x-ratelimit-reset": reset });
    },
    () => refusal(403, "You have exceeded a secondary rate limit."),
  ];
  return () => (next() < share ? faults[kind]!() : undefined);
}
