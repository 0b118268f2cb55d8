import type { World } from "../handler.ts";

/** Variables whose values never leave the thread. */
const secretVariables = ["AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_CONTAINER_AUTHORIZATION_TOKEN"] as const;
const proxyVariables = ["HTTPS_PROXY", "HTTP_PROXY", "https_proxy", "http_proxy"] as const;
/** Shorter ones are no secrets, and to take them out would garble every text. */
const minChars = 4;
const keyId = /\b(?:AKIA|ASIA)[A-Z0-9]{12,}\b/g;

/** Takes credentials out of texts: AWS repeats what it was sent, the session's token above all, in some of its errors. */
export class Secrets {
  readonly #fixed: readonly string[];
  /** The token of the credentials in use, wherever the chain has found them. */
  #token = "";

  constructor(variables: World["variables"]) {
    const passwords = proxyVariables.flatMap((name) => {
      const written = /^[^@]*:\/\/[^:@]*:(.*)@/.exec(variables[name] ?? "")?.[1] ?? "";
      return [written, decoded(written)];
    });
    const values = [...secretVariables.map((name) => variables[name]?.trim() ?? ""), ...passwords];
    this.#fixed = values.filter((value) => value.length >= minChars);
  }

  /** Learns from a request what its answer may repeat. */
  note(headers: Headers): void {
    this.#token = headers.get("x-amz-security-token") ?? this.#token;
  }

  hide(text: string): string {
    let hidden = text.replace(keyId, "[secret]");
    for (const value of [this.#token, ...this.#fixed]) {
      if (value !== "") hidden = hidden.replaceAll(value, "[secret]");
    }
    return hidden;
  }
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
