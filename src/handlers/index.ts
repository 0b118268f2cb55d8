import { build } from "./build/index.ts";
import { container } from "./container/index.ts";
import { deployment } from "./deployment/index.ts";
import { endpoint } from "./endpoint/index.ts";
import type { BuiltIn } from "./handler.ts";
import { keypair } from "./keypair/index.ts";
import { stack } from "./stack/index.ts";

/** The built-in handlers, one line each. */
export const builtIns: readonly BuiltIn[] = [build, container, deployment, endpoint, keypair, stack];
