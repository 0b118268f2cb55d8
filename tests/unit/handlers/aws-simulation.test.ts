import { describe, expect, test } from "bun:test";
import type { Ended, Report } from "../../../src/handlers/handler.ts";
import { FakeAws, type Fault } from "../../harness/aws.ts";
import { AwsError, type FakeExecution, jsonType } from "../../harness/aws-answers.ts";
import { AwsThread } from "../../harness/aws-thread.ts";
import { random } from "../../harness/organisation.ts";

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const startMs = Date.parse("2025-07-01T00:00:00Z");
const endMs = startMs + 72 * hourMs;
const pollMs = hourMs;
const pipelineNames = Array.from({ length: 14 }, (_, index) => `pipeline-${index}`);
const statuses = ["Succeeded", "Succeeded", "Succeeded", "Failed", "Superseded", "Stopped"];

/** Pipelines that run up to every few minutes, some executions out of order and some longer than the lookback. */
function history(next: () => number): Map<string, FakeExecution[]> {
  return new Map(
    pipelineNames.map((name, index) => {
      const executions: FakeExecution[] = [];
      for (let ms = startMs + next() * hourMs; ms < endMs; ms += (0.1 + next()) * (index + 1) * 20 * minuteMs) {
        const took = next() < 0.03 ? (5 + next() * 2) * hourMs : next() * 20 * minuteMs;
        const status = statuses[Math.floor(next() * statuses.length)]!;
        // The ids of one pipeline are those of another too.
        executions.push({ id: `e${executions.length}`, startMs: Math.round(ms), endMs: Math.round(ms + took), status });
      }
      return [name, executions] as const;
    }),
  );
}

/** What a ledger does with reports: once each, by key. */
class Tally {
  readonly counted = new Map<string, Ended>();

  record({ ended = [] }: Report): void {
    for (const one of ended) if (!this.counted.has(one.key)) this.counted.set(one.key, one);
  }

  get table(): Record<string, number> {
    const table: Record<string, number> = {};
    for (const { key, samples } of this.counted.values()) {
      const pipeline = key.replace(/^.*:|\/.*$/g, "");
      for (const { metric, labels, number } of samples) {
        const cell = `${pipeline} ${metric} ${labels?.success}`;
        table[cell] = Math.round(((table[cell] ?? 0) + number) * 1000) / 1000;
      }
    }
    return table;
  }
}

function truth(executions: ReadonlyMap<string, readonly FakeExecution[]>, untilMs: number): Record<string, number> {
  const table: Record<string, number> = {};
  const add = (cell: string, number: number) => {
    table[cell] = Math.round(((table[cell] ?? 0) + number) * 1000) / 1000;
  };
  for (const [pipeline, all] of executions) {
    for (const { startMs, endMs, status } of all) {
      if (endMs > untilMs) continue;
      const success = String(status === "Succeeded");
      add(`${pipeline} deployment_execution_total ${success}`, 1);
      add(`${pipeline} deployment_execution_duration_seconds ${success}`, (endMs - startMs) / 1000);
    }
  }
  return table;
}

async function world() {
  const clock = { ms: startMs };
  const aws = await new FakeAws().start();
  aws.now = () => clock.ms;
  aws.pageSize = 20;
  const executions = history(random(20250701));
  aws.pipelines = pipelineNames.map((name) => ({
    name,
    environment: "production",
    executions: executions.get(name) ?? [],
  }));
  const thread = () =>
    new AwsThread("deployment", aws.variables, { now: () => clock.ms, settings: { lookback: "8h" } });
  return { clock, aws, executions, thread };
}

const answer = (status: number, body: string, type: string): Fault => ({
  kind: "answer",
  status,
  body,
  headers: { "content-type": type },
});

const someFaults: readonly Fault[] = [
  { kind: "reset" },
  { kind: "half" },
  new AwsError("AccessDeniedException", "no"),
  new AwsError("InternalServerError", "oh", 500),
  answer(502, "<html>Bad Gateway</html>", "text/html"),
  answer(200, '{"pipelineExecutionSummaries":[{"pipe', jsonType),
  answer(200, "{}", jsonType),
];

describe("three busy days of fourteen pipelines", () => {
  test("are counted exactly", async () => {
    const { clock, aws, executions, thread: start } = await world();
    await using _ = aws;
    using thread = start();
    const tally = new Tally();
    for (; clock.ms <= endMs; clock.ms += pollMs) {
      const report = await thread.ensure();
      expect(report.failures).toEqual([]);
      const known = (report.ended ?? []).filter(({ key }) => tally.counted.has(key));
      expect(known).toEqual([]);
      tally.record(report);
      thread.recorded();
    }
    expect(tally.table).toEqual(truth(executions, clock.ms - pollMs));
    expect(tally.counted.size).toBeGreaterThan(900);
  });

  test("are counted exactly with a fault at one poll in three, lost records and respawns", async () => {
    const { clock, aws, executions, thread: start } = await world();
    await using _ = aws;
    let thread = start();
    const next = random(11);
    const tally = new Tally();
    let failed = 0;
    for (let poll = 0; clock.ms <= endMs; clock.ms += pollMs, poll += 1) {
      const fault = someFaults[poll % someFaults.length]!;
      const share = 0.1 + next() * 0.9;
      // The last hours are calm, so that what was missed can be made up for.
      const isFaulty = poll % 3 === 0 && clock.ms < endMs - 3 * hourMs;
      aws.fault = () => (isFaulty && next() < share ? fault : undefined);
      if (poll % 17 === 5) {
        thread[Symbol.dispose]();
        thread = start();
      }
      const report = await thread.ensure();
      if ((report.failures ?? []).length > 0) failed += 1;
      // The ledger is away at times: what is not recorded must come again.
      if (poll % 7 === 3) continue;
      tally.record(report);
      thread.recorded();
    }
    thread[Symbol.dispose]();
    expect(failed).toBeGreaterThan(15);
    expect(tally.table).toEqual(truth(executions, clock.ms - pollMs));
  }, 60_000);

  test("are counted wrong by one who remembers eleven ids of all pipelines together", async () => {
    const { clock, aws, executions } = await world();
    await using _ = aws;
    let remembered: string[] = [];
    let counted = 0;
    for (; clock.ms <= endMs; clock.ms += pollMs) {
      for (const { id, startMs: begunMs, endMs: endedMs } of [...executions.values()].flat()) {
        const isListed = begunMs <= clock.ms && endedMs >= clock.ms - 8 * hourMs;
        if (!isListed || endedMs > clock.ms || remembered.includes(id)) continue;
        counted += 1;
        remembered = [...remembered, id].slice(-11);
      }
    }
    const right = [...executions.values()].flat().filter(({ endMs: endedMs }) => endedMs <= clock.ms - pollMs).length;
    expect(counted).toBeGreaterThan(2 * right);
  });
});
