import { BlockList, isIP } from "node:net";

/** Which address a request comes from: the peer's, or what the proxies in front of us say, as far as they are trusted. */
export class ClientAddresses {
  readonly #trusted = new BlockList();
  readonly #trustsAny: boolean;

  /** Networks in CIDR form; a plain address is a network of one. */
  constructor(trustedProxies: readonly string[]) {
    this.#trustsAny = trustedProxies.length > 0;
    for (const network of trustedProxies) {
      const [address = "", bits] = network.split("/");
      const family = isIP(address) === 6 ? "ipv6" : "ipv4";
      if (bits === undefined) this.#trusted.addAddress(address, family);
      else this.#trusted.addSubnet(address, Number(bits), family);
    }
  }

  /** The right-most address of the chain that is no proxy of ours; "" when even the peer's is unknown. */
  of(peer: string | undefined, forwardedFor: string | null): string {
    let client = plain(peer ?? "");
    if (!this.#trustsAny || forwardedFor === null) return client;
    const hops = forwardedFor.split(",");
    while (hops.length > 0 && this.#isTrusted(client)) {
      const hop = plain(withoutPort(hops.pop()!.trim()));
      if (isIP(hop) === 0) break;
      client = hop;
    }
    return client;
  }

  #isTrusted(address: string): boolean {
    const version = isIP(address);
    return version !== 0 && this.#trusted.check(address, version === 6 ? "ipv6" : "ipv4");
  }
}

/** An IPv4 address that a socket of both families shows as an IPv6 one. */
function plain(address: string): string {
  const mapped = address.toLowerCase().replace(/^::ffff:/, "");
  return isIP(mapped) === 4 ? mapped : address;
}

function withoutPort(hop: string): string {
  return /^\[([^\]]+)\](?::\d+)?$/.exec(hop)?.[1] ?? (/^(\d+\.\d+\.\d+\.\d+):\d+$/.exec(hop)?.[1] || hop);
}
