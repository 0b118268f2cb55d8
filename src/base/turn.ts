/** Resolves when the event loop has done what else there was to do: a long work rests so between its parts. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
