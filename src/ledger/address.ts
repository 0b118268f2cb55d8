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
