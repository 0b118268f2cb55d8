/** Connect's own conformance suite, put to specta's adapter: all that it serves, with no list of known failures. */
import { expect } from "bun:test";
import { existsSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { root } from "../harness/build.ts";
import { testWith, tool } from "../harness/tools.ts";

const version = "v1.0.5";

/** The suite's runner, built once and kept among the temporary files. */
function runner(): string {
  const folder = join(tmpdir(), `specta-conformance-${version}`);
  const path = join(folder, "connectconformance");
  if (existsSync(path)) return path;
  const module = `connectrpc.com/conformance/cmd/connectconformance@${version}`;
  const env = { ...process.env, GOBIN: folder, GOFLAGS: "-mod=mod" };
  const built = Bun.spawnSync([tool("go"), "install", module], { env });
  if (!built.success) throw new Error(`the conformance suite could not be built: ${built.stderr}`);
  return path;
}

function run() {
  const command = [runner(), "--mode", "server", "--conf", "config.yaml", "--", process.execPath, "server.ts"];
  const ran = Bun.spawnSync(command, { cwd: join(root, "tests/conformance") });
  return { code: ran.exitCode, output: `${ran.stdout}${ran.stderr}` };
}

testWith(
  ["go"],
  "Connect's conformance suite has no finding: Connect and gRPC-web, JSON and binary, gzip, TLS, client certificates",
  () => {
    const { code, output } = run();
    const [, passed = "0", failed] = /^(\d+) passed, (\d+) failed$/m.exec(output) ?? [];
    if (code !== 0) throw new Error(output.slice(0, 4000));
    expect(failed).toBe("0");
    expect(Number(passed)).toBeGreaterThan(500);
    console.log(`conformance: ${passed} cases passed`);
  },
  600_000,
);
