/**
 * Counts what has ended, once. A row of `specta_ended` says that a build or deployment was seen, counted or not; the
 * row is made in the transaction that adds to the totals. Rows that no listing can return again are pruned. The floor,
 * the newest creation among the pruned, keeps them from being counted again should a listing reach further back later
 * (a longer `lookback`, a clock that was set back): what was created at or below it and has no row is never counted.
 */
import { mustBe } from "../base/errors.ts";
import { maxEndedKeyChars } from "../base/limits.ts";
import type { Ended } from "../handlers/handler.ts";
import { type Database, integerOf, type Query, textOf } from "./database.ts";
import type { Batch, Recorded } from "./ledger.ts";
import { HandlerTotals } from "./totals.ts";

const dayMs = 86_400_000;

/** A few milliseconds of SQLite's time. */
const rowsPerStatement = 1000;

/** Records a batch in the open transaction, in which the handler's lease was proved. */
export async function count(
  query: Query,
  dialect: Database["dialect"],
  handler: string,
  batch: Batch,
  nowMs: number,
): Promise<Recorded> {
  const byKey = new Map<string, Ended>();
  for (const ended of batch.ended) {
    verify(ended);
    if (!byKey.has(ended.key)) byKey.set(ended.key, ended);
  }
  const totals = await HandlerTotals.load(query, handler, batch.metrics);
  const counted: string[] = [];
  if (byKey.size > 0) {
    const { bornMs, floorMs } = await life(query, handler);
    const candidates = [...byKey.values()].filter((ended) => floorMs === undefined || ended.createdMs > floorMs);
    for (const key of await insertNew(query, dialect, handler, candidates)) {
      const ended = byKey.get(key);
      // What ended before the birth stays as a row alone, uncounted even if its end moves later.
      if (!ended || ended.endedMs < bornMs) continue;
      counted.push(key);
      for (const sample of ended.samples) totals.add(sample, batch.maxSeries);
    }
    await totals.save(query);
    await prune(query, handler, batch.lookbackMs, nowMs);
  }
  return { totals: totals.declared(), counted, dropped: totals.dropped() };
}

function verify(ended: Ended): void {
  const { key, createdMs, endedMs } = ended;
  if (key === "" || key.length > maxEndedKeyChars || key.includes("\0") || !key.isWellFormed()) {
    throw new TypeError(mustBe("an ended execution's key", `text of 1 to ${maxEndedKeyChars} characters`, key));
  }
  if (!Number.isSafeInteger(createdMs)) throw new TypeError(mustBe(`createdMs of ${key}`, "whole ms", createdMs));
  if (!Number.isSafeInteger(endedMs)) throw new TypeError(mustBe(`endedMs of ${key}`, "whole ms", endedMs));
}

async function life(query: Query, handler: string): Promise<{ bornMs: number; floorMs: number | undefined }> {
  const [row] = await query`SELECT born_ms,
    (SELECT floor_ms FROM specta_floors WHERE handler = ${handler}) AS floor_ms FROM specta_ledger`;
  const floor = row?.floor_ms;
  return { bornMs: integerOf(row?.born_ms), floorMs: floor === null ? undefined : integerOf(floor) };
}

/** Makes a row for each that has none, and returns the keys of those. */
async function insertNew(
  query: Query,
  dialect: Database["dialect"],
  handler: string,
  candidates: readonly Ended[],
): Promise<readonly string[]> {
  const keys: string[] = [];
  for (let start = 0; start < candidates.length; start += rowsPerStatement) {
    // SQLite's work is done on our thread: requests get their turn between two statements.
    if (start > 0) await Bun.sleep(0);
    const part = candidates.slice(start, start + rowsPerStatement).map((ended) => [ended.key, ended.createdMs]);
    const json = JSON.stringify(part);
    const rows =
      dialect === "postgres"
        ? await query`INSERT INTO specta_ended (handler, key, created_ms)
            SELECT ${handler}, item->>0, (item->>1)::bigint FROM jsonb_array_elements(${json}::text::jsonb) AS item
            ON CONFLICT DO NOTHING RETURNING key`
        : await query`INSERT INTO specta_ended (handler, key, created_ms)
            SELECT ${handler}, item.value->>0, item.value->>1 FROM json_each(${json}) AS item WHERE true
            ON CONFLICT DO NOTHING RETURNING key`;
    for (const row of rows) keys.push(textOf(row.key));
  }
  return keys;
}

/**
 * Forgets what is more than twice the lookback and a day older than the newest creation that was ever seen. That, and
 * not our clock alone, is the measure: a clock that was set a year ahead for a while must not forget what is running.
 * A date that lies ahead is held to our clock.
 */
async function prune(query: Query, handler: string, lookbackMs: number, nowMs: number): Promise<void> {
  // Two aggregates in one SELECT would read the whole index on SQLite.
  const [reach] = await query`SELECT
    (SELECT MIN(created_ms) FROM specta_ended WHERE handler = ${handler}) AS oldest,
    (SELECT MAX(created_ms) FROM specta_ended WHERE handler = ${handler}) AS newest`;
  if (!reach || reach.newest === null) return;
  const cutoffMs = Math.floor(Math.min(nowMs, integerOf(reach.newest)) - 2 * lookbackMs - dayMs);
  if (integerOf(reach.oldest) > cutoffMs) return;
  await query`INSERT INTO specta_floors (handler, floor_ms)
    SELECT ${handler}, MAX(created_ms) FROM specta_ended WHERE handler = ${handler} AND created_ms <= ${cutoffMs}
    ON CONFLICT (handler) DO UPDATE SET floor_ms = excluded.floor_ms`;
  await query`DELETE FROM specta_ended WHERE handler = ${handler} AND created_ms <= ${cutoffMs}`;
}
