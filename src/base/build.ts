declare const SPECTA_SHA: string | undefined;
declare const SPECTA_TAG: string | undefined;

const architectures: Readonly<Record<string, string>> = { x64: "amd64", arm64: "arm64" };

/** Facts of this binary; `sha` and `tag` are given to `bun build` with `--define`, "n/a" when they were not. */
export const build = {
  arch: architectures[process.arch] ?? process.arch,
  os: process.platform,
  sha: (typeof SPECTA_SHA === "string" && SPECTA_SHA) || "n/a",
  source: "https://github.com/0xSplits/specta",
  tag: (typeof SPECTA_TAG === "string" && SPECTA_TAG) || "n/a",
  bun: Bun.version,
} as const;
