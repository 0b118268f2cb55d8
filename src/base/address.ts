const ipv4 = /^(?:(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(?:\.(?!$)|$)){4}$/;
const group = /^[0-9a-f]{1,4}$/i;

/** 4 or 6 for an IP address, 0 for any other text. As `isIP` of node:net, which would cost each start 3 MB. */
export function ipVersion(text: string): 0 | 4 | 6 {
  if (ipv4.test(text)) return 4;
  return isIpv6(text.replace(/%[0-9a-z.:-]+$/i, "")) ? 6 : 0;
}

function isIpv6(address: string): boolean {
  const sides = address.split("::");
  const groups = sides.flatMap((side) => (side === "" ? [] : side.split(":")));
  const isMapped = !address.endsWith("::") && ipv4.test(groups.at(-1) ?? "");
  const hexadecimal = isMapped ? groups.slice(0, -1) : groups;
  const length = groups.length + (isMapped ? 1 : 0);
  const isWhole = sides.length === 1 ? length === 8 : sides.length === 2 && length < 8;
  return isWhole && hexadecimal.every((one) => group.test(one));
}

/** The eight numbers of an IPv6 address, whatever its notation; its zone does not count. */
export function ipv6Groups(address: string): readonly number[] {
  const [text = ""] = address.split("%");
  const dotted = text.slice(text.lastIndexOf(":") + 1);
  const isMixed = dotted.includes(".");
  const whole = isMixed ? text.slice(0, -dotted.length) + hexadecimal(dotted) : text;
  const [head = "", tail] = whole.split("::");
  const numbers = (side: string) => (side === "" ? [] : side.split(":").map((one) => Number.parseInt(one, 16)));
  const [first, last] = [numbers(head), numbers(tail ?? "")];
  return [...first, ...new Array<number>(Math.max(0, 8 - first.length - last.length)).fill(0), ...last];
}

/** `cb00:7109` for `203.0.113.9`. */
function hexadecimal(ipv4Address: string): string {
  const [a = 0, b = 0, c = 0, d = 0] = ipv4Address.split(".").map(Number);
  return `${(a * 256 + b).toString(16)}:${(c * 256 + d).toString(16)}`;
}
