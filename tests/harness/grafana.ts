/** Reads a Grafana dashboard as far as tests look at it. */
import * as v from "valibot";

const target = v.object({
  refId: v.string(),
  expr: v.string(),
  legendFormat: v.string(),
  instant: v.optional(v.boolean(), false),
  datasource: v.unknown(),
});

const common = {
  id: v.number(),
  title: v.string(),
  gridPos: v.object({ x: v.number(), y: v.number(), w: v.number(), h: v.number() }),
};

const row = v.object({ ...common, type: v.literal("row") });

const panel = v.object({
  ...common,
  type: v.picklist(["status-history", "timeseries", "stat", "bargauge", "table"]),
  description: v.string(),
  options: v.unknown(),
  fieldConfig: v.object({
    defaults: v.object({ mappings: v.optional(v.unknown()), thresholds: v.optional(v.unknown()) }),
  }),
  targets: v.array(target),
});

const dashboard = v.object({
  uid: v.string(),
  panels: v.array(v.variant("type", [row, panel])),
  templating: v.object({
    list: v.array(v.object({ name: v.string(), type: v.string(), current: v.optional(v.unknown()) })),
  }),
});

export type Dashboard = v.InferOutput<typeof dashboard>;
export type Panel = v.InferOutput<typeof panel>;

/** @throws when the text is no dashboard. */
export function readDashboard(text: string): Dashboard {
  return v.parse(dashboard, JSON.parse(text));
}

/** The panels that show something, in their order. */
export function panelsOf({ panels }: Dashboard): Panel[] {
  return panels.filter((found) => found.type !== "row");
}

export function rowsOf({ panels }: Dashboard) {
  return panels.filter(({ type }) => type === "row");
}

/** What Grafana puts in place of its variables; as the step within a query's window, what data of a second needs. */
export function fill(expr: string, environment: string): string {
  const values: Readonly<Record<string, string>> = {
    environment,
    __interval: "1m",
    __rate_interval: "1m",
    __range: "1h",
  };
  return expr
    .replaceAll(":$__interval]", ":200ms]")
    .replace(/\$(\w+)/g, (whole, name: string) => values[name] ?? whole);
}
