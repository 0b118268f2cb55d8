/** Why a push was not recorded: made once, in the words of the caller. */
import { create } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { ReasonSchema } from "../../gen/metrics/common_pb.ts";
import { type RejectionKind, rejectionKinds } from "../../metrics/own.ts";

export interface Rejection {
  readonly kind: RejectionKind;
  /** Names the field the way a caller writes it, what it must be, and what it is. */
  readonly message: string;
}

const codes: Readonly<Partial<Record<RejectionKind, Code>>> = {
  body_too_large: Code.ResourceExhausted,
  rate_limited: Code.ResourceExhausted,
  unauthenticated: Code.Unauthenticated,
};

/** The rejection as every protocol's error, with a `metrics.Reason` as its detail. */
export function errorOf({ kind, message }: Rejection): ConnectError {
  const reason = create(ReasonSchema, { info: message, kind });
  return new ConnectError(message, codes[kind] ?? Code.InvalidArgument, undefined, [
    { desc: ReasonSchema, value: reason },
  ]);
}

/** The `metrics.Reason` that an error of ours carries. */
export function reasonOf(error: ConnectError): { readonly info: string; readonly kind: string } | undefined {
  return error.findDetails(ReasonSchema)[0];
}

/** Why a push was rejected, when the error is a rejection of ours. */
export function kindOf(error: ConnectError): RejectionKind | undefined {
  const kind = reasonOf(error)?.kind;
  return rejectionKinds.find((one) => one === kind);
}
