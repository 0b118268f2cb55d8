import { ipVersion } from "../base/address.ts";

/** A network in CIDR form: what it is given, or the whole length of a single address; undefined when it is neither. */
export function parseNetwork(text: string): string | undefined {
  const slash = text.indexOf("/");
  const address = slash < 0 ? text : text.slice(0, slash);
  const family = address.includes("%") ? 0 : ipVersion(address);
  if (family === 0) return undefined;
  const most = family === 4 ? 32 : 128;
  if (slash < 0) return `${address}/${most}`;
  const length = text.slice(slash + 1);
  return /^(0|[1-9]\d{0,2})$/.test(length) && Number(length) <= most ? text : undefined;
}

/** Whether this is an origin exactly as browsers send it: `scheme://host[:port]`, lower case, no default port, no slash. */
export function isOrigin(text: string): boolean {
  if (!/^[a-z][a-z0-9+.-]*:\/\/[^/?#@\s]+$/.test(text)) return false;
  const url = URL.parse(text);
  if (url === null || url.host === "") return false;
  return `${url.protocol}//${url.host}` === text;
}
