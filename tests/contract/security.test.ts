/** SECURITY.md: the tests that it names are there, those that it must name are named, and its proxies take what it shows. */
import { afterAll, describe, expect, test } from "bun:test";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { root } from "../harness/build.ts";
import { run } from "../harness/command.ts";
import { testWith, tool } from "../harness/tools.ts";

const text = readFileSync(join(root, "SECURITY.md"), "utf8");
const folder = mkdtempSync(join(tmpdir(), "specta-security-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** The files of the project that a text names. */
function namedIn(markdown: string): string[] {
  return [...markdown.matchAll(/`((?:src|tests)\/[^`]+)`/g)].map(([, path = ""]) => path);
}

const missing = (markdown: string) => namedIn(markdown).filter((path) => !existsSync(join(root, path)));

describe("the evidence", () => {
  test("names files that are there", () => {
    expect(namedIn(text).length).toBeGreaterThan(30);
    expect(missing(text)).toEqual([]);
  });

  test("control: a file that is not there is seen", () => {
    expect(missing("`tests/faults/gone.test.ts` and `src/main.ts`")).toEqual(["tests/faults/gone.test.ts"]);
  });

  test("names every test of faults and of random inputs that guards against strangers", () => {
    const named = new Set(namedIn(text));
    const tests = [...new Bun.Glob("tests/{faults,property}/*.test.ts").scanSync({ cwd: root })];
    expect(tests.length).toBeGreaterThan(20);
    // What an address is, is no evidence of anything.
    expect(tests.filter((path) => !named.has(path))).toEqual(["tests/property/address.test.ts"]);
  });

  test("has a row of four cells for each", () => {
    const [, table = ""] = text.split("## Evidence\n");
    const rows = table.split("\n").filter((line) => line.startsWith("| ") && !line.startsWith("| **"));
    for (const row of rows) expect([row, row.split(" | ").length]).toEqual([row, 4]);
  });
});

/** The block of that language. */
function block(language: string): string {
  return new RegExp(`\`\`\`${language}\n([^]*?)\`\`\``).exec(text)?.[1] ?? "";
}

describe("the settings of proxies", () => {
  async function nginx(settings: string) {
    const file = join(folder, "nginx.conf");
    writeFileSync(file, `error_log stderr;\npid ${folder}/pid;\nevents {}\nhttp {\naccess_log off;\n${settings}\n}\n`);
    const { code, stderr } = await run([tool("nginx"), "-t", "-p", folder, "-c", file]);
    return { code, stderr };
  }
  async function haproxy(settings: string) {
    const file = join(folder, "haproxy.cfg");
    writeFileSync(file, settings);
    const { code, stdout, stderr } = await run([tool("haproxy"), "-c", "-f", file]);
    return { code, stderr: stdout + stderr };
  }

  testWith(["nginx"], "are those of nginx", async () => {
    expect(block("nginx")).toContain("limit_conn");
    expect(await nginx(block("nginx"))).toMatchObject({ code: 0 });
    // The control.
    expect((await nginx(block("nginx").replace("limit_conn ", "limit_con "))).code).not.toBe(0);
  });

  testWith(["haproxy"], "are those of HAProxy", async () => {
    expect(block("haproxy")).toContain("stick-table");
    const { code, stderr } = await haproxy(block("haproxy"));
    expect({ code, stderr: stderr.includes("WARNING") ? stderr : "" }).toEqual({ code: 0, stderr: "" });
    expect((await haproxy(block("haproxy").replace("sc0_conn_cur", "sc0_con_cur"))).code).not.toBe(0);
  });
});
