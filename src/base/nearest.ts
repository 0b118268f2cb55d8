import { distance } from "fastest-levenshtein";

/** A valid name shorter than this begins too many words. */
const minBeginning = 3;

/** The valid name that a mistyped one most likely means, or undefined when none is near enough to be of help. */
export function nearest(name: string, valid: Iterable<string>): string | undefined {
  const reach = Math.max(2, Math.floor(name.length / 3));
  let best: string | undefined;
  let least = reach + 1;
  for (const candidate of valid) {
    const steps = distance(name.toLowerCase(), candidate.toLowerCase());
    if (steps < least) [best, least] = [candidate, steps];
    if (best === undefined && goesOn(name, candidate)) best = candidate;
  }
  return best;
}

/** Whether a name goes on where a valid one ends, as `--environment` does after `--env`. */
function goesOn(name: string, candidate: string): boolean {
  return candidate.replace(/^-+/, "").length >= minBeginning && name.toLowerCase().startsWith(candidate.toLowerCase());
}
