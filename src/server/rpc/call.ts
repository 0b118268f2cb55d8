/** What kind of client is calling: which protocol it speaks, and how it wants its errors. */

export interface Call {
  readonly protocol: "connect" | "grpc-web";
  readonly binary: boolean;
  /** Whether its frames, and those of the answer, travel as base64: the text mode of gRPC-web. */
  readonly text: boolean;
  /** The content type as connect-es knows it. */
  readonly contentType: string;
  /** The content type of a good answer, where it differs from connect-es's. */
  readonly answerType: string | undefined;
  /**
   * - `twirp`: `code`, `msg` and `meta` alone, for Twirp's Go client refuses further keys.
   * - `connect`: `code`, `message` and `details`, for the caller has said that it speaks Connect.
   * - `both`: Connect's with `msg` added, for a Twirp client for browsers says nothing of itself.
   */
  readonly errors: "twirp" | "connect" | "both";
}

const contentTypes: Readonly<Record<string, Omit<Call, "errors">>> = {
  "application/json": connect("application/json", false),
  "application/proto": connect("application/proto", true),
  "application/protobuf": { ...connect("application/proto", true), answerType: "application/protobuf" },
  "application/grpc-web": { ...grpcWeb("application/grpc-web+proto", true), answerType: "application/grpc-web" },
  "application/grpc-web+proto": grpcWeb("application/grpc-web+proto", true),
  "application/grpc-web+json": grpcWeb("application/grpc-web+json", false),
  "application/grpc-web-text": grpcWebText("application/grpc-web-text"),
  "application/grpc-web-text+proto": grpcWebText("application/grpc-web-text+proto"),
};

export const knownContentTypes: readonly string[] = Object.keys(contentTypes);

/** Undefined when nobody here knows the content type. Case and parameters do not matter. */
export function callOf(headers: Headers): Call | undefined {
  const type = essenceOf(headers.get("content-type"));
  if (!Object.hasOwn(contentTypes, type)) return undefined;
  return { ...contentTypes[type]!, errors: errorsOf(headers, type) };
}

/** How a caller wants its errors, also one whose content type is unknown. */
export function errorsOf(headers: Headers, type = essenceOf(headers.get("content-type"))): Call["errors"] {
  if (type === "application/protobuf" || headers.has("twirp-version")) return "twirp";
  return headers.has("connect-protocol-version") ? "connect" : "both";
}

function essenceOf(contentType: string | null): string {
  return (contentType ?? "").split(";", 1)[0]!.trim().toLowerCase();
}

function connect(contentType: string, binary: boolean) {
  return { protocol: "connect", binary, text: false, contentType, answerType: undefined } as const;
}

function grpcWeb(contentType: string, binary: boolean) {
  return { protocol: "grpc-web", binary, text: false, contentType, answerType: undefined } as const;
}

function grpcWebText(answerType: string) {
  return { ...grpcWeb("application/grpc-web+proto", true), text: true, answerType } as const;
}
