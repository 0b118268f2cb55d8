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
