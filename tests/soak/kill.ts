/**
 * Kills the compiled daemon as often as you like while builds end, and prints what it counted; exits with 1 when a build
 * was lost, counted twice, or a scrape showed less than one before.
 *
 *   bun tests/soak/kill.ts [--kills 300] [--seed 1] [--per-second 10] [--on sqlite|postgres|both]
 */
import { parseArgs } from "node:util";
import { killOnPostgres, killOnSqlite, type Report, told } from "../harness/kill-rounds.ts";

const { values } = parseArgs({
  options: {
    kills: { type: "string", default: "300" },
    seed: { type: "string", default: "1" },
    "per-second": { type: "string", default: "10" },
    on: { type: "string", default: "both" },
  },
});
const options = { kills: Number(values.kills), seed: Number(values.seed), perSecond: Number(values["per-second"]) };

function wrongOf({ differences, watch }: Report): readonly string[] {
  return [...differences, ...watch.falls, ...watch.excesses, ...watch.doubles];
}

let wrong: readonly string[] = [];
if (values.on !== "postgres") {
  const report = await killOnSqlite(options);
  console.log(told("SQLite", report));
  wrong = wrongOf(report);
}
if (values.on !== "sqlite") {
  const report = await killOnPostgres(options);
  console.log(told("PostgreSQL", report));
  wrong = [...wrong, ...wrongOf(report), ...(report.increases.falls > 0 ? ["the sum fell in Prometheus"] : [])];
}
for (const line of wrong.slice(0, 100)) console.error(line);
process.exit(wrong.length > 0 ? 1 : 0);
