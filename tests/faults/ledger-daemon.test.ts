/** The daemon whose database is away, refuses, is full, locked or read-only: it serves, says what is wrong, and counts all later. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import {
  chmodSync,
  chownSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statfsSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { compiled } from "../harness/build.ts";
import { BuildStream, config, shown, total } from "../harness/builds-stream.ts";
import { type Daemon, push, scrape, startDaemon } from "../harness/daemon.ts";
import { finalDifferences } from "../harness/kills.ts";
import { lockSqlite } from "../harness/ledgers.ts";
import { type Postgres, startPostgres, superuserPassword } from "../harness/postgres.ts";
import { testWith, tool } from "../harness/tools.ts";

const pollMs = 20;
const timeoutMs = 60_000;
const pushed = `
metrics:
  pushed_total: { kind: counter, help: what is pushed }
${config}`;

let stream: BuildStream;
let folder: string;
beforeEach(async () => {
  stream = await BuildStream.start(21);
  folder = mkdtempSync(join(tmpdir(), "specta-ledger-daemon-"));
});
afterEach(async () => {
  await stream[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});

function start(url: string, more: Parameters<typeof startDaemon>[0] = {}): Promise<Daemon> {
  return startDaemon({
    binary: compiled(),
    config: pushed,
    ...more,
    env: { ...stream.variables, SPECTA_DATABASE_URL: url, ...more.env },
  });
}

/** Some builds that have ended. */
async function endSome(amount = 20): Promise<void> {
  for (let build = 0; build < amount; build += 1) stream.end();
  await stream.dam();
}

/** How the next execution fails from now on. */
async function failure(daemon: Daemon): Promise<string> {
  const before = new Set(daemon.logs);
  const line = await daemon.log.find(
    (one) => one.message === "worker execution failed" && !before.has(one),
    "of a failed execution",
  );
  return (line.stack as { readonly description: string }).description;
}

/** All else goes on: liveness, pushes, scrapes; a failed execution is counted as one. */
async function serves({ url }: Daemon): Promise<void> {
  expect((await fetch(url)).status).toBe(200);
  const before = (await scrape(url)).value("pushed_total", { env: "testing" }) ?? Number.NaN;
  expect((await push(url, "Counter", [{ metric: "pushed_total", number: 1 }])).status).toBe(200);
  const exposition = await scrape(url);
  expect(exposition.value("pushed_total", { env: "testing" })).toBe(before + 1);
  const failed = { env: "testing", handler: "build", success: "false" };
  expect(exposition.value("worker_handler_execution_total", failed)).toBeGreaterThan(0);
}

describe("PostgreSQL", () => {
  let postgres: Postgres;
  beforeAll(async () => {
    postgres = await startPostgres();
  });
  afterAll(async () => {
    await postgres.remove();
  });

  testWith(
    ["postgres"],
    "away at the start: the server answers without the handler's series, executions fail and say so, then all is counted",
    async () => {
      const url = await postgres.create();
      await postgres.stop("fast");
      await using daemon = await start(url);
      expect(await failure(daemon)).toMatch(
        /^the ledger at postgres:\/\/specta@127\.0\.0\.1:\d+\/test_\d+ cannot be reached: no such host, or nothing listens there \(ERR_POSTGRES_CONNECTION_REFUSED\)$/,
      );
      await endSome();
      await serves(daemon);
      expect(await shown(daemon.url)).toBeUndefined();
      expect(stream.github.requests).toEqual([]);
      await postgres.start();
      expect(await finalDifferences([daemon], stream)).toEqual([]);
    },
    timeoutMs,
  );

  testWith(
    ["postgres"],
    "away in the middle: what was counted stays in sight, executions fail, and what ended meanwhile is counted later",
    async () => {
      await using daemon = await start(await postgres.create());
      while ((await shown(daemon.url)) === undefined) await Bun.sleep(pollMs);
      await endSome();
      expect(await finalDifferences([daemon], stream)).toEqual([]);
      const before = total(await shown(daemon.url));
      await postgres.stop("immediate");
      await endSome();
      expect(await failure(daemon)).toMatch(/^the ledger at \S+ (cannot be reached|closed the connection)/);
      await serves(daemon);
      expect(total(await shown(daemon.url))).toBe(before);
      await postgres.start();
      expect(await finalDifferences([daemon], stream)).toEqual([]);
      expect(total(await shown(daemon.url))).toBeGreaterThan(before);
    },
    timeoutMs,
  );

  testWith(
    ["postgres"],
    "that refuses the password: it is said, the password is not, and a password that is made right later counts all",
    async () => {
      const wrong = "not-the-password-9";
      const url = (await postgres.create()).replace("specta:", "clerk:").replace(superuserPassword, wrong);
      await postgres.run(`CREATE ROLE clerk LOGIN SUPERUSER PASSWORD '${superuserPassword}'`);
      await using daemon = await start(url, { env: { SPECTA_LOG_LEVEL: "debug" } });
      expect(await failure(daemon)).toMatch(
        /^the ledger at postgres:\/\/clerk@127\.0\.0\.1:\d+\/test_\d+ refuses the user name or the password \(28P01\)$/,
      );
      await endSome();
      await serves(daemon);
      expect(await shown(daemon.url)).toBeUndefined();
      const pages = await Promise.all(
        ["/status", "/status.json", "/metrics"].map(async (path) => (await fetch(daemon.url + path)).text()),
      );
      expect(pages[1]).toContain("refuses the user name or the password");
      await postgres.run(`ALTER ROLE clerk PASSWORD '${wrong}'`);
      expect(await finalDifferences([daemon], stream)).toEqual([]);
      expect(await daemon.stop()).toEqual({ code: 0, signal: null });
      const output = [...pages, await daemon.stdout(), await daemon.stderr()].join("\n");
      // The control: the rest of the address is there.
      expect(output).toContain("postgres://clerk@127.0.0.1:");
      expect(output).not.toContain(wrong);
    },
    timeoutMs,
  );
});

describe("SQLite", () => {
  testWith(
    ["root", "setpriv"],
    "a read-only folder is named, and all is counted when it can be written",
    async () => {
      const place = join(folder, "data");
      putInReach(folder, place);
      const nobody = [tool("setpriv"), "--reuid=65534", "--regid=65534", "--clear-groups", "--no-new-privs"];
      await using daemon = await start(`sqlite://${place}/ledger.db`, {
        binary: join(folder, "specta"),
        prefix: nobody,
        cwd: folder,
        env: { SPECTA_CONFIG: join(folder, "specta.yaml") },
      });
      expect(await failure(daemon)).toBe(
        `the ledger at sqlite://${place}/ledger.db cannot be opened: its folder must exist, and folder and file must be writable (SQLITE_CANTOPEN)`,
      );
      await endSome();
      await serves(daemon);
      expect(readdirSync(place)).toEqual([]);
      chmodSync(place, 0o700);
      expect(await finalDifferences([daemon], stream)).toEqual([]);
    },
    timeoutMs,
  );

  testWith(
    ["unshare"],
    "a full disk fails the executions, which say so, and all is counted when there is room again",
    async () => {
      const disk = join(folder, "disk");
      // A file system of its own, in name spaces of its own, seen from here through the process.
      const mount = `mkdir ${disk} && mount -t tmpfs -o size=2m none ${disk} && exec "$@"`;
      const prefix = [tool("unshare"), "--user", "--map-root-user", "--mount", "sh", "-ec", mount, "sh"];
      await using daemon = await start(`sqlite://${disk}/ledger.db`, { prefix });
      while ((await shown(daemon.url)) === undefined) await Bun.sleep(pollMs);
      await endSome();
      expect(await finalDifferences([daemon], stream)).toEqual([]);
      const before = total(await shown(daemon.url));

      const inside = `/proc/${daemon.pid}/root${disk}`;
      const { bavail, bsize } = statfsSync(inside);
      writeFileSync(join(inside, "ballast"), new Uint8Array(bavail * bsize));
      await endSome(500);
      expect(await failure(daemon)).toMatch(
        new RegExp(
          `^the ledger at sqlite://${disk}/ledger.db cannot be (written: the disk is full|read or written: the disk may be full or failing) \\(SQLITE_`,
        ),
      );
      await serves(daemon);
      const full = await shown(daemon.url);
      expect(total(full)).toBeWithin(before, stream.executions());

      rmSync(join(inside, "ballast"));
      expect(await finalDifferences([daemon], stream)).toEqual([]);
    },
    timeoutMs,
  );

  test(
    "a file that another process locks fails the executions, while the server answers, and all is counted later",
    async () => {
      const file = join(folder, "ledger.db");
      await using daemon = await start(`sqlite://${file}`);
      while ((await shown(daemon.url)) === undefined) await Bun.sleep(pollMs);
      const unlock = await lockSqlite(file);
      await endSome();
      const failing = failure(daemon);
      const began = performance.now();
      let slowestMs = 0;
      while (performance.now() - began < 2000) {
        const asked = performance.now();
        await (await fetch(`${daemon.url}/metrics`)).text();
        slowestMs = Math.max(slowestMs, performance.now() - asked);
      }
      expect(slowestMs).toBeLessThan(500);
      expect(await failing).toBe(
        `the ledger at sqlite://${file} is locked by another process for longer than 3s (SQLITE_BUSY)`,
      );
      await serves(daemon);
      expect(total(await shown(daemon.url))).toBe(0);
      await unlock();
      expect(await finalDifferences([daemon], stream)).toEqual([]);
    },
    timeoutMs,
  );
});

/** Puts the binary and the configuration where every user may read them, and a folder that nobody owns but cannot write. */
function putInReach(folder: string, place: string): void {
  chmodSync(folder, 0o755);
  cpSync(compiled(), join(folder, "specta"));
  writeFileSync(join(folder, "specta.yaml"), pushed);
  mkdirSync(place);
  chownSync(place, 65534, 65534);
  chmodSync(place, 0o500);
}
