/** What a `new Worker` starts with: `src/main.ts`, or in the compiled binary the binary's own entry. */
export const threadEntry = import.meta.url.endsWith("/src/base/entry.ts")
  ? new URL("../main.ts", import.meta.url).href
  : Bun.main;

/** The variable that tells a thread what it is: `handler` or `server`. */
export const threadRoleVariable = "SPECTA_THREAD";
