import { ipVersion, ipv6Groups } from "../base/address.ts";
import { maxRatedAddresses } from "../base/limits.ts";

interface Bucket {
  tokens: number;
  atMs: number;
}

export interface Limiter {
  /** Takes one request of this address: 0 when it may pass, else the whole seconds until one may. */
  take(address: string): number | Promise<number>;
}

/** A bucket of tokens for each client address, filled at a steady rate up to the burst. */
export class RateLimiter implements Limiter {
  readonly #perMs: number;
  readonly #burst: number;
  readonly #nowMs: () => number;
  /** In the order of their last use, so that the longest unseen stand first. */
  readonly #buckets = new Map<string, Bucket>();
  /**
   * Passes over what was forgotten or used again, once each. One made anew would pass over all of it each time, and be
   * fifty times as slow under a flood of addresses.
   */
  readonly #longestUnseen = this.#buckets.keys();

  /** A burst below one request would let nobody in; it is at least one. */
  constructor(
    rate: { requestsPerSecond: number; burst: number },
    nowMs: () => number = performance.now.bind(performance),
  ) {
    this.#perMs = rate.requestsPerSecond / 1000;
    this.#burst = Math.max(1, rate.burst);
    this.#nowMs = nowMs;
  }

  get size(): number {
    return this.#buckets.size;
  }

  take(address: string): number {
    const key = networkOf(address);
    const nowMs = this.#nowMs();
    const bucket = this.#buckets.get(key) ?? { tokens: this.#burst, atMs: nowMs };
    bucket.tokens = Math.min(this.#burst, bucket.tokens + (nowMs - bucket.atMs) * this.#perMs);
    bucket.atMs = nowMs;
    this.#buckets.delete(key);
    this.#buckets.set(key, bucket);
    if (this.#buckets.size > maxRatedAddresses) this.#buckets.delete(this.#longestUnseen.next().value!);
    if (bucket.tokens < 1) return Math.max(1, Math.ceil((1 - bucket.tokens) / this.#perMs / 1000));
    bucket.tokens -= 1;
    return 0;
  }
}

/** An IPv6 client has the addresses of a whole /64 to itself; they share a bucket. */
function networkOf(address: string): string {
  return ipVersion(address) === 6 ? ipv6Groups(address).slice(0, 4).join(":") : address;
}
