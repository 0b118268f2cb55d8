/** Loads a user's handler the way the daemon does, in a thread of its own, and says what it declares. */
import { type Clock, systemClock } from "../base/clock.ts";
import { maxThreadEndMs } from "../base/limits.ts";
import { formatDuration } from "../base/units.ts";
import { dutyOf, type PlannedHandler } from "./plan.ts";
import type { Declaration } from "./runner.ts";
import { Thread } from "./spawn.ts";

/**
 * What the handler declares, or why it cannot be loaded within its timeout. Nothing of it is run. Never rejects, and ends
 * although its thread should not: one that is deep in native code is waited for no longer than `maxThreadEndMs`.
 */
export async function inspectHandler(
  plan: PlannedHandler,
  environment: string,
  clock: Clock = systemClock,
): Promise<{ readonly declaration: Declaration } | { readonly problem: string }> {
  return new Promise((resolve) => {
    const finish = (result: { readonly declaration: Declaration } | { readonly problem: string }): void => {
      cancel();
      thread.end();
      const giveUp = clock.after(maxThreadEndMs, () => resolve(result));
      void thread.closed.then(() => {
        giveUp();
        resolve(result);
      });
    };
    const problem = `it did not load within ${formatDuration(plan.timeoutMs)}`;
    const cancel = clock.after(plan.timeoutMs, () => finish({ problem }));
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
