/**
 * The Grafana dashboard of one configuration. Import this lazily: it loads Grafana's Foundation SDK, which nothing but the
 * dashboard command needs.
 */
import * as sdk from "@grafana/grafana-foundation-sdk/dashboard";
import { buildsRow, deploymentsRow } from "./ended.ts";
import { healthRow } from "./health.ts";
import { ownHandlerRows, pushedRow } from "./metric.ts";
import type { Monitored } from "./monitored.ts";
import { spectaRow, workerRow } from "./operation.ts";

/** Always the same, so that importing a newer dashboard replaces the older one. */
const uid = "specta";

/** What Grafana 11.0 writes; newer ones bring a dashboard up to date as they load it, older schemas they do not know. */
const schemaVersion = 39;

/** The dashboard as JSON, ready for Grafana 11 or newer to import or provision; the same input gives the same text. */
export function renderDashboard(monitored: Monitored): string {
  const builder = new sdk.DashboardBuilder("Specta")
    .uid(uid)
    .description('Health, builds, deployments and pushed metrics, made by "specta dashboard" from the configuration.')
    .tags(["specta"])
    .editable()
    .time({ from: "now-6h", to: "now" })
    .refresh("30s")
    .timezone("browser")
    .tooltip(sdk.DashboardCursorSync.Crosshair)
    .withVariable(new sdk.DatasourceVariableBuilder("datasource").label("Data source").type("prometheus"))
    .withVariable(environmentVariable(monitored.environment));
  const rows = [
    healthRow(monitored),
    buildsRow(monitored),
    deploymentsRow(monitored),
    pushedRow(monitored),
    ...ownHandlerRows(monitored),
    workerRow(monitored),
    spectaRow(monitored),
  ];
  let id = 1;
  for (const { title, panels } of rows) {
    if (panels.length === 0) continue;
    builder.withRow(new sdk.RowBuilder(title).id(id++));
    for (const panel of panels) {
      panel.id(id++);
      builder.withPanel(panel);
    }
  }
  return `${JSON.stringify({ ...builder.build(), schemaVersion }, null, 2)}\n`;
}

function environmentVariable(environment: string): sdk.QueryVariableBuilder {
  return new sdk.QueryVariableBuilder("environment")
    .label("Environment")
    .datasource({ type: "prometheus", uid: "${datasource}" })
    .query("label_values(specta_build_info, env)")
    .refresh(sdk.VariableRefresh.OnDashboardLoad)
    .sort(sdk.VariableSort.AlphabeticalAsc)
    .current({ selected: true, text: environment, value: environment });
}
