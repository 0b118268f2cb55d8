/** CONTRIBUTING's way to add a handler, followed to the letter in a copy of the project. */
import { afterAll, expect, test } from "bun:test";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { root } from "../harness/build.ts";
import { freePort } from "../harness/readme.ts";

const copy = mkdtempSync(join(tmpdir(), "specta-walkthrough-"));
afterAll(() => rmSync(copy, { recursive: true, force: true }));

/** The fence that follows a comment, by what the comment names. */
function fences(kind: "file" | "line"): Map<string, string> {
  const text = readFileSync(join(root, "CONTRIBUTING.md"), "utf8");
  const pattern = new RegExp(`^<!-- ${kind}: (\\S+) -->\\n+\`\`\`\\w+\\n([\\s\\S]*?)^\`\`\`$`, "gm");
  return new Map([...text.matchAll(pattern)].map((match) => [match[1]!, match[2]!]));
}

test("one folder and one line are a new handler", async () => {
  for (const name of ["src", "package.json", "tsconfig.json"])
    cpSync(join(root, name), join(copy, name), { recursive: true });
  symlinkSync(join(root, "node_modules"), join(copy, "node_modules"));
  for (const [path, text] of fences("file")) {
    mkdirSync(dirname(join(copy, path)), { recursive: true });
    writeFileSync(join(copy, path), text);
  }
  for (const [path, line] of fences("line")) {
    const list = readFileSync(join(copy, path), "utf8");
    expect(list).toContain("builtIns: readonly BuiltIn[] = [");
    writeFileSync(join(copy, path), line + list.replace("readonly BuiltIn[] = [", "readonly BuiltIn[] = [port, "));
  }
  writeFileSync(
    join(copy, "tsconfig.json"),
    readFileSync(join(root, "tsconfig.json"), "utf8").replace('"tests", "examples"', ""),
  );
  const types = Bun.spawnSync([join(root, "node_modules/.bin/tsc"), "--noEmit", "-p", copy], { cwd: copy });
  expect(types.stdout.toString()).toBe("");

  const open = createServer();
  await new Promise<void>((resolve) => open.listen(0, "127.0.0.1", resolve));
  const address = open.address();
  if (address === null || typeof address === "string") throw new Error("a listening socket has no port");
  const targets = [
    { service: "open", host: "127.0.0.1", port: address.port },
    { service: "closed", host: "127.0.0.1", port: await freePort() },
  ];
  writeFileSync(join(copy, "specta.yaml"), JSON.stringify({ handlers: { port: { targets } } }));
  const env = {
    ...process.env,
    SPECTA_ENVIRONMENT: "testing",
    SPECTA_HTTP_PORT: "0",
    SPECTA_CONFIG: join(copy, "specta.yaml"),
  };
  const daemon = Bun.spawn([process.execPath, join(copy, "src/main.ts"), "daemon"], {
    env,
    stdout: "pipe",
    stderr: "inherit",
  });
  let url = "";
  let text = "";
  for await (const chunk of daemon.stdout.pipeThrough(new TextDecoderStream())) {
    text += chunk;
    url = /"address":"([^"]+)"/.exec(text)?.[1] ?? "";
    if (text.includes('"message":"instrumented worker handler", "handler":"port"')) break;
  }
  const metrics = await (await fetch(`http://${url}/metrics`)).text();
  daemon.kill();
  open.close();
  expect(metrics).toContain('tcp_port_health{env="testing",service="open"} 1\n');
  expect(metrics).toContain('tcp_port_health{env="testing",service="closed"} 0\n');
  expect(await daemon.exited).toBe(0);
}, 60_000);
