import type { RejectionKind } from "../../metrics/own.ts";

/** Why a push was not recorded: made once, in the words of the caller. */
export interface Rejection {
  readonly kind: RejectionKind;
  /** Names the field the way a caller writes it, what it must be, and what it is. */
  readonly message: string;
  /** What its answer says beside it. */
  readonly headers?: Readonly<Record<string, string>>;
}

export function malformed(message: string): Rejection {
  return { kind: "body_malformed", message };
}
