import { SQL } from "bun";
import { sqliteBusyMs } from "../base/limits.ts";
import type { Database, Query } from "./database.ts";
import { codeOf, explain } from "./fault.ts";

/** The pause between two attempts to get a locked file (ms). */
const retryMs = 25;

/**
 * SQLite in a file, or in memory when no file is given. Its calls are synchronous, so waiting for another process's
 * lock is done here, between attempts, and not by SQLite, which would stop the whole process for that time.
 */
export function openSqlite(file: string | undefined, shown: string): Database {
  let handle: SQL | undefined;
  // One handle is one connection: a second transaction must wait for the first.
  let last: Promise<unknown> = Promise.resolve();

  async function open(): Promise<SQL> {
    const opened = new SQL({ adapter: "sqlite", filename: file ?? ":memory:", create: true });
    try {
      await opened`PRAGMA busy_timeout = 0`;
      await opened`PRAGMA foreign_keys = ON`;
      if (file !== undefined) {
        await opened`PRAGMA journal_mode = WAL`;
        // What was acknowledged outlives the machine's power, not only the process.
        await opened`PRAGMA synchronous = FULL`;
      }
    } catch (error) {
      await opened.close();
      throw error;
    }
    return opened;
  }

  async function attempt<T>(work: (query: Query) => Promise<T>): Promise<T> {
    handle ??= await open();
    return await handle.begin("immediate", (transaction) =>
      work(async (text, ...values) => await transaction(text, ...values)),
    );
  }

  async function run<T>(work: (query: Query) => Promise<T>): Promise<T> {
    const giveUpMs = performance.now() + sqliteBusyMs;
    for (;;) {
      try {
        return await attempt(work);
      } catch (error) {
        const code = codeOf(error);
        if (code?.startsWith("SQLITE_BUSY") && performance.now() < giveUpMs) {
          await Bun.sleep(retryMs);
          continue;
        }
        // A file that failed is opened anew, in case it was put back meanwhile; memory would be lost by that.
        if (code !== undefined && file !== undefined) await close();
        throw explain(error, shown);
      }
    }
  }

  async function close(): Promise<void> {
    const closing = handle;
    handle = undefined;
    await closing?.close();
  }

  return {
    dialect: "sqlite",
    transaction(work) {
      const turn = last.then(() => run(work));
      // The next waits for the end of this one, however it ended; its caller learns how.
      last = turn.then(
        () => undefined,
        () => undefined,
      );
      return turn;
    },
    async close() {
      await last;
      await close();
    },
  };
}
