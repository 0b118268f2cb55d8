/** A simulated organisation: what its workflows did in three busy days, and the counts that are the truth. */
import { dayMs, hourMs, minuteMs, Tally } from "./builds.ts";
import type { FakeAttempt, FakeRun } from "./github.ts";

export const startMs = Date.parse("2025-07-01T00:00:00Z");

interface Workflow {
  readonly name: string;
  readonly path: string;
  readonly counts: "check" | "image" | undefined;
}

interface Team {
  readonly repository: string;
  readonly label: string;
  readonly check: string;
  readonly image: string;
  readonly runsPerHour: number;
  readonly workflows: readonly Workflow[];
}

/** One name in several repositories, found by name or by file, and others beside them that do not count. */
export const teams: readonly Team[] = [
  {
    repository: "shop",
    label: "shop",
    check: "go-build",
    image: "docker-push",
    runsPerHour: 16,
    workflows: [
      { name: "Go Build", path: ".github/workflows/go-build.yaml", counts: "check" },
      { name: "Docker Push", path: ".github/workflows/docker-push.yaml", counts: "image" },
      { name: "Labels", path: ".github/workflows/labels.yaml", counts: undefined },
    ],
  },
  {
    repository: "server",
    label: "api",
    check: "typescript-server",
    image: "docker-push",
    runsPerHour: 8,
    workflows: [
      { name: "typescript-server", path: ".github/workflows/main.yml", counts: "check" },
      { name: "Docker Push", path: ".github/workflows/docker-push.yaml@refs/heads/main", counts: "image" },
      { name: "Go Build", path: ".github/workflows/go-build.yaml", counts: undefined },
    ],
  },
  {
    repository: "lite",
    label: "lite",
    check: "both",
    image: "both",
    runsPerHour: 4,
    workflows: [
      { name: "both", path: ".github/workflows/x.yaml", counts: "check" },
      { name: "Docker Push", path: ".github/workflows/docker-push.yaml", counts: undefined },
    ],
  },
  {
    repository: "Tools",
    label: "tools",
    check: "go-build",
    image: "docker-push",
    runsPerHour: 2,
    workflows: [{ name: "Go Build", path: ".github/workflows/go-build.yaml", counts: "check" }],
  },
];

const conclusions = ["success", "success", "success", "failure", "cancelled", "timed_out", "skipped"];

/** Numbers from 0 to 1 that are the same at each run (mulberry32). */
export function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** What a repository's workflows do in three days, run ids counted from `firstId`. */
export function history(team: Team, next: () => number, firstId: number): FakeRun[] {
  const createdMs: number[] = [];
  const whole = (ms: number) => Math.round(ms / 1000) * 1000;
  for (let hour = 0; hour < 72; hour += 1) {
    for (let count = 0; count < team.runsPerHour; count += 1) createdMs.push(startMs + (hour + next()) * hourMs);
  }
  // A storm: more runs within one window of lookback than GitHub gives of one listing, and far more than a page a poll.
  if (team.repository === "shop") {
    for (let count = 0; count < 1050; count += 1) createdMs.push(startMs + dayMs + (9 + next()) * hourMs);
  }
  return createdMs.sort().map((created, index) => {
    const workflow = team.workflows[Math.floor(next() * team.workflows.length)]!;
    const attempts: FakeAttempt[] = [];
    let startedMs = whole(created + next() * minuteMs);
    // One in six is run again, at once or much later, up to three times.
    const count = next() < 1 / 6 ? 2 + Math.floor(next() * 3) : 1;
    for (let attempt = 0; attempt < count; attempt += 1) {
      // Most take minutes, some an hour: they end in another order than they began.
      const takesMs = next() < 0.05 ? next() * hourMs : 20_000 + next() * 10 * minuteMs;
      const endedMs = whole(startedMs + takesMs);
      attempts.push({ startedMs, endedMs, conclusion: conclusions[Math.floor(next() * conclusions.length)]! });
      startedMs = whole(endedMs + 2000 + (next() < 0.5 ? 0 : next() * 20 * minuteMs));
    }
    return { id: firstId + index, name: workflow.name, path: workflow.path, createdMs: whole(created), attempts };
  });
}

/** The counts of all attempts that ended in time, by series. */
export function truth(runs: ReadonlyMap<string, readonly FakeRun[]>, untilMs: number): Tally {
  const tally = new Tally();
  for (const { repository, label, workflows } of teams) {
    for (const run of runs.get(repository) ?? []) {
      const workflow = workflows.find(({ name }) => name === run.name)?.counts;
      if (workflow === undefined) continue;
      for (const { startedMs, endedMs, conclusion } of run.attempts) {
        if (endedMs > untilMs) continue;
        const labels = { platform: "github", repository: label, success: String(conclusion === "success"), workflow };
        tally.add("build_execution_total", labels, 1);
        tally.add("build_execution_duration_seconds", labels, (endedMs - startedMs) / 1000);
      }
    }
  }
  return tally;
}
