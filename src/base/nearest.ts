import { distance } from "fastest-levenshtein";

/** The valid name that a mistyped one most likely means, or undefined when none is near enough to be of help. */
export function nearest(name: string, valid: Iterable<string>): string | undefined {
  const reach = Math.max(2, Math.floor(name.length / 3));
  let best: string | undefined;
  let least = reach + 1;
  for (const candidate of valid) {
    const steps = distance(name.toLowerCase(), candidate.toLowerCase());
    if (steps < least) [best, least] = [candidate, steps];
  }
  return best;
}
