import { expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { root } from "../harness/build.ts";

/** As the package's own script builds: from source every thread keeps some of the text that it was compiled from. */
function buildFlags(): string[] {
  const { scripts }: { scripts: Record<string, string> } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  const words = (scripts.build ?? "").split(" ");
  return words.filter((word) => /^--(?!define|outfile)/.test(word));
}

interface Left {
  readonly rssKb: number;
  readonly threads: number;
  readonly files: number;
}

interface Result {
  readonly before: Left;
  readonly after: Left;
  /** Executions by handler. */
  readonly failed: Readonly<Record<string, number>>;
}

test("nothing is left behind of 1,000 threads that died: no memory, no thread, no file", async () => {
  const folder = mkdtempSync(join(tmpdir(), "specta-respawns-"));
  try {
    const head = 'export const metrics = { a: { kind: "gauge", help: "x" } };\n';
    const hold = "const held = new Uint8Array(1_000_000).fill(1);\n";
    writeFileSync(join(folder, "exit.ts"), `${head}${hold}export const ensure = () => process.exit(held.length);`);
    writeFileSync(
      join(folder, "throw.ts"),
      `${head}${hold}export const ensure = () => { setTimeout(() => { throw held; }); return new Promise(() => {}); };`,
    );
    writeFileSync(join(folder, "loop.ts"), `${head}${hold}export const ensure = () => { while (held) ; };`);
    writeFileSync(join(folder, "import.ts"), `${hold}throw new Error(String(held.length));`);
    const binary = join(folder, "respawns");
    const source = join(root, "tests/fixtures/respawns.ts");
    const built = Bun.spawnSync([process.execPath, "build", source, ...buildFlags(), `--outfile=${binary}`], {
      cwd: root,
    });
    expect(built.stderr.toString()).not.toContain("error");
    expect(built.exitCode).toBe(0);
    const child = Bun.spawn([binary, folder, "200", "1000"], { stdout: "pipe", stderr: "pipe" });
    const [output, errors] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
    expect(errors).toBe("");
    const { before, after, failed }: Result = JSON.parse(output);
    console.log(`at rest after 200 deaths ${before.rssKb} kB, after 1,200 ${after.rssKb} kB`);
    expect(Object.keys(failed).sort()).toEqual(["exit", "import", "loop", "throw"]);
    expect(Object.values(failed).reduce((sum, count) => sum + count, 0)).toBeGreaterThanOrEqual(1000);
    expect(after.rssKb).toBeLessThan(before.rssKb * 1.2);
    // Bun's own pool comes and goes by a few.
    expect(after.threads).toBeLessThan(before.threads + 10);
    expect(after.files).toBeLessThan(before.files + 10);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}, 120_000);
