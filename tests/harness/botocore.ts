/** Another client of AWS than the one that specta uses: botocore, in a Python environment of its own. */
import { runPython } from "./python.ts";

/** Runs a script with botocore there and gives what it prints. @throws with what it says when it fails. */
export function runWithBotocore(
  script: string,
  args: readonly string[],
  variables: Readonly<Record<string, string>>,
): Promise<string> {
  return runPython({ name: "botocore", version: "1.44.5" }, script, { args, variables });
}
