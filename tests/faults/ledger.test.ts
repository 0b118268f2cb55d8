import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { chmodSync, chownSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SQL } from "bun";
import { Secret } from "../../src/base/secret.ts";
import type { Database } from "../../src/ledger/database.ts";
import { type Ledger, LedgerFault } from "../../src/ledger/ledger.ts";
import { openLedger } from "../../src/ledger/open.ts";
import { batch, build, held, lockSqlite, metrics, startMs, wrappedLedger } from "../harness/ledgers.ts";
import { freePort, type Postgres, startPostgres, superuserPassword } from "../harness/postgres.ts";
import { type Relay, startRelay } from "../harness/relay.ts";

const opened: Ledger[] = [];
function open(url: string): Ledger {
  const ledger = openLedger(new Secret(url), { bornMs: startMs });
  opened.push(ledger);
  return ledger;
}
afterEach(async () => {
  await Promise.all(opened.splice(0).map((ledger) => ledger.close()));
});

async function faultOf(promise: Promise<unknown>): Promise<string> {
  const outcome = await promise.then(
    () => "no fault",
    (error: unknown) => error,
  );
  if (!(outcome instanceof LedgerFault)) throw new Error(`expected a LedgerFault: ${String(outcome)}`);
  // Nothing that a log might print of it has the password.
  expect(Bun.inspect(outcome)).not.toContain(superuserPassword);
  return outcome.message;
}

async function counted(ledger: Ledger): Promise<number> {
  const totals = await ledger.totals(await held(ledger), metrics);
  return totals.find(({ metric }) => metric === "build_execution_total")?.sum ?? 0;
}

describe("PostgreSQL", () => {
  let postgres: Postgres;
  let relay: Relay;
  let url: string;
  beforeAll(async () => {
    postgres = await startPostgres();
    relay = startRelay(postgres.port);
  });
  afterAll(async () => {
    relay.stop();
    await postgres.remove();
  });
  beforeEach(async () => {
    url = await postgres.create();
  });

  test("away at the start: the ledger says so at once, and works when it has come", async () => {
    await postgres.stop("fast");
    const ledger = open(url);
    expect(await faultOf(ledger.hold("build"))).toMatch(
      /^the ledger at postgres:\/\/specta@127.0.0.1:\d+\/test_\d+ cannot be reached/,
    );
    await postgres.start();
    const { counted } = await ledger.record(await held(ledger), batch([build("a", startMs)]));
    expect(counted).toEqual(["a"]);
  });

  test.each(["immediate", "kill"] as const)(
    "ended by %s between records: none is lost, none counted twice",
    async (how) => {
      const ledger = open(url);
      const lease = await held(ledger);
      await ledger.record(lease, batch([build("a", startMs)]));
      await (how === "kill" ? postgres.kill() : postgres.stop(how));
      await faultOf(ledger.record(lease, batch([build("b", startMs)])));
      await faultOf(ledger.loadState("history"));
      await postgres.start();
      const { counted, totals } = await ledger.record(lease, batch([build("a", startMs), build("b", startMs)]));
      expect(counted).toEqual(["b"]);
      expect(totals.find(({ metric }) => metric === "build_execution_total")?.sum).toBe(2);
    },
  );

  test("a session that is ended in the middle of a record keeps nothing of it", async () => {
    let strike: string | undefined;
    const ledger = wrappedLedger(
      url,
      (database) =>
        beforeEachStatement(database, async (text) => {
          if (strike === undefined || !text.includes(strike)) return;
          strike = undefined;
          await postgres.run(
            `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '${url.split("/").at(-1)}' AND state = 'idle in transaction'`,
          );
        }),
      { bornMs: startMs },
    );
    opened.push(ledger);
    for (const [index, statement] of [
      "INSERT INTO specta_ended",
      "INSERT INTO specta_totals",
      "(SELECT MIN",
    ].entries()) {
      const lease = await held(ledger);
      strike = statement;
      expect(await faultOf(ledger.record(lease, batch([build(`${index}`, startMs)])))).toMatch(
        /is shutting down|closed/,
      );
      expect(strike).toBeUndefined();
      expect(await counted(ledger)).toBe(index);
      expect((await ledger.record(lease, batch([build(`${index}`, startMs)]))).counted).toEqual([`${index}`]);
    }
  });

  test("hung: a record fails within its time, and the next works when it answers again", async () => {
    const ledger = wrappedLedger(url.replace(`:${postgres.port}/`, `:${relay.port}/`), (database) => database, {
      bornMs: startMs,
      deadlineMs: 400,
    });
    opened.push(ledger);
    const lease = await held(ledger);
    await ledger.record(lease, batch([]));
    relay.hang();
    const [one, two] = [ledger.record(lease, batch([build("a", startMs)])), ledger.loadState("history")];
    expect(await faultOf(one)).toMatch(/does not answer: given up after 400ms$/);
    expect(await faultOf(two)).toMatch(/does not answer: given up after 400ms$/);
    relay.resume();
    expect((await ledger.record(lease, batch([build("a", startMs)]))).counted).toEqual(["a"]);
  });

  test("a wrong password, a wrong user and a missing database are named, the password never", async () => {
    const wrong = "not-the-password-9";
    const refused = await faultOf(open(url.replace(superuserPassword, wrong)).hold("build"));
    expect(refused).toMatch(
      /^the ledger at postgres:\/\/specta@127.0.0.1:\d+\/test_\d+ refuses the user name or the password \(28P01\)$/,
    );
    expect(refused).not.toContain(wrong);
    expect(await faultOf(open(url.replace("specta:", "nobody:")).hold("build"))).toMatch(
      /refuses the user name or the password/,
    );
    expect(await faultOf(open(`${url}_none`).hold("build"))).toMatch(
      /database "test_\d+_none" does not exist \(3D000\)$/,
    );
    expect(await faultOf(open(url.replace(`:${postgres.port}/`, `:${await freePort()}/`)).hold("build"))).toMatch(
      /cannot be reached/,
    );
  });

  test("a user who may not make tables is told so", async () => {
    await postgres.run(`CREATE ROLE reader LOGIN PASSWORD '${superuserPassword}'`);
    const ledger = open(url.replace("specta:", "reader:"));
    expect(await faultOf(ledger.hold("build"))).toMatch(/permission denied for schema public \(42501\)$/);
  });

  test("a database that is read-only is named", async () => {
    await postgres.run(`ALTER DATABASE ${url.split("/").at(-1)} SET default_transaction_read_only = on`);
    expect(await faultOf(open(url).hold("build"))).toMatch(/is read-only \(25006\)$/);
  });
});

describe("SQLite", () => {
  let folder: string;
  let file: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "specta-ledger-"));
    file = join(folder, "specta.db");
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  test("a folder that is missing is named, and used when it is there", async () => {
    const ledger = open(`sqlite://${folder}/sub/specta.db`);
    expect(await faultOf(ledger.hold("build"))).toBe(
      `the ledger at sqlite://${folder}/sub/specta.db cannot be opened: its folder must exist, and folder and file must be writable (SQLITE_CANTOPEN)`,
    );
    await Bun.write(join(folder, "sub", "made"), "");
    expect(await counted(ledger)).toBe(0);
  });

  test("a relative path starts in the working folder", async () => {
    const script = `
      const { openLedger } = await import(${JSON.stringify(join(import.meta.dir, "../../src/ledger/open.ts"))});
      const { Secret } = await import(${JSON.stringify(join(import.meta.dir, "../../src/base/secret.ts"))});
      const ledger = openLedger(new Secret("sqlite://specta.db"));
      await ledger.saveState("history", "kept");
      await ledger.close();`;
    const child = Bun.spawn([process.execPath, "-e", script], { cwd: folder, stdout: "inherit", stderr: "inherit" });
    expect(await child.exited).toBe(0);
    expect(await open(`sqlite://${file}`).loadState("history")).toBe("kept");
  });

  test("a read-only folder or file is named", async () => {
    await unprivileged(async () => {
      chmodSync(folder, 0o500);
      expect(await faultOf(open(`sqlite://${file}`).hold("build"))).toMatch(/cannot be opened: its folder must exist/);
      chmodSync(folder, 0o700);
      const first = open(`sqlite://${file}`);
      await first.hold("build");
      await first.close();
      chmodSync(file, 0o400);
      expect(await faultOf(open(`sqlite://${file}`).saveState("history", ""))).toMatch(
        /cannot be written: the file or its folder is read-only/,
      );
      // The control. SQLite gave the mode of the file to those beside it.
      for (const name of readdirSync(folder)) chmodSync(join(folder, name), 0o600);
      expect(await counted(open(`sqlite://${file}`))).toBe(0);
    });
  });

  test("a full disk fails the record, which counts when there is room again", async () => {
    let full = false;
    const ledger = wrappedLedger(
      `sqlite://${file}`,
      (database) => ({
        ...database,
        transaction: (work) =>
          database.transaction(async (query) => {
            // What SQLite does at its own bound it does at the disk's: SQLITE_FULL, and the transaction is gone.
            await (full ? query`PRAGMA max_page_count = 1` : query`PRAGMA max_page_count = 1000000`);
            return await work(query);
          }),
      }),
      { bornMs: startMs },
    );
    opened.push(ledger);
    const lease = await held(ledger);
    await ledger.record(lease, batch([build("a", startMs)]));
    full = true;
    const many = Array.from({ length: 2000 }, (_, index) => build(`many ${index}`, startMs));
    expect(await faultOf(ledger.record(lease, batch(many)))).toMatch(
      /cannot be written: the disk is full \(SQLITE_FULL\)$/,
    );
    expect(await counted(ledger)).toBe(1);
    full = false;
    expect((await ledger.record(lease, batch(many))).counted).toHaveLength(2000);
    expect(await counted(ledger)).toBe(2001);
  });

  test("a file that another process locks is waited for without blocking, then named", async () => {
    const ledger = open(`sqlite://${file}`);
    expect(await counted(ledger)).toBe(0);
    const unlock = await lockSqlite(file);
    let turns = 0;
    const ticking = setInterval(() => {
      turns += 1;
    }, 5);
    expect(await faultOf(ledger.loadState("history"))).toMatch(
      /is locked by another process for longer than 3s \(SQLITE_BUSY\)$/,
    );
    clearInterval(ticking);
    expect(turns).toBeGreaterThan(100);
    const waiting = ledger.record({ handler: "build", token: 0 }, batch([build("a", startMs)]));
    await unlock();
    expect((await waiting).counted).toEqual(["a"]);
  });

  test("a file that is no database is named", async () => {
    writeFileSync(
      file,
      "this is not a database, it is a text of some length that SQLite will not take for one\n".repeat(50),
    );
    expect(await faultOf(open(`sqlite://${file}`).hold("build"))).toMatch(/is not an SQLite file \(SQLITE_NOTADB\)$/);
  });

  test("two processes on one file count each build once", async () => {
    const [one, two] = [open(`sqlite://${file}`), open(`sqlite://${file}`)];
    const all = Array.from({ length: 40 }, (_, index) => build(`${index}`, startMs));
    const work = async (ledger: Ledger, order: readonly (typeof all)[number][]) => {
      const keys: string[] = [];
      for (const ended of order) keys.push(...(await ledger.record(await held(ledger), batch([ended]))).counted);
      return keys;
    };
    const keys = await Promise.all([work(one, all), work(two, all.toReversed())]);
    expect(keys.flat().toSorted()).toEqual(all.map(({ key }) => key).toSorted());
    expect(await counted(one)).toBe(40);
  });

  test("a process that is killed at any moment leaves all that was acknowledged, once", async () => {
    const script = join(import.meta.dir, "../fixtures/ledger-writer.ts");
    for (let round = 0; round < 8; round++) {
      const child = Bun.spawn([process.execPath, script, file, String(round)], { stdout: "pipe", stderr: "inherit" });
      const acknowledged = await killAfter(child, 3 + round * 5);
      const ledger = open(`sqlite://${file}`);
      const rows = await new SQL(`sqlite://${file}`)`SELECT key FROM specta_ended`;
      const keys = new Set(rows.map((row: { key: string }) => row.key));
      for (const key of acknowledged) expect(keys).toContain(key);
      expect(acknowledged.length).toBeGreaterThan(0);
      expect(await counted(ledger)).toBe(keys.size);
      await ledger.close();
    }
  });

  /** Runs as a user whom permissions bind. */
  async function unprivileged(work: () => Promise<void>): Promise<void> {
    if (process.getuid?.() !== 0) return await work();
    chownSync(folder, 65534, 65534);
    process.seteuid?.(65534);
    try {
      await work();
    } finally {
      process.seteuid?.(0);
    }
  }
});

/** Kills with SIGKILL when so many lines were read, and returns all that were written before the end. */
async function killAfter(
  child: Bun.Subprocess<"ignore", "pipe", "inherit">,
  lines: number,
): Promise<readonly string[]> {
  let text = "";
  const decoder = new TextDecoder();
  for await (const bytes of child.stdout) {
    text += decoder.decode(bytes, { stream: true });
    if (text.split("\n").length > lines) child.kill("SIGKILL");
  }
  await child.exited;
  return text.split("\n").slice(0, -1);
}

/** The same database, with a hook before each statement of a transaction. */
function beforeEachStatement(database: Database, hook: (text: string) => Promise<void>): Database {
  return {
    ...database,
    transaction: (work) =>
      database.transaction((query) =>
        work(async (text, ...values) => {
          await hook(text.join("?"));
          return await query(text, ...values);
        }),
      ),
  };
}
