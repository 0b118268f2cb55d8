import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "bun:test";
import { leaseTtlMs } from "../../src/base/limits.ts";
import { Secret } from "../../src/base/secret.ts";
import { LeaseLost, type Ledger, LedgerFault } from "../../src/ledger/ledger.ts";
import { type LedgerOptions, openLedger } from "../../src/ledger/open.ts";
import { batch, build, held, metrics, type Place, postgresPlace, startMs, wrappedLedger } from "../harness/ledgers.ts";
import { type Postgres, startPostgres } from "../harness/postgres.ts";
import { type Relay, startRelay } from "../harness/relay.ts";

/** Short, so that a test waits for the real end of a lease. */
const leaseTimes = { ttlMs: 900, renewMs: 150 };

let postgres: Postgres;
let relay: Relay;
let place: Place;
let url: string;
const opened: Ledger[] = [];

interface Lost {
  readonly handler: string;
  readonly reason: string;
}

/** A replica whose way to the database is the relay's, when asked for. */
function replica(options: LedgerOptions & { viaRelay?: boolean } = {}): {
  ledger: Ledger;
  lost: Promise<Lost>;
  losses: Lost[];
} {
  const losses: Lost[] = [];
  const { promise, resolve } = Promise.withResolvers<Lost>();
  const address = options.viaRelay ? url.replace(`:${postgres.port}/`, `:${relay.port}/`) : url;
  const ledger = openLedger(new Secret(address), {
    now: () => startMs,
    leaseTimes,
    ...options,
    onLost: (handler, reason) => {
      losses.push({ handler, reason });
      resolve({ handler, reason });
    },
  });
  opened.push(ledger);
  return { ledger, lost: promise, losses };
}

/** Asks until the lease is given, as the engine does; a wait that never ends is ended by the test's time. */
async function takeOver(ledger: Ledger, handler = "build") {
  for (;;) {
    const lease = await ledger.hold(handler);
    if (lease) return lease;
    await Bun.sleep(20);
  }
}

/** Ends all leases, as the clock of the database would. */
const expireLeases = () => place.run("UPDATE specta_leases SET expires_at = now() - interval '1 second'");

beforeAll(async () => {
  postgres = await startPostgres();
  relay = startRelay(postgres.port);
});
afterAll(async () => {
  relay.stop();
  await postgres.remove();
});
beforeEach(async () => {
  place = await postgresPlace(postgres);
  url = place.url!;
});
afterEach(async () => {
  relay.resume();
  await Promise.all(opened.splice(0).map((ledger) => ledger.close()));
});

test("one replica holds a handler, each handler for itself", async () => {
  const [a, b] = [replica().ledger, replica().ledger];
  const lease = await held(a, "build");
  expect(a.holds(lease)).toBe(true);
  expect(await b.hold("build")).toBeUndefined();
  expect(await held(b, "deployment")).toEqual({ handler: "deployment", token: 1 });
  expect(await a.hold("deployment")).toBeUndefined();
  expect(await a.hold("build")).toEqual(lease);
});

test("of ten that ask at once one gets the lease", async () => {
  const ten = Array.from({ length: 10 }, () => replica().ledger);
  const leases = await Promise.all(ten.map((ledger) => ledger.hold("build")));
  expect(leases.filter((lease) => lease !== undefined)).toHaveLength(1);
});

test("a lease is renewed by itself, for longer than it would last", async () => {
  const { ledger, losses } = replica();
  const other = replica().ledger;
  const lease = await held(ledger);
  const endMs = performance.now() + 2 * leaseTimes.ttlMs;
  while (performance.now() < endMs) {
    expect(await other.hold("build")).toBeUndefined();
    await Bun.sleep(50);
  }
  expect(ledger.holds(lease)).toBe(true);
  expect(losses).toEqual([]);
});

test("a lease that is given back is taken at once, under a new token", async () => {
  const { ledger, losses } = replica();
  const other = replica().ledger;
  const lease = await held(ledger);
  await ledger.release(lease);
  expect(ledger.holds(lease)).toBe(false);
  const taken = await held(other);
  expect(taken.token).toBe(lease.token + 1);
  expect(losses).toEqual([]);
});

test("a replica that closes gives all its leases back", async () => {
  const { ledger } = replica();
  const other = replica().ledger;
  await Promise.all(["build", "deployment"].map((handler) => held(ledger, handler)));
  await ledger.close();
  await held(other, "build");
  await held(other, "deployment");
});

test("a holder that another has replaced records nothing, shows nothing and is told", async () => {
  // No heartbeat notices before the record does.
  const { ledger, lost, losses } = replica({ leaseTimes: { ttlMs: 60_000, renewMs: 60_000 } });
  const other = replica().ledger;
  const lease = await held(ledger);
  await ledger.record(lease, batch([build("a", startMs)]));
  await expireLeases();
  const taken = await held(other);
  expect(ledger.holds(lease)).toBe(true);
  await expect(ledger.record(lease, batch([build("b", startMs)]))).rejects.toThrow(LeaseLost);
  expect(ledger.holds(lease)).toBe(false);
  expect(await lost).toEqual({ handler: "build", reason: "another replica holds it" });
  await expect(ledger.totals(lease, metrics)).rejects.toThrow(LeaseLost);
  const { totals, counted } = await other.record(taken, batch([build("a", startMs), build("b", startMs)]));
  expect(counted).toEqual(["b"]);
  expect(totals.find(({ metric }) => metric === "build_execution_total")?.sum).toBe(2);
  expect(losses).toHaveLength(1);
});

test("a holder learns by its heartbeat that another has replaced it", async () => {
  const { ledger, lost } = replica();
  const other = replica({ leaseTimes: { ttlMs: 60_000, renewMs: 60_000 } }).ledger;
  const lease = await held(ledger);
  // Until the other one is faster than the heartbeat.
  let taken = await other.hold("build");
  while (!taken) {
    await expireLeases();
    taken = await other.hold("build");
  }
  expect(await lost).toEqual({ handler: "build", reason: "another replica holds it" });
  expect(ledger.holds(lease)).toBe(false);
  expect(await ledger.hold("build")).toBeUndefined();
});

test("a holder that is cut off loses its lease by its own clock, and another takes over", async () => {
  const { ledger, lost } = replica({ viaRelay: true });
  const other = replica().ledger;
  const lease = await held(ledger);
  const cutMs = performance.now();
  relay.cut();
  const taking = takeOver(other);
  const { reason } = await lost;
  expect(reason).toMatch(/closed the connection|cannot be reached|did not answer/);
  expect(ledger.holds(lease)).toBe(false);
  await expect(ledger.hold("build")).rejects.toThrow(LedgerFault);
  expect((await taking).token).toBe(lease.token + 1);
  expect(performance.now() - cutMs).toBeLessThan(leaseTimes.ttlMs + 1000);
  relay.resume();
  expect(await ledger.hold("build")).toBeUndefined();
});

test("a holder whose network swallows everything loses its lease too, and returns when the network does", async () => {
  const { ledger, lost } = replica({ viaRelay: true });
  const lease = await held(ledger);
  relay.hang();
  await lost;
  expect(ledger.holds(lease)).toBe(false);
  const waiting = ledger.hold("build");
  await expect(waiting).rejects.toThrow(/cannot be reached: no answer in time|does not answer: given up after 4s/);
  relay.resume();
  // Nobody else wanted it.
  expect(await held(ledger)).toEqual(lease);
});

test("a holder that hangs in the middle of a record blocks nobody for longer than a lease", async () => {
  const hung = Promise.withResolvers<void>();
  const go = Promise.withResolvers<void>();
  const slow = wrappedLedger(
    url,
    (database) => ({
      ...database,
      transaction: (work) =>
        database.transaction((query) =>
          work(async (text, ...values) => {
            const rows = await query(text, ...values);
            if (text.join("").includes("INSERT INTO specta_ended")) {
              hung.resolve();
              await go.promise;
            }
            return rows;
          }),
        ),
    }),
    { now: () => startMs, leaseTimes: { ttlMs: 900, renewMs: 60_000 }, deadlineMs: 20_000 },
  );
  opened.push(slow);
  const other = replica().ledger;
  const lease = await held(slow);
  const recording = slow.record(lease, batch([build("a", startMs)]));
  recording.catch(() => {});
  await hung.promise;
  // PostgreSQL ends the silent transaction; nothing of it is kept.
  const taken = await takeOver(other);
  const { counted, totals } = await other.record(taken, batch([build("a", startMs)]));
  expect(counted).toEqual(["a"]);
  go.resolve();
  await expect(recording).rejects.toThrow(LedgerFault);
  expect(await other.totals(taken, metrics)).toEqual(totals);
}, 20_000);

test("a lease's time leaves room to take over within 15 seconds", async () => {
  const { ledger } = replica({ leaseTimes: { ttlMs: leaseTtlMs, renewMs: leaseTtlMs } });
  await held(ledger);
  const [row] = await place.run("SELECT extract(epoch FROM expires_at - now())::float8 AS seconds FROM specta_leases");
  expect(row?.seconds).toBeWithin(leaseTtlMs / 1000 - 2, leaseTtlMs / 1000 + 0.1);
});
