/** Loads a user's handler the way the daemon does, in a thread of its own, and says what it declares. */
import { systemClock } from "../base/clock.ts";
import { formatDuration } from "../base/units.ts";
import { dutyOf, type PlannedHandler } from "./plan.ts";
import type { Declaration } from "./runner.ts";
import { Thread } from "./spawn.ts";

/** What the handler declares, or why it cannot be loaded within its timeout. Nothing of it is run. Never rejects. */
export async function inspectHandler(
  plan: PlannedHandler,
  environment: string,
): Promise<{ readonly declaration: Declaration } | { readonly problem: string }> {
  return new Promise((resolve) => {
    const finish = (result: { readonly declaration: Declaration } | { readonly problem: string }): void => {
      cancel();
      thread.end();
      void thread.closed.then(() => resolve(result));
    };
    const problem = `it did not load within ${formatDuration(plan.timeoutMs)}`;
    const cancel = systemClock.after(plan.timeoutMs, () => finish({ problem }));
    const thread = new Thread(dutyOf(plan, environment), {
      message(message) {
        if (message.type === "loaded") finish({ declaration: message });
        else if (message.type === "unloadable" || message.type === "broken") {
          finish({ problem: message.trouble.description });
        }
      },
      ended: ({ description }) => finish({ problem: description }),
    });
  });
}
