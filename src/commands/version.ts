import { build } from "../base/build.ts";

export function version(): number {
  const rows = [
    ["Git Sha", build.sha],
    ["Git Tag", build.tag],
    ["Repository", build.source],
    ["Bun Arch", build.arch],
    ["Bun OS", build.os],
    ["Bun Version", build.bun],
  ] as const;
  process.stdout.write(rows.map(([name, value]) => `${name.padEnd(13)} ${value}\n`).join(""));
  return 0;
}
