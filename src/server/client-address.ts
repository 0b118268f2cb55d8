import type { BlockList } from "node:net";
import { ipVersion, ipv6Groups } from "../base/address.ts";
import { maxProxyHops } from "../base/limits.ts";

/** Which address a request comes from: the peer's, or what the proxies in front of us say, as far as they are trusted. */
export class ClientAddresses {
  /** Undefined: no proxy is trusted. */
  readonly #trusted: BlockList | undefined;

  /** Networks in CIDR form; a plain address is a network of one. */
  constructor(trustedProxies: readonly string[]) {
    if (trustedProxies.length === 0) return;
    // Loaded for those alone who have proxies, as it costs 3 MB.
    const { BlockList } = process.getBuiltinModule("node:net");
    this.#trusted = new BlockList();
    for (const network of trustedProxies) {
      const [address = "", bits] = network.split("/");
      const family = ipVersion(address) === 6 ? "ipv6" : "ipv4";
      if (bits === undefined) this.#trusted.addAddress(address, family);
      else this.#trusted.addSubnet(address, Number(bits), family);
    }
  }

  /** The right-most address of the chain that is no proxy of ours; "" when even the peer's is unknown. */
  of(peer: string | undefined, forwardedFor: string | null): string {
    let client = plain(peer ?? "");
    if (this.#trusted === undefined || forwardedFor === null) return client;
    const hops = forwardedFor.split(",").slice(-maxProxyHops);
    while (hops.length > 0 && this.#isTrusted(client)) {
      const hop = plain(withoutPort(hops.pop()!.trim()));
      if (ipVersion(hop) === 0) break;
      client = hop;
    }
    return client;
  }

  #isTrusted(address: string): boolean {
    const version = ipVersion(address);
    return version !== 0 && this.#trusted?.check(address, version === 6 ? "ipv6" : "ipv4") === true;
  }
}

/** An IPv4 address that a socket of both families, or a proxy, shows as an IPv6 one, in whatever notation. */
function plain(address: string): string {
  if (ipVersion(address) !== 6) return address;
  const groups = ipv6Groups(address);
  const [high = 0, low = 0] = groups.slice(6);
  const isMapped = groups[5] === 0xffff && groups.slice(0, 5).every((group) => group === 0);
  return isMapped ? `${high >> 8}.${high & 255}.${low >> 8}.${low & 255}` : address;
}

function withoutPort(hop: string): string {
  return /^\[([^\]]+)\](?::\d+)?$/.exec(hop)?.[1] ?? (/^(\d+\.\d+\.\d+\.\d+):\d+$/.exec(hop)?.[1] || hop);
}
