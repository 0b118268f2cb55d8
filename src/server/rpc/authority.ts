/** connect-es, which most processes never need: it is loaded when a first request asks for it. */
import type { Failure, Rpc } from "./connect.ts";
import type { Pushes } from "./pushes.ts";
import type { Rejection } from "./rejection.ts";

export interface AuthorityOptions {
  readonly pushes: Pushes;
  readonly maxBodyBytes: number;
  readonly failed: (failure: Failure) => void;
}

/** Whatever is no plain push, at the paths of the RPCs. */
export class Authority {
  readonly #options: AuthorityOptions;
  #loaded: Promise<Rpc> | undefined;

  constructor(options: AuthorityOptions) {
    this.#options = options;
  }

  /** Answers a request at a path of the RPCs, known or not; its body may have been read already. */
  async answer(request: Request, path: string, body?: Uint8Array): Promise<Response> {
    return (await this.#rpc()).answer(request, path, body);
  }

  /** Answers with a rejection, whatever the request's body holds; it is not read. */
  async reject(request: Request, path: string, rejection: Rejection): Promise<Response> {
    return (await this.#rpc()).reject(request, path, rejection);
  }

  #rpc(): Promise<Rpc> {
    this.#loaded ??= load(this.#options);
    return this.#loaded;
  }
}

async function load({ pushes, maxBodyBytes, failed }: AuthorityOptions): Promise<Rpc> {
  const [{ Rpc }, { serviceOf }] = await Promise.all([import("./connect.ts"), import("./service.ts")]);
  return new Rpc({ routes: serviceOf(pushes), maxBodyBytes, failed });
}
