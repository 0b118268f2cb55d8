/** Secrets that can be recognised wherever they turn up, and a server that repeats all that it is told. */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** Texts by their name, each a secret that specta is given somewhere. */
export type Secrets = Readonly<Record<string, string>>;

/** A value for each name that stands nowhere else, and that no header, URL or shell takes apart. */
export function sentinels<Name extends string>(...names: readonly Name[]): Readonly<Record<Name, string>> {
  const values = names.map((name) => [name, `hush-${name.toLowerCase().replaceAll("_", "-")}-4711`]);
  return Object.fromEntries(values) as Record<Name, string>;
}

/** The names of the secrets that are in a text, plain or encoded. */
export function leaks(text: string, secrets: Secrets): string[] {
  return Object.entries(secrets).flatMap(([name, value]) =>
    encodings(value).some((encoded) => text.includes(encoded)) ? [name] : [],
  );
}

function encodings(value: string): string[] {
  const bytes = Buffer.from(value);
  // In Base64 a text looks different by what stands in front of it; its ends are left out, as they mix with the rest.
  const base64 = [0, 1, 2].map((before) => {
    const whole = Buffer.concat([Buffer.alloc(before), bytes]);
    return whole.toString("base64").slice(before === 0 ? 0 : 4, Math.floor(whole.length / 3) * 4);
  });
  return [value, encodeURIComponent(value), bytes.toString("hex"), ...base64];
}

/**
 * A server that fails in every way it can and repeats each request in its answer: to GitHub's and AWS's clients, to
 * probes, and to those who take it for a proxy.
 */
export class Echo implements AsyncDisposable {
  /** All that was said to it. */
  heard = "";
  readonly #server = createServer((request, response) => void this.#answer(request, response));
  #turn = 0;

  async start(): Promise<this> {
    this.#server.on("connect", (request: IncomingMessage, socket) => {
      const said = this.#note(request, "");
      socket.on("error", () => socket.destroy());
      socket.end(`HTTP/1.1 407 Proxy Authentication Required\r\nX-Said: ${oneLine(said)}\r\n\r\n${said}`);
    });
    await new Promise<void>((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
    return this;
  }

  /** `127.0.0.1:41234`. */
  get host(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  #note({ method, url, rawHeaders }: IncomingMessage, body: string): string {
    const said = `${method} ${url}\n${rawHeaders.join("\n")}\n${body}`;
    this.heard += said;
    return said;
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const said = this.#note(request, Buffer.concat(chunks).toString());
    this.#turn += 1;
    const line = oneLine(said);
    const text = said.replace(/[<&>]/g, " ");
    const error = { __type: "ValidationException", code: line, message: said, Message: said };
    const json = { "content-type": "application/json" };
    const xml = { "content-type": "text/xml" };
    const answers: (() => void)[] = [
      () => response.writeHead(401, json).end(JSON.stringify(error)),
      () => response.writeHead(400, { ...json, "x-said": line }).end(JSON.stringify(error)),
      () =>
        response
          .writeHead(400, xml)
          .end(`<ErrorResponse><Error><Code>Said</Code><Message>${text}</Message></Error></ErrorResponse>`),
      () =>
        response
          .writeHead(400, xml)
          .end(`<Response><Errors><Error><Code>Said</Code><Message>${text}</Message></Error></Errors></Response>`),
      () => response.writeHead(404, { "content-type": "text/html", "x-said": line }).end(`<html>${text}</html>`),
      () => response.writeHead(200, json).end(`{"said":${JSON.stringify(said)},`),
      () => response.writeHead(200, json).end(JSON.stringify(error)),
      () =>
        response
          .writeHead(302, { location: `http://${this.host}/?${encodeURIComponent(said.slice(0, 1500))}` })
          .end(said),
      () => response.writeHead(301, { location: `ftp://${encodeURIComponent(said.slice(0, 200))}/` }).end(said),
      () => void request.socket.destroy(),
      () => response.writeHead(500, { "content-type": `text/${encodeURIComponent(line.slice(0, 1000))}` }).end(said),
    ];
    answers[this.#turn % answers.length]!();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.#server.closeAllConnections();
    await closed;
  }
}

function oneLine(text: string): string {
  return text.replace(/[^\x20-\x7e]+/g, " ");
}
