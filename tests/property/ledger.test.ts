import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SQL } from "bun";
import fc from "fast-check";
import type { Database } from "../../src/ledger/database.ts";
import { type Command, type Sabotage, World } from "../harness/ledger-world.ts";
import { dayMs, startMs, wrappedLedger } from "../harness/ledgers.ts";
import { type Postgres, startPostgres } from "../harness/postgres.ts";

const replica = fc.constantFrom(0 as const, 1 as const);
const run = fc.nat(30);
const hourMs = 3_600_000;

const command: fc.Arbitrary<Command> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ type: fc.constant("start"), aheadMs: fc.constantFrom(0, 0, 0, hourMs) }) },
  {
    weight: 5,
    arbitrary: fc.record({ type: fc.constant("end"), run, aheadMs: fc.constantFrom(0, 0, -5 * dayMs, 400 * dayMs) }),
  },
  { weight: 1, arbitrary: fc.record({ type: fc.constant("rerun"), run }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant("touch"), run }) },
  {
    weight: 3,
    arbitrary: fc.record({
      type: fc.constant("advance"),
      byMs: fc.constantFrom(1000, hourMs, 8 * hourMs, dayMs, 2 * dayMs),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      type: fc.constant("clock"),
      offsetMs: fc.constantFrom(0, 0, hourMs, -hourMs, 365 * dayMs, -5 * dayMs),
    }),
  },
  { weight: 1, arbitrary: fc.record({ type: fc.constant("lookback"), days: fc.constantFrom(1, 2, 7, 14) }) },
  { weight: 5, arbitrary: fc.record({ type: fc.constant("poll"), replica }) },
  {
    weight: 3,
    arbitrary: fc.record({
      type: fc.constant("poll"),
      replica,
      death: fc.record({ at: fc.nat(9), how: fc.constantFrom("session", "statement", "commit") }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ type: fc.constant("race"), replica, at: fc.nat(7) }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant("restart"), replica }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant("takeover"), replica }) },
);
const history = fc.array(command, { minLength: 10, maxLength: 70, size: "max" });

/** One build is pruned, and listed again when the lookback has grown. */
const growingLookback: readonly Command[] = [
  { type: "start", aheadMs: 0 },
  { type: "end", run: 0, aheadMs: 0 },
  { type: "poll", replica: 0 },
  { type: "advance", byMs: 4 * dayMs },
  { type: "start", aheadMs: 0 },
  { type: "end", run: 0, aheadMs: 0 },
  { type: "poll", replica: 0 },
  { type: "lookback", days: 7 },
  { type: "poll", replica: 0 },
];

/** The other replica takes over and polls while this one is between two of its statements. */
const overlappingPolls: readonly (readonly Command[])[] = Array.from({ length: 8 }, (_, at) => [
  { type: "start", aheadMs: 0 },
  { type: "end", run: 0, aheadMs: 0 },
  { type: "race", replica: 0, at },
]);

interface Ground {
  readonly url: string;
  readonly run: ((statement: string) => Promise<unknown>) | undefined;
  /** Makes it as empty as a new one. */
  clear(): Promise<void>;
}

let postgres: Postgres;
beforeAll(async () => {
  postgres = await startPostgres();
});
afterAll(() => postgres.remove());

const grounds: readonly (readonly [string, number, () => Promise<Ground>])[] = [
  ["memory", 150, async () => ({ url: "memory", run: undefined, clear: async () => {} })],
  [
    "sqlite",
    60,
    async () => {
      const file = join(tmpdir(), `specta-world-${crypto.randomUUID()}.db`);
      const clear = async () => {
        for (const end of ["", "-wal", "-shm"]) rmSync(file + end, { force: true });
      };
      return { url: `sqlite://${file}`, run: undefined, clear };
    },
  ],
  [
    "postgres",
    25,
    async () => {
      const url = await postgres.create();
      const sql = new SQL({ url, max: 1 });
      const run = async (statement: string) => await sql.unsafe(statement);
      const clear = async () => {
        await run("DROP SCHEMA public CASCADE; CREATE SCHEMA public");
      };
      return { url, run, clear };
    },
  ],
];

async function live(ground: Ground, commands: readonly Command[], sabotage?: Sabotage): Promise<World> {
  await ground.clear();
  if (sabotage) {
    const whole = wrappedLedger(ground.url, (database) => database, { bornMs: startMs });
    await whole.loadState("what makes its tables");
    await whole.close();
  }
  const world = new World({ url: ground.url, run: ground.run, sabotage });
  try {
    for (const each of commands) await world.do(each);
    await world.finish();
    return world;
  } finally {
    await world.close();
  }
}

/** Lives histories until one goes wrong, and says how; undefined when none does. */
async function firstWrong(
  ground: Ground,
  sabotage: Sabotage,
  histories: Iterable<readonly Command[]> = fc.sample(history, { seed: 7, numRuns: 100 }),
): Promise<string | undefined> {
  for (const commands of histories) {
    try {
      await live(ground, commands, sabotage);
    } catch (error) {
      return String(error);
    }
  }
  return undefined;
}

describe.each(grounds)("on %s", (kind, numRuns, makeGround) => {
  let ground: Ground;
  beforeAll(async () => {
    ground = await makeGround();
  });
  afterAll(() => ground.clear());

  test("totals equal the truth over random histories of builds, polls, crashes, take-overs and clock steps", async () => {
    let polls = 0;
    await fc.assert(
      fc.asyncProperty(history, async (commands) => {
        const world = await live(ground, commands);
        polls += world.polls;
        const steady = commands.every(({ type }) => type !== "clock" && type !== "lookback");
        // With a clock and a lookback that stay, nothing comes into view after it may have been forgotten.
        if (steady) expect(world.forgotten).toBe(0);
      }),
      { seed: 20260101, numRuns },
    );
    expect(polls).toBeGreaterThan(numRuns * 3);
  }, 120_000);

  test("without the memory of keys they do not: the control", async () => {
    expect(await firstWrong(ground, forgetsKeys)).toMatch(/was counted \d+ times, the truth is [01]/);
  }, 60_000);

  test("without the floor they do not: the control", async () => {
    expect(await firstWrong(ground, forgetsFloors, [growingLookback])).toMatch(
      /was counted 2 times, the truth is [01]/,
    );
  }, 60_000);

  if (kind !== "memory") {
    test("without one transaction they do not: the control", async () => {
      expect(await firstWrong(ground, keepsEachStatement)).toMatch(/was counted 0 times, the truth is 1/);
    }, 60_000);
  }

  if (kind === "postgres") {
    test("with fencing no two polls overlap", async () => {
      for (const commands of overlappingPolls) await live(ground, commands);
    }, 60_000);

    test("without fencing they do not: the control", async () => {
      expect(await firstWrong(ground, provesEveryLease, overlappingPolls)).toMatch(
        /times, the truth is|lost its lease/,
      );
    }, 60_000);
  }
});

const after =
  (undo: (database: Database) => Promise<unknown>): Sabotage =>
  (database) => ({
    ...database,
    async transaction(work) {
      let records = false;
      const result = await database.transaction((query) =>
        work((text, ...values) => {
          records ||= text.join("").includes("specta_ended");
          return query(text, ...values);
        }),
      );
      if (records) await undo(database);
      return result;
    },
  });

const forgetsKeys = after((database) => database.transaction((query) => query`DELETE FROM specta_ended`));
const forgetsFloors = after((database) => database.transaction((query) => query`DELETE FROM specta_floors`));

const keepsEachStatement: Sabotage = (database) => ({
  ...database,
  transaction: (work) => work((text, ...values) => database.transaction((query) => query(text, ...values))),
});

const provesEveryLease: Sabotage = (database) => ({
  ...database,
  transaction: (work) =>
    database.transaction((query) =>
      work(async (text, ...values) =>
        text.join("").includes("UPDATE specta_leases") ? [{ token: 1 }] : await query(text, ...values),
      ),
    ),
});
