import type { Secret } from "../base/secret.ts";
import type { Ledger } from "../ledger/ledger.ts";
import type { LedgerSource } from "../worker/tenure.ts";

/**
 * The ledger that the environment names, loaded at its first use: a daemon that counts no builds and has no database
 * pays nothing for it. Its birth is now, not its first use, and the beginning of its second: GitHub tells whole seconds,
 * and what ended in the second of the birth would else seem to have ended before it.
 */
export function lazyLedger(url: Secret | undefined): LedgerSource & { close(): Promise<void> } {
  const bornMs = Math.floor(Date.now() / 1000) * 1000;
  let opened: Promise<Ledger> | undefined;
  return {
    isConfigured: url !== undefined,
    open() {
      opened ??= import("../ledger/open.ts").then(({ openLedger }) => openLedger(url, { bornMs }));
      return opened;
    },
    async close() {
      if (opened !== undefined) await (await opened).close();
    },
  };
}
