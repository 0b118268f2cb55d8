/** What the main thread and a server thread say to each other. Both are of one build: nothing is checked here. */
import type { Trouble } from "../base/errors.ts";
import type { LogKeys, LogLevel } from "../base/log.ts";
import type { TlsConfig } from "../config/config.ts";
import type { Kind, Metrics } from "../metrics/definition.ts";
import type { PushMemory } from "../metrics/push-store.ts";
import type { Rejection } from "./rpc/rejection.ts";
import type { Action } from "./rpc/verify.ts";

/** All that a server thread needs to know. */
export interface ThreadDuty {
  readonly shard: number;
  readonly memory: PushMemory;
  readonly pushed: Metrics;
  readonly host: string;
  readonly port: number;
  readonly maxBodyBytes: number;
  readonly corsOrigins: readonly string[];
  readonly pushTokens: readonly string[];
  readonly hasRateLimit: boolean;
  readonly trustedProxies: readonly string[];
  readonly tls: TlsConfig | undefined;
  readonly tlsReloadMs: number;
  readonly logLevel: LogLevel;
}

export type ToThread =
  | { readonly type: "start"; readonly duty: ThreadDuty }
  | { readonly type: "answer"; readonly id: number; readonly answer: unknown }
  | { readonly type: "drain" }
  | { readonly type: "stop" };

export type FromThread =
  /** It hears: what is said to a thread before is lost. */
  | { readonly type: "born" }
  | { readonly type: "listening" }
  | { readonly type: "question"; readonly id: number; readonly question: Question }
  | {
      readonly type: "log";
      readonly level: LogLevel;
      readonly message: string;
      readonly keys: LogKeys;
      readonly trouble: Trouble | undefined;
    }
  | { readonly type: "stopped" };

/** What only the main thread knows, or may do. */
export type Question = RouteQuestion | PushQuestion | RateQuestion;

/** A request that is no RPC, without its body. */
export interface RouteQuestion {
  readonly ask: "route";
  readonly method: string;
  readonly path: string;
  readonly headers: [string, string][];
  readonly peer: string;
}

/** A push with an Idempotency-Key. */
export interface PushQuestion {
  readonly ask: "push";
  readonly kind: Kind;
  readonly actions: readonly Action[];
  readonly key: string;
}

/** Takes one request of a client's rate. */
export interface RateQuestion {
  readonly ask: "rate";
  readonly address: string;
}

/** The answers: a response, why nothing was recorded, the seconds to wait. */
export interface Answers {
  readonly route: {
    readonly status: number;
    readonly headers: [string, string][];
    readonly body: Uint8Array<ArrayBuffer>;
  };
  readonly push: Rejection | undefined;
  readonly rate: number;
}

/** Asks the main thread. */
export type Ask = <Q extends Question>(question: Q) => Promise<Answers[Q["ask"]]>;
