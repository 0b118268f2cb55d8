/**
 * Bodies of pushes made from a row of choices: what clients send, what they might send, and either with a few bytes
 * broken. A property test makes the choices, so that a body at fault shrinks with them.
 */
import type { Kind } from "../../src/metrics/definition.ts";
import { delimited, double, label, tag, varint } from "./wire.ts";

/** Numbers from a row of bytes; zeros once it has ended. */
export class Choices {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** 0 to `limit - 1`. */
  below(limit: number): number {
    const [high = 0, low = 0] = [this.#bytes[this.#at], this.#bytes[this.#at + 1]];
    this.#at += 2;
    return (high * 256 + low) % limit;
  }

  /** True once in so many. */
  once(times: number): boolean {
    return this.below(times) === times - 1;
  }

  of<T>(values: readonly T[]): T {
    return values[this.below(values.length)]!;
  }

  shuffled<T>(values: readonly T[]): T[] {
    const rest = [...values];
    return values.map(() => rest.splice(this.below(rest.length), 1)[0]!);
  }
}

export type Format = "json" | "proto";

export interface Push {
  readonly kind: Kind;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array<ArrayBuffer>;
}

interface Action {
  readonly metric: string;
  readonly labels: readonly (readonly [string, string])[];
  readonly number: number;
}

const metrics: Readonly<
  Record<Kind, readonly { name: string; labels: Readonly<Record<string, readonly string[]>> }[]>
> = {
  counter: [
    { name: "jobs_total", labels: { queue: ["mail", "images"], result: ["ok", "failed"] } },
    { name: "clicks_total", labels: {} },
  ],
  gauge: [{ name: "queue_length", labels: { queue: ["mail", "images"] } }],
  histogram: [{ name: "page_ready_duration_seconds", labels: { page: ["root"] } }],
};

const oddTexts = [
  ...[
    "",
    "__proto__",
    "constructor",
    "toString",
    "Root",
    "root ",
    "env",
    "1",
    "0",
    "é",
    "\u0000",
    "\u007f",
    "\u{1f600}",
  ],
  ...[
    "page",
    "queue",
    "result",
    "root",
    "mail",
    "ok",
    "jobs_total",
    "specta_push_rejected_total",
    'a"b',
    "a\\b",
    "x".repeat(300),
  ],
];
const goodNumbers = [0, 1, 47, 0.25, 0.1, 0.30000000000000004, 1e21, 1e-7, 123456789012345, 1234567890123456, 99.999];
const oddNumbers = [
  ...[-0, -1, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 5e-324, -5e-324, Number.MAX_VALUE, -0.5],
];

/** One push in that format: good, odd or broken, as the choices will have it. */
export function pushOf(format: Format, bytes: Uint8Array): Push {
  const choices = new Choices(bytes);
  const kind = choices.of(["counter", "gauge", "histogram"] as const);
  const shape = choices.below(10);
  const isOdd = shape > 4;
  const actions = actionsOf(choices, kind, isOdd || shape > 2);
  const body = format === "json" ? jsonOf(choices, actions, isOdd) : protoOf(choices, actions, isOdd);
  const type = format === "json" ? "application/json" : choices.of(["application/proto", "application/protobuf"]);
  const caller = choices.of<Record<string, string>>([
    {},
    { "Connect-Protocol-Version": "1" },
    { "Twirp-Version": "v8.1.0" },
    { Origin: "https://app.example" },
  ]);
  return { kind, headers: { "Content-Type": type, ...caller }, body: shape > 7 ? broken(choices, body) : body };
}

function actionsOf(choices: Choices, kind: Kind, mayBeOdd: boolean): Action[] {
  const length = choices.once(300) ? 99 + choices.below(4) : choices.below(4) + (choices.once(50) ? 0 : 1);
  return Array.from({ length }, () =>
    mayBeOdd && choices.once(3) ? oddAction(choices, kind) : goodAction(choices, kind),
  );
}

function goodAction(choices: Choices, kind: Kind): Action {
  const { name, labels } = choices.of(metrics[kind]);
  const given = Object.entries(labels).filter(() => choices.below(4) > 0);
  return {
    metric: name,
    labels: choices.shuffled(given).map(([key, values]) => [key, choices.of(values)]),
    number: choices.once(2) ? choices.of(goodNumbers) : choices.below(60_000) / 1000,
  };
}

function oddAction(choices: Choices, kind: Kind): Action {
  const good = goodAction(choices, kind);
  const more = Array.from({ length: choices.below(3) }, () => [choices.of(oddTexts), choices.of(oddTexts)] as const);
  return {
    metric: choices.once(3) ? choices.of(oddTexts) : good.metric,
    labels: choices.once(2) ? [...good.labels, ...more] : good.labels,
    number: choices.once(3) ? choices.of(oddNumbers) : good.number,
  };
}

const encoder = new TextEncoder();

/** Keys in any order, any white space; when odd also what only JSON allows, or forbids. */
function jsonOf(choices: Choices, actions: readonly Action[], isOdd: boolean): Uint8Array<ArrayBuffer> {
  // Most clients write every action alike.
  const isStable = choices.below(3) > 0;
  const space = () => (!isStable && choices.once(8) ? choices.of([" ", "\n", "\t", "\r \n"]) : "");
  const pad = (text: string) => space() + text + space();
  const string = (text: string) => {
    const plain = JSON.stringify(text);
    if (!isOdd || text === "" || !choices.once(12)) return plain;
    return `"\\u${text.charCodeAt(0).toString(16).padStart(4, "0")}${JSON.stringify(text.slice(1)).slice(1)}`;
  };
  const field = (key: string, value: string) => `${pad(string(key))}:${pad(value)}`;
  const object = (fields: readonly string[]) => `{${(isStable ? fields : choices.shuffled(fields)).join(",")}}`;
  const number = (value: number) => {
    if (!Number.isFinite(value)) return JSON.stringify(String(value));
    const text = Object.is(value, -0) ? "-0" : String(value);
    const good = [text, text, text, value.toExponential(), value.toFixed(3), value.toPrecision(17)];
    if (!isOdd || !choices.once(4)) return choices.of(good);
    return choices.of([
      `${text}e0`,
      `"${text}"`,
      `0${text}`,
      `${text}.`,
      `+${text}`,
      `${text}e`,
      `-${text}`,
      "1e999",
      "null",
      "{}",
    ]);
  };
  const oddFields = () => {
    if (!isOdd || !choices.once(6)) return [];
    const key = choices.of(["metric", "number", "labels", "unit", "Metric", "\u00e9"]);
    return [
      `"${key}":${choices.of(["null", "true", '""', "[]", "{}", '{"a":[1,{"b":null}]}', '"x"', "-", "NaN", '"NaN"'])}`,
    ];
  };
  const action = ({ metric, labels, number: value }: Action) =>
    object([
      field("metric", string(metric)),
      ...(choices.once(12) ? [] : [field("number", number(value))]),
      ...(labels.length === 0 && choices.once(2)
        ? []
        : [field("labels", object(labels.map(([key, text]) => field(key, string(text)))))]),
      ...oddFields(),
    ]);
  const list = actions.map((one) => pad(action(one))).join(",");
  return encoder.encode(pad(object([field("action", `[${list === "" ? space() : list}]`), ...oddFields()])));
}

const oddFields: readonly (readonly number[])[] = [
  [...tag(7, 0), 1],
  [...tag(7, 2), 3, 1, 2, 3],
  [...tag(7, 3), ...tag(7, 4)],
  [...tag(7, 3), ...tag(8, 4)],
  [...tag(7, 3), ...tag(9, 3), ...tag(9, 4), ...tag(7, 4)],
  tag(7, 3),
  tag(7, 4),
  [...tag(7, 5), 1, 2, 3, 4],
  tag(7, 6),
  [...tag(0, 2), 1, 1],
  [...tag(200, 0), 5],
  [...tag(300, 2), 8, 0, 0, 0, 0, 0, 0, 240, 63],
  // A length that is longer than it need be, then a tag.
  [...tag(200, 2), 0x84, 0x00, 120, 120, 120, 120],
  [0xc2, 0x8c, 0x00, 1, 120],
  // No UTF-8: half a character, an overlong one, half a surrogate pair.
  [...tag(200, 2), 2, 0xc3, 0x28],
  [...tag(200, 2), 2, 0xc0, 0x80],
  [...tag(200, 2), 3, 0xed, 0xa0, 0x80],
  [...tag(200, 2), 100, 120],
  [...tag(100, 2), 2, 0x0a, 5],
  [...tag(100, 2), 0],
  delimited(100, delimited(1, "page")),
  delimited(100, [...delimited(2, "root"), ...delimited(1, "page")]),
  delimited(100, [...delimited(1, "page"), ...delimited(2, "root"), ...delimited(1, "queue")]),
  delimited(100, [...delimited(1, "page"), ...delimited(2, "root"), ...tag(3, 0), 1]),
  delimited(100, [...tag(1, 0), 1]),
  label("page", "root"),
  label("page", "rot"),
  label("queue", "mail"),
  label("__proto__", "root"),
  label("x".repeat(200), "y"),
  delimited(200, "jobs_total"),
  delimited(200, "x".repeat(20_000)),
  double(300, 3),
  varint(2n ** 64n - 1n),
  [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01],
  [0],
];

/** The fields in their order; when odd also what only the wire format allows, or forbids. */
function protoOf(choices: Choices, actions: readonly Action[], isOdd: boolean): Uint8Array<ArrayBuffer> {
  const odd = () => (isOdd && choices.once(4) ? [choices.of(oddFields)] : []);
  const action = ({ metric, labels, number }: Action) => {
    const fields = [
      ...labels.map(([key, value]) => label(key, value)),
      ...(choices.once(12) ? [] : [delimited(200, metric)]),
      ...(choices.once(12) ? [] : [double(300, number)]),
      ...odd(),
    ];
    return delimited(100, (isOdd ? choices.shuffled(fields) : fields).flat());
  };
  return new Uint8Array([...actions.map(action), ...odd()].flat());
}

/** Up to three bytes changed, taken out or put in. */
function broken(choices: Choices, body: Uint8Array): Uint8Array<ArrayBuffer> {
  const bytes = [...body];
  for (let changes = 1 + choices.below(3); changes > 0; changes -= 1) {
    const byte = choices.once(2)
      ? choices.below(256)
      : choices.of([...'",:[]{}\\0e-.'].map((one) => one.charCodeAt(0)));
    const at = choices.below(bytes.length + 1);
    const how = choices.below(3);
    bytes.splice(at, how === 0 ? 0 : 1, ...(how === 2 ? [] : [byte]));
  }
  return new Uint8Array(bytes);
}
