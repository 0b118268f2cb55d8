import { ipVersion } from "../../base/address.ts";
import { certificateMs, certificateRetryMs } from "../../base/limits.ts";

/** Reads when the certificate of a host expires, Unix milliseconds; undefined when none can be read in time. */
export type ReadExpiry = (url: URL, timeoutMs: number, signal: AbortSignal) => Promise<number | undefined>;

/**
 * Shakes hands with the host and looks at its own certificate, which need not be trusted or valid for that: the probe is
 * what verifies it. It goes to the host itself, never through a proxy.
 */
export const readExpiry: ReadExpiry = async (url, timeoutMs, signal) => {
  const { connect } = await import("node:tls");
  const host = url.hostname.replace(/^\[|\]$/g, "");
  return await new Promise((resolve) => {
    const socket = connect({
      host,
      port: Number(url.port || 443),
      ...(ipVersion(host) === 0 ? { servername: host } : {}),
      rejectUnauthorized: false,
    });
    const finish = (expiryMs: number | undefined): void => {
      clearTimeout(timer);
      signal.removeEventListener("abort", giveUp);
      socket.destroy();
      resolve(expiryMs);
    };
    const giveUp = (): void => finish(undefined);
    const timer = setTimeout(giveUp, timeoutMs);
    signal.addEventListener("abort", giveUp);
    socket.on("error", giveUp);
    socket.on("close", giveUp);
    socket.on("secureConnect", () => {
      const expiryMs = Date.parse(socket.getPeerCertificate().valid_to ?? "");
      finish(Number.isFinite(expiryMs) ? expiryMs : undefined);
    });
  });
};

interface Known {
  /** Stays when a later reading fails: a certificate does not change because its host is down. */
  readonly expiryMs: number | undefined;
  readonly readAtMs: number;
  readonly isFresh: boolean;
}

/** What is known of the certificates of hosts; a handshake for each is made now and then, not with every probe. */
export class Certificates {
  readonly #read: ReadExpiry;
  readonly #now: () => number;
  readonly #known = new Map<string, Known>();

  constructor(read: ReadExpiry, now: () => number) {
    this.#read = read;
    this.#now = now;
  }

  /** When the certificate of a URL's host expires, Unix milliseconds; undefined when it was never read. */
  expiryMs(url: URL): number | undefined {
    return this.#known.get(url.host)?.expiryMs;
  }

  /** Whether it is time to read it; sooner when the URL fails, as a new certificate may be why it works again. */
  isDue(url: URL, isHealthy: boolean): boolean {
    const known = this.#known.get(url.host);
    if (known === undefined) return true;
    return this.#now() - known.readAtMs >= (known.isFresh && isHealthy ? certificateMs : certificateRetryMs);
  }

  async read(url: URL, timeoutMs: number, signal: AbortSignal): Promise<void> {
    const expiryMs = await this.#read(url, timeoutMs, signal);
    const isFresh = expiryMs !== undefined;
    this.#known.set(url.host, { expiryMs: expiryMs ?? this.expiryMs(url), readAtMs: this.#now(), isFresh });
  }
}
