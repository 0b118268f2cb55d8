/** The three methods as connect-es calls them. */
import type { ConnectRouter, HandlerContext } from "@connectrpc/connect";
import { API } from "../../gen/metrics/api_pb.ts";
import type { Kind } from "../../metrics/definition.ts";
import { errorOf } from "./errors.ts";
import { throwIfAborted } from "./exchange.ts";
import type { Pushes } from "./pushes.ts";
import type { Action } from "./verify.ts";

export function serviceOf(pushes: Pushes): (router: ConnectRouter) => void {
  /** @throws a ConnectError that says why nothing of the request was recorded. */
  const push = async (kind: Kind, action: readonly Action[], context: HandlerContext) => {
    throwIfAborted(context);
    const rejection = await pushes.push(kind, action, context.requestHeader.get("idempotency-key"));
    if (rejection !== undefined) throw errorOf(rejection);
    return { result: action.map(() => ({ status: "success" })) };
  };
  return (router) => {
    router.service(API, {
      counter: ({ action }, context) => push("counter", action, context),
      gauge: ({ action }, context) => push("gauge", action, context),
      histogram: ({ action }, context) => push("histogram", action, context),
    });
  };
}
