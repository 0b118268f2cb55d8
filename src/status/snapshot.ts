/** Everything that the page shows, as it stands now. */
import { build } from "../base/build.ts";
import { statusSlotMs, statusSlots } from "../base/limits.ts";
import type { StatusDocument } from "./document.ts";
import { executionsOf } from "./executions.ts";
import { handlersOf } from "./handlers.ts";
import { measuresOf } from "./measures.ts";
import { certificatesOf, groupsOf } from "./rows.ts";
import type { Sources } from "./sources.ts";
import { summaryOf } from "./summary.ts";

export function snapshot(sources: Sources): StatusDocument {
  const { registry, recorder, clock, worker, keeper, startedMs } = sources;
  recorder.look();
  const groups = groupsOf(sources);
  const certificates = certificatesOf(sources);
  const handlers = handlersOf(sources);
  const running = worker === undefined ? "off" : "running";
  return {
    schema_version: 1,
    environment: registry.environment,
    build: { sha: build.sha, tag: build.tag, version: `bun${build.bun}` },
    now_unix_seconds: clock.unixMs() / 1000,
    started_unix_seconds: startedMs / 1000,
    known_since_unix_seconds: recorder.history.knownSinceMs / 1000,
    history_kept_in: keeper === undefined ? "memory" : "ledger",
    history: {
      slot_seconds: statusSlotMs / 1000,
      slots: statusSlots,
      end_unix_seconds: ((recorder.history.newestSlot + 1) * statusSlotMs) / 1000,
    },
    configuration: sources.configuration,
    worker: running,
    summary: summaryOf(groups, certificates, handlers, running),
    groups,
    certificates,
    executions: executionsOf(sources),
    handlers,
    ...measuresOf(sources),
    series_without_history: recorder.history.refused,
  };
}
