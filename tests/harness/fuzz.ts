/** Raw HTTP made from a row of choices: good requests in every form that clients send, and what is left of them. */
import { gzipSync } from "node:zlib";
import { prize } from "./hostile.ts";
import type { Choices } from "./pushes.ts";
import { actionFields, grpcFrame, input } from "./wire.ts";

/** The one metric that may be pushed where these are sent. */
export const fuzzMetric = "page_ready_duration_seconds";

const tokens: readonly string[] = [
  ...[
    "\r\n",
    "\r\n\r\n",
    "\n",
    "\r",
    "\0",
    " ",
    "\t",
    ":",
    ",",
    ";",
    "%00",
    "%2e",
    "../",
    "?",
    "#",
    "\xff\xfe",
    "\x80",
  ],
  ...["Content-Length: 5\r\n", "Content-Length: 64000\r\n", "Content-Length: 0\r\n", "Content-Length: 99999999999\r\n"],
  ...[
    "Transfer-Encoding: chunked\r\n",
    "Transfer-Encoding: gzip\r\n",
    "Content-Encoding: gzip\r\n",
    "Content-Encoding: br\r\n",
  ],
  ...[
    "Host: a b\r\n",
    "Host: [::\r\n",
    "Connection: close\r\n",
    "Connection: Upgrade\r\nUpgrade: websocket\r\n",
    "Expect: 100-continue\r\n",
  ],
  ...[
    "Origin: null\r\n",
    "Twirp-Version: v8\r\n",
    "Connect-Protocol-Version: 2\r\n",
    "Grpc-Encoding: gzip\r\n",
    "Authorization: Bearer x\r\n",
  ],
  ...[
    "X-Forwarded-For: 1.2.3.4, ::1\r\n",
    "Accept-Encoding: x;q=y,,gzip;q=1e9\r\n",
    "Content-Type: application/json;;\r\n",
  ],
  ...["HTTP/1.0", "HTTP/2", "GET ", "POST ", "OPTIONS ", "HEAD ", "CONNECT ", "TRACE "],
  ...["0\r\n\r\n", "0\r\n", "ffffffffffffffff\r\n", "1\r\n", "-1\r\n", "5;a=b\r\n"],
  ...[
    "{",
    "}",
    "[",
    "]",
    '"',
    "\\u0000",
    "\\ud800",
    "null",
    "1e999",
    "-",
    "NaN",
    '"action":',
    '"metric":',
    "__proto__",
    prize,
  ],
  ...["[".repeat(500), "a".repeat(3000), "\0".repeat(300), "\x0b\x0c".repeat(50), "X: y\r\n".repeat(50)],
];

const routes = [
  "GET /metrics",
  "GET /version",
  "GET /",
  "GET /status.json",
  "HEAD /metrics",
  "OPTIONS /metrics.API/Gauge",
];
const types = {
  "application/json": { isBinary: false, isFramed: false },
  "application/proto": { isBinary: true, isFramed: false },
  "application/protobuf": { isBinary: true, isFramed: false },
  "application/grpc-web+proto": { isBinary: true, isFramed: true },
  "application/grpc-web+json": { isBinary: false, isFramed: true },
} as const;

/** Bytes as text with a character each. */
const textOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString("latin1");

/** What one connection sends. */
export function rawOf(choices: Choices): Uint8Array {
  if (choices.once(8)) return Uint8Array.from({ length: choices.below(120) }, () => choices.below(256));
  let text = requestOf(choices);
  for (let changes = choices.below(5); changes > 0; changes -= 1) text = changed(choices, text);
  return Buffer.from(text, "latin1");
}

function requestOf(choices: Choices): string {
  const close = choices.once(3) ? "Connection: close\r\n" : "";
  if (choices.once(6)) return `${choices.of(routes)} HTTP/1.1\r\nHost: localhost\r\n${close}\r\n`;
  const type = choices.of(Object.keys(types) as (keyof typeof types)[]);
  const { isBinary, isFramed } = types[type];
  const numbers = Array.from({ length: 1 + choices.below(3) }, () => choices.below(1000) / 100);
  const labels = choices.once(2) ? { page: "root" } : undefined;
  const plain = isBinary
    ? input(...numbers.map((number) => actionFields(fuzzMetric, number, labels)))
    : new TextEncoder().encode(
        JSON.stringify({ action: numbers.map((number) => ({ metric: fuzzMetric, number, labels })) }),
      );
  const isZipped = choices.once(4);
  const body = textOf(
    isFramed ? grpcFrame(isZipped ? gzipSync(plain) : plain, isZipped ? 1 : 0) : isZipped ? gzipSync(plain) : plain,
  );
  const encoding = isZipped ? `${isFramed ? "Grpc" : "Content"}-Encoding: gzip\r\n` : "";
  const head = `POST /metrics.API/Histogram HTTP/1.1\r\nHost: localhost\r\n${close}Content-Type: ${type}\r\n${encoding}`;
  if (choices.once(3)) return `${head}Transfer-Encoding: chunked\r\n\r\n${chunks(choices, body)}0\r\n\r\n`;
  return `${head}Content-Length: ${body.length}\r\n\r\n${body}`;
}

function chunks(choices: Choices, body: string): string {
  let text = "";
  for (let at = 0; at < body.length; ) {
    const size = Math.min(1 + choices.below(40), body.length - at);
    text += `${size.toString(16)}\r\n${body.slice(at, at + size)}\r\n`;
    at += size;
  }
  return text;
}

function changed(choices: Choices, text: string): string {
  const at = choices.below(text.length + 1);
  const end = Math.min(text.length, at + choices.below(20));
  const [before, part, after] = [text.slice(0, at), text.slice(at, end), text.slice(end)];
  switch (choices.below(8)) {
    case 0:
      return before + String.fromCharCode(choices.below(256)) + text.slice(at + 1);
    case 1:
      return before + after;
    case 2:
      return before + part + part + after;
    case 3:
      return before + choices.of(tokens) + part + after;
    case 4:
      return before + choices.of(tokens) + after;
    case 5:
      return choices.once(4) ? before : text;
    case 6: {
      // A further header, where headers stand.
      const line = text.indexOf("\r\n") + 2;
      return text.slice(0, line) + choices.of(tokens) + text.slice(line);
    }
    default:
      return text + requestOf(choices);
  }
}
