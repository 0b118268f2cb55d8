import * as v from "valibot";
import { messageOf } from "../../base/errors.ts";
import { maxAwsReasonChars } from "../../base/limits.ts";
import { formatDuration } from "../../base/units.ts";

/** Why there is no usable answer: one short line that names what was asked, never with a credential. */
export class NoAnswer extends Error {
  override readonly name = "NoAnswer";
  /** AWS's own code of the error, `ClusterNotFoundException` for example; undefined where AWS gave none. */
  readonly code: string | undefined;

  constructor(message: string, code?: string) {
    super(message);
    this.code = code;
  }
}

/** An error that came of an answer. */
const refusal = v.object({
  name: v.string(),
  message: v.string(),
  $metadata: v.object({ httpStatusCode: v.number() }),
});
const response = v.object({ $response: v.object({ headers: v.record(v.string(), v.string()) }) });

/** Names that the SDK, or the runtime, gives where the answer had no code, or was none that it could read. */
const codeless: ReadonlySet<string> = new Set(["Unknown", "UnknownError", "Error", "SyntaxError", "TypeError"]);

/** AWS's own code of an error that the SDK has thrown. */
export function codeOf(error: unknown): string | undefined {
  return v.is(refusal, error) && !codeless.has(error.name) ? error.name : undefined;
}

/** What to say of an error that the SDK has thrown. Credentials may still be in it. */
export function reasonOf(error: unknown, requestMs: number): string {
  return firstLine(describe(error, requestMs));
}

function describe(error: unknown, requestMs: number): string {
  if (v.is(refusal, error)) {
    if (!codeless.has(error.name)) return `${error.name}: ${error.message}`;
    const type = v.is(response, error) ? error.$response.headers["content-type"] : undefined;
    const status = error.$metadata.httpStatusCode;
    const unreadable = status < 300 ? " that cannot be read" : "";
    return `AWS answered ${status} with a body of type ${type ?? "unknown"}${unreadable}`;
  }
  const name = error instanceof Error ? error.name : "";
  if (name === "TimeoutError") return `no answer from AWS within ${formatDuration(requestMs)}`;
  if (name === "CredentialsProviderError" || name === "TokenProviderError")
    return `no credentials: ${messageOf(error)}`;
  return `no answer from AWS: ${messageOf(error)}`;
}

/** What follows the first line may be the whole request, its token included (`SignatureDoesNotMatch`). */
function firstLine(text: string): string {
  const [line = ""] = text.trim().split(/\r?\n/, 1);
  const [said = ""] = line.split(" For more information");
  return said.length <= maxAwsReasonChars ? said : `${said.slice(0, maxAwsReasonChars)}…`;
}
