import { closeSync, openSync, readSync, statSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { mustBe, Problems } from "../base/errors.ts";
import type { Secret } from "../base/secret.ts";

/** Where a ledger is. `shown` is for logs and errors: it has no password. */
export type Address =
  | { readonly kind: "memory"; readonly shown: string }
  | { readonly kind: "sqlite"; readonly shown: string; readonly file: string }
  | { readonly kind: "postgres"; readonly shown: string; readonly url: string };

const expected = "sqlite://FILE or postgres://USER:PASSWORD@HOST:PORT/DATABASE";

/**
 * Reads `SPECTA_DATABASE_URL`. A file's path is what follows `sqlite://`, as it stands: `sqlite://data/specta.db` is
 * relative to the working folder, `sqlite:///data/specta.db` absolute.
 *
 * @throws Problems when it names no ledger; the message has no part of it but its scheme.
 */
export function parseAddress(url: Secret | undefined): Address {
  if (!url) return { kind: "memory", shown: "memory" };
  const text = url.reveal();
  if (text.startsWith("sqlite://")) {
    const file = text.slice("sqlite://".length);
    if (file === "") throw new Problems([`SPECTA_DATABASE_URL must name a file: current value is "sqlite://"`]);
    if (file === ":memory:") return { kind: "memory", shown: "memory" };
    return { kind: "sqlite", shown: `sqlite://${file}`, file };
  }
  if (/^postgres(ql)?:\/\//.test(text)) {
    const parsed = URL.parse(text);
    if (!parsed?.hostname) throw new Problems([`SPECTA_DATABASE_URL must be ${expected}: current value is no URL`]);
    const user = parsed.username === "" ? "" : `${parsed.username}@`;
    return { kind: "postgres", shown: `postgres://${user}${parsed.host}${parsed.pathname}`, url: text };
  }
  const scheme = /^[a-z][a-z0-9+.-]{0,30}:(\/\/)?/i.exec(text)?.[0];
  throw new Problems([
    scheme === undefined
      ? `SPECTA_DATABASE_URL must be ${expected}: current value has no scheme`
      : mustBe("SPECTA_DATABASE_URL", expected, `${scheme}…`),
  ]);
}

/** What every SQLite file begins with. */
const sqliteMagic = "SQLite format 3\0";

/**
 * Looks for what no waiting mends: a file in a folder that is not there, or that is something else. A database that is
 * away, full, locked or read-only may be well a moment later: that is left to the first use.
 *
 * @throws Problems when the ledger can never be opened at this address.
 */
export function checkPlace(address: Address): void {
  if (address.kind !== "sqlite") return;
  const problem = wrongPlace(resolve(address.file));
  if (problem !== undefined) {
    throw new Problems([
      `SPECTA_DATABASE_URL must name an SQLite file, or a new one in a folder that is there: ${problem}`,
    ]);
  }
}

function wrongPlace(file: string): string | undefined {
  const folder = dirname(file);
  try {
    if (!statSync(folder, { throwIfNoEntry: false })?.isDirectory()) return `there is no folder ${folder}`;
    const found = statSync(file, { throwIfNoEntry: false });
    if (found?.isDirectory()) return `${file} is a folder`;
    // Until something is written a new file is empty.
    return found?.isFile() && found.size > 0 && beginsOtherwise(file) ? `${file} is something else` : undefined;
  } catch (error) {
    // What may not be seen now may be allowed later, and is told by the first use.
    const isNoFolder = error instanceof Error && "code" in error && error.code === "ENOTDIR";
    return isNoFolder ? `there is no folder ${folder}` : undefined;
  }
}

function beginsOtherwise(file: string): boolean {
  const head = Buffer.alloc(sqliteMagic.length);
  const opened = openSync(file, "r");
  try {
    readSync(opened, head, 0, head.length, 0);
  } finally {
    closeSync(opened);
  }
  return head.toString("latin1") !== sqliteMagic;
}
