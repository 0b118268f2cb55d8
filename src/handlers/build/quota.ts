import { maxQuotaRestMs, secondaryRestMs } from "../../base/limits.ts";

/** An answer, or a rest, that asking again at once would not change. */
export class Refused extends Error {
  override readonly name: string = "Refused";
}

/** What GitHub's answers say of the quota: how much is left, and until when nothing may be asked. */
export class Quota {
  readonly #now: () => number;
  #restUntilMs = 0;
  #resetMs = 0;
  #remaining: number | undefined;

  constructor(now: () => number) {
    this.#now = now;
  }

  /** Requests left, by the answers since `begin`; undefined where they did not say. */
  get remaining(): number | undefined {
    return this.#remaining;
  }

  /** The end of the rest, Unix milliseconds; undefined when there is none. */
  get restUntilMs(): number | undefined {
    return this.#now() < this.#restUntilMs ? this.#restUntilMs : undefined;
  }

  /** An execution begins: what earlier ones were told of the quota is old. */
  begin(): void {
    this.#remaining = undefined;
    this.#resetMs = 0;
  }

  /** @throws Refused while a rest lasts */
  admit(): void {
    const untilMs = this.restUntilMs;
    if (untilMs !== undefined) throw new Refused(restText(untilMs));
  }

  /** Reads an answer's status, headers and (of a refusal) body. */
  observe(status: number, headers: Headers, body: string): void {
    const now = this.#now();
    const remaining = whole(headers.get("x-ratelimit-remaining"));
    const resetMs = (whole(headers.get("x-ratelimit-reset")) ?? 0) * 1000;
    if (remaining !== undefined) this.#note(remaining, resetMs);
    const spent = remaining === 0 && resetMs > now;
    if (spent) this.#rest(resetMs);
    if (status !== 403 && status !== 429 && status !== 503) return;
    const afterMs = retryAfterMs(headers.get("retry-after"), now);
    if (afterMs !== undefined) this.#rest(now + afterMs);
    else if (!spent && (status === 429 || (status === 403 && /rate limit|abuse/i.test(body)))) {
      this.#rest(now + secondaryRestMs);
    }
  }

  /** Requests run side by side: within one period the lowest number is the latest. */
  #note(remaining: number, resetMs: number): void {
    if (resetMs < this.#resetMs) return;
    this.#remaining =
      resetMs > this.#resetMs || this.#remaining === undefined ? remaining : Math.min(remaining, this.#remaining);
    this.#resetMs = resetMs;
  }

  #rest(untilMs: number): void {
    this.#restUntilMs = Math.max(this.#restUntilMs, Math.min(untilMs, this.#now() + maxQuotaRestMs));
  }
}

/** The reason of a failure while a rest lasts. */
export function restText(untilMs: number): string {
  const until = new Date(untilMs).toISOString().slice(0, 19).replace("T", " ");
  return `resting until ${until} as the quota of GitHub asks`;
}

function whole(text: string | null): number | undefined {
  return text !== null && /^\d{1,12}$/.test(text.trim()) ? Number(text) : undefined;
}

/** Seconds, or a date of HTTP. */
function retryAfterMs(text: string | null, now: number): number | undefined {
  if (text === null) return undefined;
  const seconds = whole(text);
  if (seconds !== undefined) return seconds * 1000;
  const date = Date.parse(text);
  return Number.isNaN(date) ? undefined : Math.max(0, date - now);
}
