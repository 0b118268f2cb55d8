/** What the ledger needs of a database: transactions of bound statements. SQLite and PostgreSQL each have a file. */
import { LedgerFault } from "./ledger.ts";

/** One row, by column. */
export type Row = Readonly<Record<string, unknown>>;

/** Runs one statement of a transaction. Values are bound, never spliced into its text. */
export type Query = (text: TemplateStringsArray, ...values: readonly (string | number)[]) => Promise<readonly Row[]>;

export interface Database {
  readonly dialect: "sqlite" | "postgres";
  /**
   * Runs `work` as one transaction: all of it is kept, or nothing. It ends within a bounded time, whatever the
   * database does.
   *
   * @throws LedgerFault when the database fails, and whatever `work` throws of its own.
   */
  transaction<T>(work: (query: Query) => Promise<T>): Promise<T>;
  close(): Promise<void>;
}

/** A whole number of a column: BIGINT and `count(*)` are numbers on SQLite and strings on PostgreSQL. */
export function integerOf(value: unknown): number {
  const number = typeof value === "string" ? Number(value) : value;
  if (typeof number !== "number" || !Number.isSafeInteger(number)) throw unexpected("a whole number", value);
  return number;
}

export function numberOf(value: unknown): number {
  if (typeof value !== "number") throw unexpected("a number", value);
  return value;
}

export function textOf(value: unknown): string {
  if (typeof value !== "string") throw unexpected("text", value);
  return value;
}

function unexpected(expected: string, value: unknown): LedgerFault {
  return new LedgerFault(`the ledger's tables must hold ${expected} here: current value is ${JSON.stringify(value)}`);
}
