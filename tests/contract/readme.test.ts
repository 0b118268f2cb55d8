/** The README's commands, as a stranger types them: in an empty folder with a fresh copy of the project. */
import { afterAll, expect, test } from "bun:test";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { commands } from "../../src/commands/index.ts";
import { root } from "../harness/build.ts";
import { run } from "../harness/command.ts";
import { blocks, freePort, runBlocks } from "../harness/readme.ts";
import { testWith } from "../harness/tools.ts";

const folder = mkdtempSync(join(tmpdir(), "specta-readme-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const env = { PATH: process.env.PATH ?? "", HOME: process.env.HOME ?? folder };

/** What a clone would hold. */
function copyProject(): string {
  const copy = mkdtempSync(join(folder, "copy-"));
  const listed = Bun.spawnSync(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], { cwd: root });
  for (const path of listed.stdout.toString().split("\0")) {
    if (path !== "" && existsSync(join(root, path))) cpSync(join(root, path), join(copy, path), { recursive: true });
  }
  return copy;
}

const readme = readFileSync(join(root, "README.md"), "utf8");

async function runMarked(): Promise<void> {
  const marked = blocks(readme);
  expect(marked.map(({ kind }) => kind)).toContain("background");
  expect(marked.map(({ kind }) => kind)).toContain("prints");
  const port = await freePort();
  const moved = marked.map((block) => ({ ...block, text: block.text.replaceAll(":7777", `:${port}`) }));
  await runBlocks(moved, copyProject(), { ...env, ...variables(), SPECTA_HTTP_PORT: String(port) });
}

testWith(["curl", "promtool"], "every marked command of the README does what it says", runMarked, 300_000);

/** Where npm finds its packages and certificates is this machine's own affair. */
function variables(): Record<string, string> {
  const kept = Object.entries(process.env).filter(([name]) =>
    /^(npm_config_|NODE_EXTRA_CA|SSL_CERT|HTTPS?_PROXY|NO_PROXY)/i.test(name),
  );
  return Object.fromEntries(kept.map(([name, value]) => [name, value ?? ""]));
}

/** How commands begin that are left out above: other tests try what they do, or they need an engine for containers. */
const elsewhere = /^(?:npx --yes bun@1\.4\.5 run test|docker (?:build|run|compose)|bun run bench)\b/;

test("a command of the README that is not run is one that cannot be run here", () => {
  const fences = [...readme.matchAll(/(<!-- run(?:: \w+)? -->\n+)?```sh\n([\s\S]*?)^```$/gm)];
  const left = fences.filter(([, mark]) => mark === undefined).map(([, , text = ""]) => text.replaceAll("\\\n", ""));
  expect(fences.length - left.length).toBe(blocks(readme).filter(({ kind }) => kind !== "prints").length);
  expect(left.length).toBeGreaterThan(3);
  for (const line of left.flatMap((text) => text.trim().split("\n"))) expect(line).toMatch(elsewhere);
});

test("the README's script for browsers is the example's, which Chromium runs", () => {
  const [, script] = /^```js\n([\s\S]*?)^```$/m.exec(readme) ?? [];
  expect(script).toBe(readFileSync(join(root, "examples/browser/page-ready.js"), "utf8"));
});

test("the README's handler is loaded as its configuration says", async () => {
  const fence = (kind: string) => new RegExp(`^\`\`\`${kind}\\n([\\s\\S]*?)^\`\`\`$`, "m").exec(chapter)?.[1] ?? "";
  const [chapter = ""] = /^## A handler of your own\n[\s\S]*?^## /m.exec(readme) ?? [];
  const project = mkdtempSync(join(folder, "handler-"));
  mkdirSync(join(project, "handlers"));
  writeFileSync(join(project, "handlers/queue.ts"), fence("ts"));
  writeFileSync(join(project, "specta.yaml"), fence("yaml"));
  const { code, stdout } = await run([process.execPath, join(root, "src/main.ts"), "check", "specta.yaml"], {
    cwd: project,
  });
  expect(stdout).toContain("handler\tqueue\tactive\t");
  expect(stdout).toContain("reports queue_depth, cooler 10s");
  expect(code).toBe(0);
});

test("the README's table of commands is that of the help", () => {
  const listed = [...readme.matchAll(/^\| `specta (\w+)(?: (\S+))?` \|/gm)].map(([, name, argument]) => [
    name,
    argument,
  ]);
  expect(listed.toSorted()).toEqual(commands.map(({ name, argument }) => [name, argument]));
});

test("the README's links lead to files that are there, and to chapters of its own", () => {
  const targets = [...readme.matchAll(/\]\(([^)]+)\)|src="([^"]+)"/g)].map(([, link, image]) => link ?? image ?? "");
  const headings = [...readme.matchAll(/^##+ (.+)$/gm)].map(([, text = ""]) => slug(text));
  expect(targets.length).toBeGreaterThan(20);
  for (const target of targets) {
    const isThere = target.startsWith("#") ? headings.includes(target.slice(1)) : existsSync(join(root, target));
    expect([target, isThere]).toEqual([target, true]);
  }
});

/** The anchor that GitHub gives a heading. */
function slug(heading: string): string {
  return heading
    .toLowerCase()
    .replace(/[^\w\- ]/g, "")
    .replaceAll(" ", "-");
}

const page = (...lines: string[]) => lines.join("\n").replaceAll("'''", "```");

test("fences are read with what is said in front of them, and others left alone", () => {
  const text = page(
    "# x",
    "'''sh",
    "rm -rf x",
    "'''",
    "<!-- run -->",
    "'''sh",
    "echo 1",
    "'''",
    "",
    "<!-- prints -->",
    "",
    "'''",
    "1",
    "'''",
    "",
  );
  expect(blocks(text)).toEqual([
    { kind: "run", text: "echo 1\n", line: 5 },
    { kind: "prints", text: "1\n", line: 10 },
  ]);
});

test("a comment that is mistyped, or that no fence follows, is an error", () => {
  expect(() => blocks(page("<!-- run: backgruond -->", "'''sh", "x", "'''"))).toThrow(
    "line 1: the comment must be one of",
  );
  expect(() => blocks(page("", "<!-- run -->", "text"))).toThrow("line 2: a fence must follow");
});

test("a command that fails is an error", async () => {
  const failing = blocks(page("<!-- run -->", "'''sh", "false", "echo on", "'''"));
  await expect(runBlocks(failing, folder, env)).rejects.toThrow("line 1: exit code 1");
});

test("a command that prints something else than the page says is an error", async () => {
  const printing = (line: string) =>
    blocks(page("<!-- run -->", "'''sh", "echo one; echo two", "'''", "<!-- prints -->", "'''", line, "'''"));
  await runBlocks(printing("two"), folder, env);
  await expect(runBlocks(printing("three"), folder, env)).rejects.toThrow("line 5: this line was not printed: three");
});

test("what runs in the background is waited for, and ends with the last command", async () => {
  const started = 'echo $$ > pid; echo \'{ "message":"server is accepting calls" }\'; exec sleep 600';
  await runBlocks(
    blocks(
      page("<!-- run: background -->", "'''sh", started, "'''", "<!-- run -->", "'''sh", "kill -0 $(cat pid)", "'''"),
    ),
    folder,
    env,
  );
  const pid = Number(readFileSync(join(folder, "pid"), "utf8"));
  expect(() => process.kill(pid, 0)).toThrow("ESRCH");
});

test("what runs in the background ends before the next does", async () => {
  const started = (name: string, first: string) =>
    `${first}; echo $$ > ${name}; echo '{ "message":"server is accepting calls" }'; exec sleep 600`;
  await runBlocks(
    blocks(
      page(
        ...["<!-- run: background -->", "'''sh", started("first", "true"), "'''"],
        ...["<!-- run: background -->", "'''sh", started("second", "! kill -0 $(cat first)"), "'''"],
        ...["<!-- run -->", "'''sh", "kill -0 $(cat second)", "'''"],
      ),
    ),
    folder,
    env,
  );
});
