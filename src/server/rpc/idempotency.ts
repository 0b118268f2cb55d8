/**
 * Pushes that carry a key are recorded once. Verifying and recording happen in one turn of the event loop, so two
 * requests with one key are never in flight together: the second to arrive whole finds the first one's success.
 */
import { mustBe } from "../../base/errors.ts";
import { idempotencyMs, maxIdempotencyKeyChars, maxIdempotencyKeys } from "../../base/limits.ts";
import type { Kind } from "../../metrics/definition.ts";
import type { Rejection } from "./rejection.ts";
import type { Action } from "./verify.ts";

interface Success {
  /** A hash of the method and its actions, so that a key holds across protocols and encodings. */
  readonly digest: string;
  readonly atMs: number;
}

const pattern = new RegExp(`^[\\x21-\\x7e]{1,${maxIdempotencyKeyChars}}$`);

export class IdempotencyKeys {
  /** In the order of their success, so that the oldest stand first. */
  readonly #successes = new Map<string, Success>();
  /** Passes over what was forgotten once; one made anew would pass over all of it with each key. */
  readonly #oldest = this.#successes.keys();
  readonly #nowMs: () => number;

  constructor(nowMs: () => number = Date.now) {
    this.#nowMs = nowMs;
  }

  get size(): number {
    return this.#successes.size;
  }

  /** Whether this push was recorded already, or why its key is refused. */
  find(key: string, digest: string): boolean | Rejection {
    if (!pattern.test(key)) {
      const expected = `1 to ${maxIdempotencyKeyChars} visible ASCII characters`;
      return {
        kind: "idempotency_key",
        message: mustBe("Idempotency-Key", expected, key.slice(0, maxIdempotencyKeyChars)),
      };
    }
    const success = this.#successes.get(key);
    if (success === undefined || this.#nowMs() - success.atMs > idempotencyMs) return false;
    if (success.digest === digest) return true;
    const message = `Idempotency-Key must be new for each body: current value is ${JSON.stringify(key)}, which came with another`;
    return { kind: "idempotency_key", message };
  }

  /** Remembers a success; forgets the oldest where it is one too many. */
  add(key: string, digest: string): void {
    this.#successes.delete(key);
    this.#successes.set(key, { digest, atMs: this.#nowMs() });
    if (this.#successes.size > maxIdempotencyKeys) this.#successes.delete(this.#oldest.next().value!);
  }
}

/** What tells one push from another, whatever the encoding of its body. */
export function digestOf(kind: Kind, actions: readonly Action[]): string {
  const content = actions.map(({ metric, labels, number }) => [
    metric,
    Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1)),
    // JSON has no word for these, and writes minus zero as zero.
    Number.isFinite(number) ? number : String(number),
  ]);
  return new Bun.CryptoHasher("sha256").update(JSON.stringify([kind, content])).digest("base64");
}
