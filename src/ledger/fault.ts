/** What a database's error means to the person who runs specta. */
import { SQL } from "bun";
import { sqliteBusyMs } from "../base/limits.ts";
import { formatDuration } from "../base/units.ts";
import { LedgerFault } from "./ledger.ts";

/** By the code of SQLite, of Bun's client, or PostgreSQL's SQLSTATE. */
const meanings: Readonly<Record<string, string>> = {
  ERR_POSTGRES_CONNECTION_REFUSED: "cannot be reached: no such host, or nothing listens there",
  ERR_POSTGRES_CONNECTION_CLOSED: "closed the connection",
  ERR_POSTGRES_CONNECTION_FAILED: "cannot be reached: it closes each connection at once",
  ERR_POSTGRES_CONNECTION_TIMEOUT: "cannot be reached: no answer in time",
  "28P01": "refuses the user name or the password",
  "28000": "refuses this user",
  "25006": "is read-only",
  "53100": "cannot write: its disk is full",
  "53300": "has no connection left",
  "55P03": "is busy: another session holds the lock",
  "57014": "took too long over a statement",
  "57P01": "is shutting down",
  "57P02": "is shutting down after a crash",
  "57P03": "is starting up",
  SQLITE_BUSY: `is locked by another process for longer than ${formatDuration(sqliteBusyMs)}`,
  SQLITE_CANTOPEN: "cannot be opened: its folder must exist, and folder and file must be writable",
  SQLITE_CORRUPT: "is damaged",
  SQLITE_FULL: "cannot be written: the disk is full",
  SQLITE_IOERR: "cannot be read or written: the disk may be full or failing",
  SQLITE_NOTADB: "is not an SQLite file",
  SQLITE_PERM: "cannot be opened: permission denied",
  SQLITE_READONLY: "cannot be written: the file or its folder is read-only",
};

/** The database's own code of an error: SQLSTATE, SQLite's, or that of Bun's client; undefined for other errors. */
export function codeOf(error: unknown): string | undefined {
  if (error instanceof SQL.PostgresError) return error.errno ?? error.code;
  if (error instanceof SQL.SQLiteError) return error.code;
  return undefined;
}

/** A database's error in words, with the place it belongs to; every other error as it is. */
export function explain(error: unknown, shown: string): unknown {
  const code = codeOf(error);
  if (code === undefined || !(error instanceof Error)) return error;
  // SQLite's extended codes begin with the plain one: SQLITE_READONLY_DIRECTORY, SQLITE_IOERR_WRITE.
  const plain = code.startsWith("SQLITE_") ? code.split("_").slice(0, 2).join("_") : code;
  const meaning = meanings[plain] ?? `answers with an error: ${error.message}`;
  return new LedgerFault(`the ledger at ${shown} ${meaning} (${code})`, code);
}
