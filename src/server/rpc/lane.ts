/**
 * The short way for the requests that nearly all clients send: JSON or protobuf in a plain POST, decoded on bytes,
 * verified, recorded and answered in one turn. connect-es stays the authority: what the scanners do not recognise goes
 * to it, with the body that was read.
 */
import { create, fromBinary, fromJsonString, toBinary, toJsonString } from "@bufbuild/protobuf";
import { ActionSchema } from "../../gen/metrics/common_pb.ts";
import { HistogramOSchema } from "../../gen/metrics/histogram_pb.ts";
import type { Kind } from "../../metrics/definition.ts";
import { Actions } from "./actions.ts";
import { knownMetrics } from "./known.ts";
import { scanJson } from "./lane-json.ts";
import { scanProto } from "./lane-proto.ts";
import type { Methods } from "./methods.ts";
import type { Rejection } from "./rejection.ts";
import { type Action, Batch, type Verifier, verifyCount } from "./verify.ts";

/** What the lane makes of a body: how many actions it recorded, why it did not, or nothing at all. */
export type Outcome = number | Rejection | undefined;

interface Format {
  readonly scan: (bytes: Uint8Array, actions: Actions) => boolean;
  /** Decodes one action, of which the scanner has said where it stands. */
  readonly decode: (bytes: Uint8Array) => Action;
}

const utf8 = new TextDecoder();

const formats = {
  json: { scan: scanJson, decode: (bytes) => fromJsonString(ActionSchema, utf8.decode(bytes)) },
  proto: { scan: scanProto, decode: (bytes) => fromBinary(ActionSchema, bytes) },
} as const satisfies Record<string, Format>;
export type FormatName = keyof typeof formats;

export class Lane {
  readonly #methods: Methods;
  readonly #batch = new Batch();
  readonly #ways: Readonly<Record<Kind, Record<FormatName, Actions>>>;

  constructor(methods: Methods) {
    // Names remember the last that was found: what may stand in JSON and in protobuf is not the same.
    const actions = (verifier: Verifier) => new Actions(verifier, knownMetrics(verifier), this.#batch);
    const both = (verifier: Verifier) => ({ json: actions(verifier), proto: actions(verifier) });
    const { counter, gauge, histogram } = methods.verifiers;
    this.#methods = methods;
    this.#ways = { counter: both(counter), gauge: both(gauge), histogram: both(histogram) };
  }

  /** Records the actions of a body when it recognises them. Undefined: connect-es must look at it. */
  push(kind: Kind, name: FormatName, bytes: Uint8Array): Outcome {
    const actions = this.#ways[kind][name];
    const format = formats[name];
    actions.clear();
    if (!format.scan(bytes, actions) || !actions.isPlain) return undefined;
    const rejection = verifyCount(actions.count);
    if (rejection !== undefined) return rejection;
    if (actions.unresolved >= 0) {
      const action = format.decode(bytes.subarray(actions.unresolvedStart, actions.unresolvedEnd));
      return this.#methods.verifiers[kind].verifyAction(actions.unresolved, action, new Batch());
    }
    this.#methods.recorder.record(this.#batch);
    return actions.count;
  }
}

/** The answers to so many actions, made once each. */
export class Successes {
  readonly #json: string[] = [];
  readonly #proto: Uint8Array<ArrayBuffer>[] = [];

  json(count: number): string {
    this.#json[count] ??= toJsonString(HistogramOSchema, successes(count));
    return this.#json[count];
  }

  proto(count: number): Uint8Array<ArrayBuffer> {
    this.#proto[count] ??= toBinary(HistogramOSchema, successes(count));
    return this.#proto[count];
  }
}

/** The three methods' outputs are alike on the wire. */
function successes(count: number) {
  return create(HistogramOSchema, { result: Array.from({ length: count }, () => ({ status: "success" })) });
}
