import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect, createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { FakeAws } from "../../harness/aws.ts";
import { AwsThread } from "../../harness/aws-thread.ts";
import { testWith, tool } from "../../harness/tools.ts";

const folder = mkdtempSync(join(tmpdir(), "specta-aws-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const found = { samples: [{ metric: "aws_ec2_keypair_total", number: 2 }] };

/** What a thread finds that has these variables; null leaves one out that the fake gives. */
async function look(aws: FakeAws, changes: Readonly<Record<string, string | null>>) {
  aws.keyPairs = ["a", "b"];
  const variables = Object.entries({ ...aws.variables, ...changes }).flatMap(([name, value]) =>
    value === null ? [] : [[name, value] as const],
  );
  using thread = new AwsThread("keypair", Object.fromEntries(variables));
  return await thread.ensure();
}

const noKeys = { AWS_ACCESS_KEY_ID: null, AWS_SECRET_ACCESS_KEY: null };

describe("credentials are found", () => {
  test("in the environment, with a session's token", async () => {
    await using aws = await new FakeAws().start();
    const { accessKeyId, secretAccessKey, sessionToken = "" } = aws.sessionKeys;
    const session = {
      AWS_ACCESS_KEY_ID: accessKeyId,
      AWS_SECRET_ACCESS_KEY: secretAccessKey,
      AWS_SESSION_TOKEN: sessionToken,
    };
    expect(await look(aws, session)).toEqual(found);
    expect(aws.requests[0]?.headers["x-amz-security-token"]).toBe(sessionToken);
  });

  test("in the shared files of the home folder, by profile", async () => {
    await using aws = await new FakeAws().start();
    const home = join(folder, "home");
    mkdirSync(join(home, ".aws"), { recursive: true });
    const { accessKeyId, secretAccessKey } = aws.keys;
    const entry = `aws_access_key_id = ${accessKeyId}\naws_secret_access_key = ${secretAccessKey}\n`;
    writeFileSync(join(home, ".aws", "credentials"), `[default]\n${entry}[other]\n${entry}`);
    expect(await look(aws, { ...noKeys, HOME: home })).toEqual(found);
    expect(await look(aws, { ...noKeys, HOME: home, AWS_PROFILE: "other" })).toEqual(found);
  });

  test("by a process that a profile names", async () => {
    await using aws = await new FakeAws().start();
    const home = join(folder, "process");
    mkdirSync(join(home, ".aws"), { recursive: true });
    const { accessKeyId, secretAccessKey } = aws.keys;
    const answer = { Version: 1, AccessKeyId: accessKeyId, SecretAccessKey: secretAccessKey };
    writeFileSync(join(home, "answer.json"), JSON.stringify(answer));
    writeFileSync(join(home, ".aws", "config"), `[default]\ncredential_process = cat ${join(home, "answer.json")}\n`);
    expect(await look(aws, { ...noKeys, HOME: home, PATH: process.env.PATH ?? "" })).toEqual(found);
  });

  test("at the endpoint of a container", async () => {
    await using aws = await new FakeAws().start();
    const container = {
      ...noKeys,
      AWS_CONTAINER_CREDENTIALS_FULL_URI: `${aws.url}/container-credentials`,
      AWS_CONTAINER_AUTHORIZATION_TOKEN: aws.containerToken,
    };
    expect(await look(aws, container)).toEqual(found);
    expect(aws.requests[0]?.action).toBe("/container-credentials");
  });

  test("at the endpoint of an instance", async () => {
    await using aws = await new FakeAws().start();
    const instance = { ...noKeys, AWS_EC2_METADATA_DISABLED: null, AWS_EC2_METADATA_SERVICE_ENDPOINT: aws.url };
    expect(await look(aws, instance)).toEqual(found);
    expect(aws.requests[0]?.action).toBe("/latest/api/token");
  });

  test("by the token of a web identity, as in Kubernetes", async () => {
    await using aws = await new FakeAws().start();
    const file = join(folder, "token");
    writeFileSync(file, "web-sentinel");
    const web = {
      ...noKeys,
      AWS_WEB_IDENTITY_TOKEN_FILE: file,
      AWS_ROLE_ARN: "arn:aws:iam::123456789012:role/specta",
    };
    expect(await look(aws, web)).toEqual(found);
    expect(aws.requests.map(({ action }) => action)).toEqual(["AssumeRoleWithWebIdentity", "DescribeKeyPairs"]);
  });

  test("nowhere: the reason says so", async () => {
    await using aws = await new FakeAws().start();
    const { failures = [] } = await look(aws, noKeys);
    expect(failures).toEqual([
      {
        target: "EC2 key-pairs in us-west-2",
        reason: "ec2:DescribeKeyPairs: no credentials: Could not load credentials from any providers",
      },
    ]);
    expect(aws.requests).toEqual([]);
  });
});

describe("the region", () => {
  test.each([
    ["eu-central-1", { AWS_REGION: "eu-central-1" }],
    ["us-west-2", { AWS_REGION: null }],
    ["us-west-2", { AWS_REGION: "" }],
  ])("is %s with %p", async (region, changes) => {
    await using aws = await new FakeAws({ region }).start();
    expect(await look(aws, changes)).toEqual(found);
  });

  test("that is another than the service's is refused, as the signature says", async () => {
    await using aws = await new FakeAws({ region: "eu-central-1" }).start();
    const { failures = [] } = await look(aws, { AWS_REGION: "us-west-2" });
    expect(failures[0]?.reason).toMatch(/^ec2:DescribeKeyPairs: AuthFailure: /);
  });
});

describe("on the way to AWS", () => {
  let cert = "";
  let key = "";
  beforeAll(() => {
    if (Bun.which("openssl") === null) return;
    const made = Bun.spawnSync([
      ...[tool("openssl"), "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"],
      ...["-keyout", join(folder, "key.pem"), "-out", join(folder, "cert.pem"), "-days", "2", "-subj", "/CN=aws"],
      ...["-addext", "subjectAltName=IP:127.0.0.1"],
    ]);
    if (!made.success) throw new Error(made.stderr.toString());
    cert = join(folder, "cert.pem");
    key = join(folder, "key.pem");
  });
  const tls = async () => ({ cert: await Bun.file(cert).text(), key: await Bun.file(key).text() });

  for (const name of ["NODE_EXTRA_CA_CERTS", "SSL_CERT_FILE", "AWS_CA_BUNDLE"]) {
    testWith(["openssl"], `an authority that the thread's ${name} names is trusted, another is not`, async () => {
      await using aws = await new FakeAws({ tls: await tls() }).start();
      const { failures = [] } = await look(aws, {});
      expect(failures[0]?.reason).toMatch(/^ec2:DescribeKeyPairs: no answer from AWS: .*certificate/i);
      expect(aws.requests).toEqual([]);
      expect(await look(aws, { [name]: cert })).toEqual(found);
    });
  }

  testWith(["openssl"], "a file of authorities that is not there is named", async () => {
    await using aws = await new FakeAws({ tls: await tls() }).start();
    const { failures = [] } = await look(aws, { NODE_EXTRA_CA_CERTS: "/nowhere/ca.pem" });
    expect(failures[0]?.reason).toMatch(/NODE_EXTRA_CA_CERTS must be a file that can be read: \/nowhere\/ca.pem/);
  });

  testWith(["openssl"], "the thread's proxy is used, with its password, and passed by for NO_PROXY", async () => {
    await using aws = await new FakeAws({ tls: await tls() }).start();
    await using proxy = await new TunnelProxy().start();
    const variables = { NODE_EXTRA_CA_CERTS: cert, HTTPS_PROXY: `http://user:pass-sentinel@127.0.0.1:${proxy.port}` };
    expect(await look(aws, variables)).toEqual(found);
    expect(proxy.heads).toHaveLength(1);
    expect(proxy.heads[0]).toStartWith(`CONNECT ${new URL(aws.url).host} HTTP/1.1`);
    expect(proxy.heads[0]).toContain(`Basic ${btoa("user:pass-sentinel")}`);
    expect(await look(aws, { ...variables, NO_PROXY: "127.0.0.1" })).toEqual(found);
    expect(proxy.heads).toHaveLength(1);
  });

  test("a proxy that is away is an error without its password", async () => {
    await using aws = await new FakeAws().start();
    const { failures = [] } = await look(aws, { HTTP_PROXY: "http://user:pass-sentinel@127.0.0.1:1" });
    expect(failures[0]?.reason).toMatch(/^ec2:DescribeKeyPairs: no answer from AWS: /);
    expect(JSON.stringify(failures)).not.toContain("pass-sentinel");
    expect(aws.requests).toEqual([]);
  });
});

/** A proxy that makes tunnels. */
class TunnelProxy {
  readonly heads: string[] = [];
  readonly #sockets = new Set<Socket>();
  readonly #server: Server = createServer((client) => {
    this.#keep(client);
    client.once("data", (data) => {
      const head = data.toString();
      this.heads.push(head);
      const [, host = "", port] = /^CONNECT ([^:]+):(\d+) /.exec(head) ?? [];
      const target = connect(Number(port), host, () => {
        client.write("HTTP/1.1 200 Connection established\r\n\r\n");
        client.pipe(target).pipe(client);
      });
      this.#keep(target);
    });
  });

  get port(): number {
    return (this.#server.address() as { port: number }).port;
  }

  async start(): Promise<this> {
    await new Promise<void>((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
    return this;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  #keep(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on("error", () => socket.destroy());
  }
}
