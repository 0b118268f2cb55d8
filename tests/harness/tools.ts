/** The programs of other people that tests start: where they stand, and what a test does when one is missing. */
import { test } from "bun:test";
import { existsSync } from "node:fs";

/** Commands by the name that tests use; a pattern with `*` is looked for outside PATH, the last match wins. */
const commands = {
  chromium: ["chromium", "chromium-browser", "google-chrome"],
  curl: ["curl"],
  fish: ["fish"],
  git: ["git"],
  go: ["go", "/usr/local/go/bin/go"],
  haproxy: ["haproxy", "/usr/sbin/haproxy"],
  initdb: ["initdb", "/usr/lib/postgresql/*/bin/initdb"],
  nginx: ["nginx", "/usr/sbin/nginx"],
  npm: ["npm"],
  npx: ["npx"],
  openssl: ["openssl"],
  pg_ctl: ["pg_ctl", "/usr/lib/postgresql/*/bin/pg_ctl"],
  postgres: ["postgres", "/usr/lib/postgresql/*/bin/postgres"],
  prometheus: ["prometheus"],
  promtool: ["promtool"],
  pushgateway: ["pushgateway", "prometheus-pushgateway"],
  python3: ["python3"],
  setpriv: ["setpriv"],
  unshare: ["unshare"],
  wrk: ["wrk"],
  zsh: ["zsh"],
} as const satisfies Record<string, readonly string[]>;

export type Tool = keyof typeof commands;

/** Where CI is set, a missing tool fails the tests that need it. */
export const isCi = ["1", "true"].includes(process.env.CI ?? "");

function find(name: Tool): string | undefined {
  for (const command of commands[name]) {
    if (command.includes("*")) {
      const matches = [...new Bun.Glob(command).scanSync({ cwd: "/", absolute: true })].sort();
      if (matches.length > 0) return matches.at(-1);
    } else if (command.startsWith("/") ? existsSync(command) : Bun.which(command)) {
      return Bun.which(command) ?? command;
    }
  }
  return undefined;
}

/** The path of a tool. @throws when it is not installed. */
export function tool(name: Tool): string {
  const path = find(name);
  if (path === undefined) throw new Error(`${name} is not installed: tried ${commands[name].join(", ")}`);
  return path;
}

export const isRoot = process.getuid?.() === 0;

/**
 * A test that needs tools, or to be root (`"root"`). Without them it fails where CI is set, and is reported as skipped
 * elsewhere.
 */
export function testWith(
  needs: readonly (Tool | "root")[],
  name: string,
  run: () => void | Promise<void>,
  timeoutMs?: number,
  /** `beside`: while others of the file run, for a test that does little but wait. */
  when: "alone" | "beside" = "alone",
): void {
  const missing = needs.filter((need) => (need === "root" ? !isRoot : find(need) === undefined));
  const body = missing.length === 0 ? run : () => Promise.reject(new Error(`missing here: ${missing.join(", ")}`));
  const add = when === "beside" ? test.concurrent : test;
  add.skipIf(missing.length > 0 && !isCi)(name, body, timeoutMs);
}
