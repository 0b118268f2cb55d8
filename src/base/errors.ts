import { maxThrownValues } from "./limits.ts";
import { places } from "./trace.ts";

/** Something the user must mend before specta can run: one line a problem, each naming its place. Exit code 1. */
export class Problems extends Error {
  override readonly name = "Problems";
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(problems.join("\n"));
    this.problems = problems;
  }
}

/** A misuse of the command line. Exit code 2. */
export class Misuse extends Error {
  override readonly name = "Misuse";
}

/** The message of whatever was thrown: never empty, never "[object Object]". */
export function messageOf(thrown: unknown): string {
  if (thrown instanceof Error) return thrown.message || thrown.name;
  if (typeof thrown === "string" && thrown !== "") return thrown;
  try {
    return `a thrown ${typeof thrown}: ${brief(thrown) ?? String(thrown)}`;
  } catch {
    return `a thrown ${typeof thrown}`;
  }
}

/** As JSON. @throws for what is long: a thrown list of a million bytes would be eleven of text. */
function brief(thrown: unknown): string | undefined {
  let values = 0;
  return JSON.stringify(thrown, (_, value: unknown) => {
    values += 1;
    if (values > maxThrownValues || ArrayBuffer.isView(value)) throw new RangeError("too long to be told");
    return value;
  });
}

/** The grammar of every complaint about a value: what failed, what must be, what is. */
export function mustBe(what: string, expected: string, current: unknown): string {
  return `${what} must be ${expected}: current value is ${JSON.stringify(current) ?? "missing"}`;
}

/** An error as plain data: what crosses from a thread, and what a log line's `stack` is made from. */
export interface Trouble {
  readonly description: string;
  /** Places, innermost first. */
  readonly trace: readonly string[];
}

export function troubleOf(thrown: unknown): Trouble {
  if (!(thrown instanceof Error)) return { description: messageOf(thrown), trace: [] };
  const cause = thrown.cause === undefined ? "" : `: ${messageOf(thrown.cause)}`;
  return { description: messageOf(thrown) + cause, trace: places(thrown.stack) };
}
