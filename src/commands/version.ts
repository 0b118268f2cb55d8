import { build } from "../base/build.ts";
import { print } from "./print.ts";

export async function version(): Promise<number> {
  const rows = [
    ["Git Sha", build.sha],
    ["Git Tag", build.tag],
    ["Repository", build.source],
    ["Bun Arch", build.arch],
    ["Bun OS", build.os],
    ["Bun Version", build.bun],
  ] as const;
  await print(rows.map(([name, value]) => `${name.padEnd(13)} ${value}\n`).join(""));
  return 0;
}
