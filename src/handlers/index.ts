import { build } from "./build/index.ts";
import type { BuiltIn } from "./handler.ts";

/** The built-in handlers, one line each. */
export const builtIns: readonly BuiltIn[] = [build];
