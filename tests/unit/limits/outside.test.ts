/** Limits of what GitHub, AWS and PostgreSQL may cost: their answers, pages, attempts and time. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { SQL } from "bun";
import {
  ledgerConnectMs,
  ledgerLockMs,
  ledgerStatementMs,
  maxAwsBodyBytes,
  maxAwsReasonChars,
  maxGithubAttempts,
  maxGithubPages,
  maxGithubRunAttempts,
  maxLedgerConnections,
  maxRecordMs,
} from "../../../src/base/limits.ts";
import { openPostgres } from "../../../src/ledger/postgres.ts";
import { FakeAws, type Fault } from "../../harness/aws.ts";
import { AwsError } from "../../harness/aws-answers.ts";
import { AwsThread } from "../../harness/aws-thread.ts";
import { BuildRig, reasonsOf, settings } from "../../harness/builds.ts";
import { FakeGitHub } from "../../harness/github.ts";
import { type Postgres, startPostgres } from "../../harness/postgres.ts";

setDefaultTimeout(60_000);

describe("AWS", () => {
  async function reason(fault: Fault): Promise<string> {
    await using aws = await new FakeAws().start();
    aws.fault = () => fault;
    using thread = new AwsThread("keypair", aws.variables);
    return (await thread.ensure()).failures?.[0]?.reason ?? "";
  }

  test("is quoted with so many characters of what it says", async () => {
    const name = "UnauthorizedOperation";
    const room = maxAwsReasonChars - name.length - 2;
    const told = async (chars: number) => (await reason(new AwsError(name, "m".repeat(chars), 403))).split(": ").at(-1);
    expect(await told(room)).toBe("m".repeat(room));
    expect(await told(room + 1)).toBe(`${"m".repeat(room)}…`);
  });

  test("is read up to so many bytes of an answer", async () => {
    const empty = "<R><keySet/></R>";
    const answer = (bytes: number): Fault => ({
      kind: "answer",
      status: 200,
      body: empty.replace("<R>", `<R>${" ".repeat(bytes - empty.length)}`),
      headers: { "content-type": "text/xml" },
    });
    expect(await reason(answer(maxAwsBodyBytes))).toBe("");
    expect(await reason(answer(maxAwsBodyBytes + 1))).toContain("an answer must have at most 16MiB");
  });
});

const nowMs = Date.parse("2025-07-04T14:09:06Z");
const json = (value: unknown): { kind: "answer"; status: number; body: string; headers: Record<string, string> } => ({
  kind: "answer",
  status: 200,
  body: JSON.stringify(value),
  headers: { "content-type": "application/json" },
});

describe("GitHub", () => {
  const date = "2025-07-04T13:00:00Z";
  const facts = { path: "go-build.yaml", status: "completed", created_at: date, updated_at: date };
  const one = settings([{ name: "shop", check: "go-build" }]);

  /** A repository in which a run began every so many seconds, and of its listings no more than GitHub gives of one. */
  async function busy(everySeconds: number) {
    await using fake = await new FakeGitHub({ now: () => nowMs }).start();
    let asked = 0;
    fake.fault = ({ query }) => {
      asked += 1;
      const created = query.get("created") ?? "";
      const [from = 0, to = nowMs] = created
        .replace(">=", "")
        .split("..")
        .map((time) => Date.parse(time) / 1000);
      const first = Math.ceil(from / everySeconds);
      const total = Math.max(0, Math.floor(Math.min(to, nowMs / 1000) / everySeconds) - first + 1);
      const start = (Number(query.get("page")) - 1) * 100;
      const runs = Array.from({ length: Math.max(0, Math.min(100, Math.min(total, 1000) - start)) }, (_, at) => {
        const seconds = (first + start + at) * everySeconds;
        return { id: seconds, ...facts, created_at: new Date(seconds * 1000).toISOString() };
      });
      return json({ total_count: total, workflow_runs: runs });
    };
    return { reasons: reasonsOf(await new BuildRig(fake, one).poll()), asked };
  }

  test("is asked for so many pages of a repository within lookback, and no more", async () => {
    const { reasons, asked } = await busy(7);
    expect(reasons).toEqual([`acme/shop: more than ${maxGithubPages} pages of runs within lookback`]);
    // What turned out to hold too much was asked for, too.
    expect(asked).toBeWithin(maxGithubPages, maxGithubPages * 2);
  });

  test("control: one less busy is read to its end", async () => {
    expect((await busy(20)).reasons).toEqual([]);
  });

  test("is not believed that a run has been run more often than can be", async () => {
    const reported = async (attempt: number) => {
      await using fake = await new FakeGitHub({ now: () => nowMs }).start();
      fake.fault = ({ path }) => {
        if (path.includes("/attempts/")) return json({ id: 3, run_attempt: Number(path.split("/").at(-1)), ...facts });
        return json({ total_count: 1, workflow_runs: [{ id: 3, run_attempt: attempt, ...facts }] });
      };
      const report = await new BuildRig(fake, one).poll();
      return { ended: report.ended?.length ?? 0, reasons: reasonsOf(report) };
    };
    // The newest attempt, and fifty of the others at a look.
    expect(await reported(maxGithubRunAttempts)).toEqual({ ended: 1 + maxGithubAttempts, reasons: [] });
    const wrong = await reported(maxGithubRunAttempts + 1);
    expect(wrong.ended).toBe(0);
    expect(wrong.reasons[0]).toContain(
      "GitHub's answer must be a list of workflow runs (workflow_runs.0.run_attempt: ",
    );
  });
});

describe("PostgreSQL", () => {
  let postgres: Postgres;
  let url: string;
  beforeAll(async () => {
    postgres = await startPostgres();
    url = await postgres.create();
  });
  afterAll(() => postgres.remove());

  const open = (more: { url?: string; deadlineMs?: number } = {}) =>
    openPostgres({ url, shown: "the test's", maxConnections: maxLedgerConnections, deadlineMs: maxRecordMs, ...more });
  const text = (sql: string) =>
    Object.defineProperty([sql], "raw", { value: [sql] }) as unknown as TemplateStringsArray;

  async function failure(work: Promise<unknown>): Promise<{ message: string; ms: number }> {
    const start = performance.now();
    const message = await work.then(
      () => "",
      (error: unknown) => String(error),
    );
    return { message, ms: performance.now() - start };
  }

  test("a lock that another holds is waited for so long", async () => {
    const database = open();
    await database.transaction((query) => query(text("CREATE TABLE locked (a int)")));
    const other = new SQL({ url, max: 1 });
    const free = Promise.withResolvers<void>();
    const taken = Promise.withResolvers<void>();
    const holding = other.begin(async (transaction) => {
      await transaction`LOCK TABLE locked`;
      taken.resolve();
      await free.promise;
    });
    await taken.promise;
    const insert = () => database.transaction((query) => query(text("INSERT INTO locked VALUES (1)")));
    const { message, ms } = await failure(insert());
    expect(message).toMatch(/lock/);
    expect(ms).toBeWithin(ledgerLockMs - 50, ledgerLockMs + 3000);
    free.resolve();
    await holding;
    // The control.
    expect((await failure(insert())).message).toBe("");
    await Promise.all([other.close(), database.close()]);
  });

  test("a statement is ended by the server after so long", async () => {
    const database = open();
    const sleep = (ms: number) => database.transaction((query) => query(text(`SELECT pg_sleep(${ms / 1000})`)));
    const [short, long] = await Promise.all([failure(sleep(20)), failure(sleep(ledgerStatementMs * 2))]);
    expect(short.message).toBe("");
    expect(long.message).toMatch(/took too long over a statement \(57014\)$/);
    expect(long.ms).toBeWithin(ledgerStatementMs - 50, ledgerStatementMs + 5000);
    await database.close();
  });

  test("so many connections are made, and no more", async () => {
    const database = open();
    const count = `SELECT count(*)::int AS amount FROM pg_stat_activity WHERE state = 'active' AND query = 'SELECT pg_sleep(0.2)'`;
    const sleeps = Array.from({ length: 6 }, () =>
      database.transaction((query) => query(text("SELECT pg_sleep(0.2)"))),
    );
    const other = new SQL({ url, max: 1 });
    let most = 0;
    const isOver = Promise.all(sleeps).then(() => true);
    while (!(await Promise.race([isOver, Bun.sleep(10)]))) {
      const [row] = await other.unsafe(count);
      most = Math.max(most, Number(row.amount));
    }
    expect(most).toBe(maxLedgerConnections);
    await Promise.all([other.close(), database.close()]);
  });

  test("a connection that is not made in time counts as away", async () => {
    // Accepts and says nothing.
    using silent = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
    const database = open({ url: `postgres://a@127.0.0.1:${silent.port}/b` });
    const { message, ms } = await failure(database.transaction((query) => query(text("SELECT 1"))));
    expect(message).toMatch(/cannot be reached/);
    expect(ms).toBeWithin(ledgerConnectMs - 50, ledgerConnectMs + 3000);
    await database.close();
  });
});
