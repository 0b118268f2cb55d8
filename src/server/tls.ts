/** The certificate, read again when its files change: those who renew certificates restart nobody. */
import { readFileSync } from "node:fs";
import { messageOf, mustBe, Problems, troubleOf } from "../base/errors.ts";
import type { Log } from "../base/log.ts";
import type { TlsConfig } from "../config/config.ts";

/** The files' content, as `Bun.serve` takes it. */
export interface TlsMaterial {
  readonly cert: string;
  readonly key: string;
  readonly ca?: string;
  readonly requestCert: boolean;
  readonly rejectUnauthorized: boolean;
}

/** With a client CA only clients with a certificate of it get a connection. @throws Problems for files it cannot read. */
export function readTls({ certFile, keyFile, clientCaFile }: TlsConfig): TlsMaterial {
  const material = { cert: read("cert_file", certFile), key: read("key_file", keyFile) };
  if (clientCaFile === undefined) return { ...material, requestCert: false, rejectUnauthorized: false };
  return { ...material, ca: read("client_ca_file", clientCaFile), requestCert: true, rejectUnauthorized: true };
}

/** Looks for what no listener can use. @throws Problems with all that there are, without what the files hold. */
export function checkTls(config: TlsConfig): void {
  const { createPrivateKey, X509Certificate } = process.getBuiltinModule("node:crypto");
  const { cert, key, ca } = readTls(config);
  const problems: string[] = [];
  const parse = <T>(name: string, path: string | undefined, expected: string, make: () => T): T | undefined => {
    try {
      return make();
    } catch {
      problems.push(mustBe(`server.tls.${name}`, expected, path));
      return undefined;
    }
  };
  const { certFile, keyFile, clientCaFile } = config;
  const certificate = parse("cert_file", certFile, "a certificate in PEM", () => new X509Certificate(cert));
  const own = parse("key_file", keyFile, "a private key in PEM without a passphrase", () => createPrivateKey(key));
  if (ca !== undefined) parse("client_ca_file", clientCaFile, "certificates in PEM", () => new X509Certificate(ca));
  if (certificate !== undefined && own !== undefined && !certificate.checkPrivateKey(own)) {
    problems.push(mustBe("server.tls.key_file", "the key of the certificate", keyFile));
  }
  if (problems.length > 0) throw new Problems(problems);
}

/**
 * Reads the files every `intervalMs` and gives what has changed to `use`. Files that cannot be read or used, as while
 * they are being replaced, are logged once and tried again. The returned function ends it.
 */
export function watchTls(config: TlsConfig, intervalMs: number, log: Log, use: (tls: TlsMaterial) => void): () => void {
  let known = JSON.stringify(readTls(config));
  let complaint = "";
  const look = () => {
    try {
      const tls = readTls(config);
      const content = JSON.stringify(tls);
      if (content === known) return;
      use(tls);
      known = content;
      complaint = "";
      log.info("certificate was renewed", { file: config.certFile });
    } catch (error) {
      if (messageOf(error) === complaint) return;
      complaint = messageOf(error);
      log.error("certificate was not renewed", { file: config.certFile }, troubleOf(error));
    }
  };
  const timer = setInterval(look, intervalMs);
  timer.unref();
  return () => clearInterval(timer);
}

function read(key: string, path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    throw new Problems([`${mustBe(`server.tls.${key}`, "a file that can be read", path)}: ${messageOf(error)}`]);
  }
}
