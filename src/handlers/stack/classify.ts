import { healthy, partly, unhealthy } from "../health.ts";
import type { Settings } from "./settings.ts";

const healthyStatuses: ReadonlySet<string> = new Set([
  "CREATE_COMPLETE",
  "UPDATE_COMPLETE",
  "IMPORT_COMPLETE",
  "DELETE_COMPLETE",
]);

const changingStatuses: ReadonlySet<string> = new Set([
  "CREATE_IN_PROGRESS",
  "UPDATE_IN_PROGRESS",
  "DELETE_IN_PROGRESS",
  "IMPORT_IN_PROGRESS",
  "REVIEW_IN_PROGRESS",
  "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS",
]);

/** The health of a stack by its status; every one that fails, rolls back or is unknown is unhealthy. */
export function healthOf(status: string): number {
  if (healthyStatuses.has(status)) return healthy;
  return changingStatuses.has(status) ? partly : unhealthy;
}

/** Finds the label of a stack by its name; undefined when there is none for it. */
export type LabelOf = (stackName: string) => string | undefined;

/**
 * The label is that of the configured name which the stack's name contains, the longest first. The name of a nested stack
 * ends in a hash; without one it is a root stack.
 */
export function labeller({ names }: Settings): LabelOf {
  const longestFirst = Object.entries(names).sort(([a], [b]) => b.length - a.length);
  return (stackName) => {
    const [, label] = longestFirst.find(([part]) => stackName.includes(part)) ?? [];
    return label ?? (/-[A-Z0-9]{10,}$/.test(stackName) ? undefined : "root");
  };
}
