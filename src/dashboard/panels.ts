/** The kinds of panel that the dashboard is made of, on Grafana's Foundation SDK. */
import * as bargauge from "@grafana/grafana-foundation-sdk/bargauge";
import type { Builder } from "@grafana/grafana-foundation-sdk/cog";
import * as common from "@grafana/grafana-foundation-sdk/common";
import * as dashboard from "@grafana/grafana-foundation-sdk/dashboard";
import * as prometheus from "@grafana/grafana-foundation-sdk/prometheus";
import * as stat from "@grafana/grafana-foundation-sdk/stat";
import * as statushistory from "@grafana/grafana-foundation-sdk/statushistory";
import * as table from "@grafana/grafana-foundation-sdk/table";
import * as timeseries from "@grafana/grafana-foundation-sdk/timeseries";

export interface Query {
  readonly expr: string;
  /** The series' name, with labels as `{{service}}`. */
  readonly legend: string;
}

export interface Sketch {
  readonly title: string;
  readonly description: string;
  readonly queries: readonly Query[];
  /** In Grafana's grid of 24 columns. */
  readonly width: number;
  /** In Grafana's rows of 30 pixels. */
  readonly height: number;
  /** Grafana's id of a unit: `s`, `percentunit`, `bytes`, `short`. */
  readonly unit: string;
}

/** A row that can be folded, and the panels under it. */
export interface Row {
  readonly title: string;
  readonly panels: readonly Panel[];
}

export type Panel = Builder<dashboard.Panel> & { id(id: number): unknown };

/** Ascending; the first value is undefined: everything below the second. */
export type Steps = readonly (readonly [from: number | undefined, color: string])[];

const source = { type: "prometheus", uid: "${datasource}" };
/** Points of a status history: each is the least healthy moment of its time. */
const historyPoints = 120;

/** What every panel's builder of the SDK has. */
interface Common<Self> extends Panel {
  title(title: string): Self;
  description(description: string): Self;
  datasource(datasource: common.DataSourceRef): Self;
  targets(targets: Builder<prometheus.Dataquery>[]): Self;
  span(width: number): Self;
  height(height: number): Self;
  unit(unit: string): Self;
}

type Moment = "range" | "instant" | "table";

function draw<Self extends Common<Self>>(builder: Self, sketch: Sketch, moment: Moment): Self {
  return builder
    .title(sketch.title)
    .description(sketch.description)
    .datasource(source)
    .targets(sketch.queries.map((query, index) => target(query, index, moment)))
    .span(sketch.width)
    .height(sketch.height)
    .unit(sketch.unit);
}

function target(query: Query, index: number, moment: Moment): prometheus.DataqueryBuilder {
  const builder = new prometheus.DataqueryBuilder()
    .datasource(source)
    .refId(String.fromCharCode("A".charCodeAt(0) + index))
    .editorMode(prometheus.QueryEditorMode.Code)
    .expr(query.expr)
    .legendFormat(query.legend);
  if (moment === "table") builder.format(prometheus.PromQueryFormat.Table);
  return moment === "range" ? builder.range() : builder.instant();
}

function thresholds(steps: Steps): dashboard.ThresholdsConfigBuilder {
  return new dashboard.ThresholdsConfigBuilder()
    .mode(dashboard.ThresholdsMode.Absolute)
    .steps(steps.map(([from, color]) => ({ value: from ?? null, color })));
}

function colorBy(mode: dashboard.FieldColorModeId): dashboard.FieldColorBuilder {
  return new dashboard.FieldColorBuilder().mode(mode);
}

function newest(): common.ReduceDataOptionsBuilder {
  return new common.ReduceDataOptionsBuilder().calcs(["lastNotNull"]).values(false);
}

/** Health over time, a row a series: 1 is green, 0.5 amber, 0 red. */
export function statusHistory(sketch: Sketch): Panel {
  const healthy = { text: "Healthy", color: "green", index: 0 };
  const partly = { text: "Partly", color: "orange", index: 1 };
  const unhealthy = { text: "Unhealthy", color: "red", index: 2 };
  return draw(new statushistory.PanelBuilder(), sketch, "range")
    .interval("1m")
    .maxDataPoints(historyPoints)
    .mappings([{ type: dashboard.MappingType.ValueToText, options: { "1": healthy, "0.5": partly, "0": unhealthy } }])
    .thresholds(
      thresholds([
        [undefined, "red"],
        [0.5, "orange"],
        [1, "green"],
      ]),
    )
    .colorScheme(colorBy(dashboard.FieldColorModeId.Thresholds))
    .min(0)
    .max(1)
    .showValue(common.VisibilityMode.Never)
    .fillOpacity(80)
    .lineWidth(1)
    .rowHeight(0.9)
    .legend(legend(common.LegendDisplayMode.List));
}

export function timeSeries(sketch: Sketch): Panel {
  return draw(new timeseries.PanelBuilder(), sketch, "range")
    .lineWidth(1)
    .fillOpacity(10)
    .showPoints(common.VisibilityMode.Auto)
    .colorScheme(colorBy(dashboard.FieldColorModeId.PaletteClassicByName))
    .legend(legend(common.LegendDisplayMode.List))
    .tooltip(
      new common.VizTooltipOptionsBuilder().mode(common.TooltipDisplayMode.Multi).sort(common.SortOrder.Descending),
    );
}

/** One number a series: with its course behind it, or, of one moment, alone. */
export function figure(sketch: Sketch, steps: Steps, moment: "range" | "instant" = "range"): Panel {
  return draw(new stat.PanelBuilder(), sketch, moment)
    .thresholds(thresholds(steps))
    .colorScheme(colorBy(dashboard.FieldColorModeId.Thresholds))
    .graphMode(moment === "range" ? common.BigValueGraphMode.Area : common.BigValueGraphMode.None)
    .textMode(common.BigValueTextMode.Auto)
    .reduceOptions(newest());
}

/** One bar a series, as things are now. */
export function bars(sketch: Sketch, steps: Steps, max: number): Panel {
  return draw(new bargauge.PanelBuilder(), sketch, "instant")
    .thresholds(thresholds(steps))
    .colorScheme(colorBy(dashboard.FieldColorModeId.Thresholds))
    .min(0)
    .max(max)
    .displayMode(common.BarGaugeDisplayMode.Basic)
    .orientation(common.VizOrientation.Horizontal)
    .reduceOptions(newest());
}

/** One row a series and a column a label, as things are now; the time and the number are left out. */
export function labelTable(sketch: Sketch): Panel {
  return draw(new table.PanelBuilder(), sketch, "table").transformations([
    { id: "organize", options: { excludeByName: { Time: true, Value: true } } },
  ]);
}

function legend(mode: common.LegendDisplayMode): common.VizLegendOptionsBuilder {
  return new common.VizLegendOptionsBuilder()
    .displayMode(mode)
    .placement(common.LegendPlacement.Bottom)
    .showLegend(true)
    .calcs([]);
}
