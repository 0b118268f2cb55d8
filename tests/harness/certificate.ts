/** Certificates made by openssl, signed by themselves. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TlsFiles } from "./http.ts";
import { tool } from "./tools.ts";

/** The least that `openssl ca` asks for; it alone sets both dates with every version in use. */
const settings = `
[ca]
default_ca = own
[own]
database = index
serial = serial
new_certs_dir = .
default_md = sha256
policy = any
copy_extensions = copy
[any]
commonName = supplied
`;

/**
 * Valid from `fromMs` to `toMs` (Unix milliseconds, whole seconds) for `hosts`, as openssl writes alternative names; left
 * out: 127.0.0.1 and localhost. @throws without openssl.
 */
export function selfSigned(fromMs: number, toMs: number, hosts = "IP:127.0.0.1,DNS:localhost"): TlsFiles {
  const folder = mkdtempSync(join(tmpdir(), "specta-certificate-"));
  const run = (...args: string[]) => {
    const ran = Bun.spawnSync([tool("openssl"), ...args], { cwd: folder });
    if (!ran.success) throw new Error(`openssl ${args[0]} failed: ${ran.stderr}`);
  };
  try {
    writeFileSync(join(folder, "ca.cnf"), settings);
    writeFileSync(join(folder, "index"), "");
    writeFileSync(join(folder, "serial"), "01\n");
    const names = `subjectAltName=${hosts}`;
    run("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-out", "key");
    run("req", "-new", "-key", "key", "-subj", "/CN=localhost", "-addext", names, "-out", "request");
    const dates = ["-startdate", stamp(fromMs), "-enddate", stamp(toMs)];
    run(
      "ca",
      "-config",
      "ca.cnf",
      "-selfsign",
      "-batch",
      "-notext",
      "-keyfile",
      "key",
      "-in",
      "request",
      ...dates,
      "-out",
      "cert",
    );
    return { key: readFileSync(join(folder, "key"), "utf8"), cert: readFileSync(join(folder, "cert"), "utf8") };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function stamp(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19).replace(/[-:T]/g, "")}Z`;
}
