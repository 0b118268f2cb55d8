/** The one sentence that a wall screen is for, and what else needs a person. */
import type { Certificate, Group, HandlerRow, Row, StatusDocument, Summary } from "./document.ts";

/** Names that a sentence lists before it counts the rest. */
const maxNames = 5;

export function summaryOf(
  groups: readonly Group[],
  certificates: readonly Certificate[],
  handlers: readonly HandlerRow[],
  worker: StatusDocument["worker"],
): Summary {
  const services = groups.flatMap((group) =>
    group.scale === "health" ? group.rows.filter(({ state }) => state !== "gone") : [],
  );
  const of = (state: Row["state"]) => services.filter((row) => row.state === state);
  const [healthy, partly, unhealthy, unknown] = [of("healthy"), of("partly"), of("unhealthy"), of("unknown")];
  const counts = {
    services: services.length,
    healthy: healthy.length,
    partly: partly.length,
    unhealthy: unhealthy.length,
    unknown: unknown.length,
  };
  const list = (some: typeof services) => named([...new Set(some.map(({ name }) => name))]);
  const notices = [...certificateNotices(certificates), ...handlerNotices(handlers)];
  if (services.length === 0) {
    return { state: "empty", text: nothing(handlers, worker), ...counts, notices };
  }
  const worse: string[] = [];
  if (unhealthy.length > 0) worse.push(`${share(unhealthy.length, services.length)} unhealthy: ${list(unhealthy)}`);
  if (partly.length > 0) worse.push(`${share(partly.length, services.length)} partly healthy: ${list(partly)}`);
  if (unknown.length > 0) worse.push(`${share(unknown.length, services.length)} unknown: ${list(unknown)}`);
  const [text = allHealthy(services.length), ...further] = worse;
  const state =
    unhealthy.length > 0 ? "unhealthy" : partly.length > 0 ? "partly" : unknown.length > 0 ? "unknown" : "healthy";
  return { state, text, ...counts, notices: [...further, ...notices] };
}

/** Why there is no service. */
function nothing(handlers: readonly HandlerRow[], worker: StatusDocument["worker"]): string {
  if (worker === "off") return "The worker is off";
  const isYetToCome = ({ state, last_success_unix_seconds }: HandlerRow) =>
    state === "waiting" || (state === "failing" && last_success_unix_seconds === null);
  return handlers.some(isYetToCome) ? "No services are known yet" : "No services are watched";
}

function allHealthy(services: number): string {
  return services === 1 ? "1 service healthy" : `All ${services} services healthy`;
}

function share(some: number, services: number): string {
  return services === 1 ? "1 service" : `${some} of ${services} services`;
}

function certificateNotices(certificates: readonly Certificate[]): string[] {
  const services = (...states: Certificate["state"][]) =>
    certificates.filter(({ state }) => states.includes(state)).map(({ service }) => service);
  const expired = services("expired");
  const soon = services("soon", "critical");
  const notices: string[] = [];
  if (expired.length > 0)
    notices.push(`${plural(expired.length, "certificate has", "certificates have")} expired: ${named(expired)}`);
  if (soon.length > 0)
    notices.push(`${plural(soon.length, "certificate expires", "certificates expire")} within 14 days: ${named(soon)}`);
  return notices;
}

function handlerNotices(handlers: readonly HandlerRow[]): string[] {
  const failing = handlers.filter(({ state }) => state === "failing").map(({ name }) => name);
  return failing.length === 0 ? [] : [`${plural(failing.length, "handler fails", "handlers fail")}: ${named(failing)}`];
}

function plural(count: number, one: string, many: string): string {
  return `${count} ${count === 1 ? one : many}`;
}

function named(names: readonly string[]): string {
  const shown = names.slice(0, maxNames).join(", ");
  return names.length <= maxNames ? shown : `${shown} and ${names.length - maxNames} more`;
}
