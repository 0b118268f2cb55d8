/** Groups of the page: the gauges that handlers report and clients push, a row a series. */
import { statusRemoteMs } from "../base/limits.ts";
import type { Labels, Metric } from "../metrics/definition.ts";
import { formatLabels } from "../metrics/text.ts";
import type { PlannedHandler } from "../worker/plan.ts";
import type { Certificate, Group, Row, RowState } from "./document.ts";
import { healthOf, scaleOf } from "./health.ts";
import type { History, Track } from "./history.ts";
import type { Sources } from "./sources.ts";
import { plain } from "./state.ts";

const certificateExpiry = "http_endpoint_certificate_expiry_timestamp_seconds";

/** The gauges that are built in, in the order of the page. */
const titles: Readonly<Record<string, { readonly title: string; readonly row?: string }>> = {
  http_endpoint_health: { title: "Endpoints" },
  aws_ecs_container_health: { title: "Containers" },
  aws_cloudformation_stack_health: { title: "CloudFormation stacks" },
  aws_ec2_keypair_total: { title: "Key pairs", row: "key pairs" },
  github_rate_limit_remaining: { title: "GitHub quota", row: "requests left" },
};

const daySeconds = 86_400;
const soonDays = 14;
const criticalDays = 3;

/** One group a gauge: the built-in ones first, then users' own, then what clients push. */
export function groupsOf(sources: Sources): Group[] {
  const tracks = Map.groupBy(sources.recorder.history.tracks(), ({ metric }) => metric);
  const active = sources.handlers.filter(({ inactive }) => inactive === undefined);
  const owners = new Map<string, PlannedHandler>();
  for (const plan of active) {
    for (const [metric, { kind }] of Object.entries(plan.metrics ?? {})) if (kind === "gauge") owners.set(metric, plan);
  }
  const metrics = new Set([...owners.keys(), ...tracks.keys()]);
  metrics.delete(certificateExpiry);
  const groups = [...metrics].map((metric) => groupOf(metric, tracks.get(metric) ?? [], owners.get(metric), sources));
  return groups
    .filter(({ rows }) => rows.length > 0)
    .sort((a, b) => placeOf(a) - placeOf(b) || compare(a.metric, b.metric));
}

export function certificatesOf(sources: Sources): Certificate[] {
  const nowSeconds = sources.clock.unixMs() / 1000;
  const certificates: Certificate[] = [];
  for (const track of sources.recorder.history.tracks()) {
    if (track.metric !== certificateExpiry || track.presence === "gone") continue;
    const { state, seenBy } = stand(track, sources);
    const days = (track.value - nowSeconds) / daySeconds;
    certificates.push({
      service: nameOf(track.metric, track.labels),
      expires_unix_seconds: track.value,
      days_left: Math.floor(days),
      state: state === "unknown" ? "unknown" : judge(days),
      seen_by: seenBy,
    });
  }
  return certificates.sort((a, b) => a.expires_unix_seconds - b.expires_unix_seconds || compare(a.service, b.service));
}

function judge(days: number): Certificate["state"] {
  if (days <= 0) return "expired";
  if (days < criticalDays) return "critical";
  return days < soonDays ? "soon" : "valid";
}

function groupOf(metric: string, tracks: readonly Track[], owner: PlannedHandler | undefined, sources: Sources): Group {
  const scale = scaleOf(metric);
  const exposed = new Map(
    sources.registry
      .find(metric)
      ?.read()
      .map(({ labels, value }) => [formatLabels(labels), value]),
  );
  const rows = tracks.map((track) => rowOf(track, exposed.get(formatLabels(track.labels)), sources));
  const known = new Set(tracks.map(({ labels }) => formatLabels(labels)));
  const expected = scale === "health" ? listed(owner?.metrics?.[metric]) : [];
  for (const labels of expected) if (!known.has(formatLabels(labels))) rows.push(unseen(metric, labels));
  const handler = owner?.name ?? tracks[0]?.handler ?? "";
  return {
    title: titles[metric]?.title ?? metric,
    metric,
    help: sources.registry.find(metric)?.metric.help ?? owner?.metrics?.[metric]?.help ?? "",
    handler: handler === "" ? null : handler,
    scale,
    rows: rows.sort((a, b) => compare(a.name, b.name)),
  };
}

function rowOf(track: Track, exposed: number | undefined, sources: Sources): Row {
  const { metric, labels, value, sinceMs, sinceAtLeast, seenMs, scale } = track;
  const { state, seenBy } = stand(track, sources);
  const isKnown = state !== "unknown" && state !== "gone";
  const slots = slotsOf(track, sources.recorder.history);
  return {
    name: nameOf(metric, labels),
    labels,
    state,
    value: exposed ?? null,
    since_unix_seconds: (isKnown ? sinceMs : seenMs) / 1000,
    since_is_at_least: isKnown && sinceAtLeast,
    is_confirmed: track.presence === "live",
    last_value: value,
    last_seen_unix_seconds: seenMs / 1000,
    seen_by: seenBy,
    history: slots,
    healthy_ratio: scale === "health" ? healthyRatio(slots) : null,
  };
}

/** How a series stands: what another replica has told of it counts while it is fresh. */
function stand(
  track: Track,
  { holderOf, keeper, clock }: Sources,
): { state: RowState; seenBy: NonNullable<Row["seen_by"]> } {
  const isRemote = holderOf(track.handler) === "elsewhere";
  const seenBy = isRemote ? "another replica" : "this replica";
  const ageMs = clock.unixMs() - Math.max(track.seenMs, keeper?.savedMs(track.handler) ?? 0);
  if (track.presence === "gone") return { state: "gone", seenBy };
  if (track.presence === "lost" || (isRemote && ageMs > statusRemoteMs)) return { state: "unknown", seenBy };
  return { state: track.scale === "health" ? healthOf(track.value) : "reported", seenBy };
}

/** A series that is listed and was never seen. */
function unseen(metric: string, labels: Labels): Row {
  return {
    name: nameOf(metric, labels),
    labels,
    state: "unknown",
    value: null,
    since_unix_seconds: null,
    since_is_at_least: false,
    is_confirmed: false,
    last_value: null,
    last_seen_unix_seconds: null,
    seen_by: null,
    history: [],
    healthy_ratio: null,
  };
}

function slotsOf(track: Track, history: History): (number | null)[] {
  return Array.from(history.ordered(track), (value) => (Number.isNaN(value) ? null : plain(value)));
}

function healthyRatio(slots: readonly (number | null)[]): number | null {
  const known = slots.filter((value) => value !== null);
  return known.length === 0 ? null : known.filter((value) => value >= 1).length / known.length;
}

/** All series of a metric whose label values are listed; none when some are found at run time. */
function listed(metric: Metric | undefined): Labels[] {
  if (metric === undefined) return [];
  let all: Labels[] = [{}];
  for (const [name, values] of Object.entries(metric.labels ?? {})) {
    if (values === "*") return [];
    all = all.flatMap((labels) => values.map((value) => ({ ...labels, [name]: value })));
  }
  return all;
}

/** What a row is called: its labels' values. */
export function nameOf(metric: string, labels: Labels): string {
  return Object.values(labels).join(" · ") || (titles[metric]?.row ?? metric);
}

function placeOf({ metric, handler }: Group): number {
  const place = Object.keys(titles).indexOf(metric);
  if (place >= 0) return place;
  return handler === null ? 1000 : 100;
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
