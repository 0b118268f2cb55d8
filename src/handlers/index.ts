import type { BuiltIn } from "./handler.ts";

/** The built-in handlers, one line each. */
export const builtIns: readonly BuiltIn[] = [];
