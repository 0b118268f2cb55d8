/**
 * The short way for the requests that nearly all clients send: JSON or protobuf in a plain POST, decoded on bytes,
 * verified, recorded and answered in one turn. connect-es stays the authority: what the scanners do not recognise goes
 * to it, with the body that was read.
 */
import type { Kind } from "../../metrics/definition.ts";
import { Actions } from "./actions.ts";
import { knownMetrics } from "./known.ts";
import { scanJson } from "./lane-json.ts";
import { scanProto } from "./lane-proto.ts";
import type { Pushes } from "./pushes.ts";
import type { Rejection } from "./rejection.ts";
import { Batch, type Verifier, verifyCount } from "./verify.ts";

/** What the lane makes of a body: how many actions it recorded, why it did not, or nothing at all. */
export type Outcome = number | Rejection | undefined;

const scanners = { json: scanJson, proto: scanProto } as const;
export type FormatName = keyof typeof scanners;

export class Lane {
  readonly #pushes: Pushes;
  readonly #batch = new Batch();
  /** For an action that is verified only to learn what is wrong with it. */
  readonly #spare = new Batch();
  readonly #ways: Readonly<Record<Kind, Record<FormatName, Actions>>>;

  constructor(pushes: Pushes) {
    // Names remember the last that was found: what may stand in JSON and in protobuf is not the same.
    const actions = (verifier: Verifier) => new Actions(verifier, knownMetrics(verifier), this.#batch);
    const both = (verifier: Verifier) => ({ json: actions(verifier), proto: actions(verifier) });
    const { counter, gauge, histogram } = pushes.verifiers;
    this.#pushes = pushes;
    this.#ways = { counter: both(counter), gauge: both(gauge), histogram: both(histogram) };
  }

  /** Records the actions of a body when it recognises them. Undefined: connect-es must look at it. */
  push(kind: Kind, name: FormatName, bytes: Uint8Array): Outcome {
    const actions = this.#ways[kind][name];
    actions.clear();
    if (!scanners[name](bytes, actions) || !actions.isPlain) return undefined;
    const rejection = verifyCount(actions.count);
    if (rejection !== undefined) return rejection;
    if (actions.unresolved !== undefined) {
      const { index, action } = actions.unresolved;
      this.#spare.clear();
      return this.#pushes.verifiers[kind].verifyAction(index, action, this.#spare);
    }
    this.#pushes.recorder.record(this.#batch);
    return actions.count;
  }
}

/** The answers to so many actions, made once each: `{ result: [{ status: "success" }, …] }`. */
export class Successes {
  readonly #json: string[] = [];
  readonly #proto: Uint8Array<ArrayBuffer>[] = [];

  json(count: number): string {
    this.#json[count] ??= `{"result":[${new Array<string>(count).fill('{"status":"success"}').join(",")}]}`;
    return this.#json[count];
  }

  proto(count: number): Uint8Array<ArrayBuffer> {
    this.#proto[count] ??= new Uint8Array(new Array<readonly number[]>(count).fill(successBytes).flat());
    return this.#proto[count];
  }
}

const status = [...new TextEncoder().encode("success")];
/** Field 100 with a length: a result, in which field 200 with a length is the status. */
const successBytes = [0xa2, 0x06, status.length + 3, 0xc2, 0x0c, status.length, ...status];
