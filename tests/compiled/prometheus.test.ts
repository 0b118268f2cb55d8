/** The main job, end to end: clients push to the compiled binary, a real Prometheus scrapes it and is asked. */
import { expect } from "bun:test";
import { compiled } from "../harness/build.ts";
import { startDaemon } from "../harness/daemon.ts";
import { Prometheus } from "../harness/prometheus.ts";
import { testWith, tool } from "../harness/tools.ts";

const clients = 8;
const pushesOfOne = 125;

/** Quarters of whole numbers, so that no sum is rounded and the order of adding does not matter. */
function numberOf(client: number, push: number): number {
  return (client * pushesOfOne + push) / 4;
}

async function pushAll(url: string, client: number): Promise<number> {
  let sum = 0;
  for (let push = 0; push < pushesOfOne; push += 1) {
    const number = numberOf(client, push);
    const action = [{ metric: "page_ready_duration_seconds", labels: { page: "root" }, number }];
    const answer = await fetch(`${url}/metrics.API/Histogram`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ action }),
    });
    expect(await answer.text()).toBe('{"result":[{"status":"success"}]}');
    sum += number;
  }
  return sum;
}

testWith(
  ["prometheus"],
  "Prometheus returns the sum and the number of 1,000 values that 8 clients pushed at once, exactly",
  async () => {
    await using daemon = await startDaemon({ binary: compiled(), env: { SPECTA_LOG_LEVEL: "info" } });
    await using prometheus = await Prometheus.start({ targets: [Number(new URL(daemon.url).port)] }, 1);
    const sums = await Promise.all(Array.from({ length: clients }, (_, client) => pushAll(daemon.url, client)));
    const expected = sums.reduce((total, sum) => total + sum, 0);

    const series = 'page_ready_duration_seconds_sum{env="testing",page="root"}';
    await prometheus.until(async () => (await prometheus.query(series))[0]?.values[0] === expected, "the whole sum");
    const [count] = await prometheus.query('page_ready_duration_seconds_count{env="testing",page="root"}');
    expect(count?.values).toEqual([clients * pushesOfOne]);
    const [health] = await prometheus.query('http_endpoint_health{env="testing",service="specta"}');
    expect(health?.values).toEqual([1]);
  },
);

testWith(["promtool"], "promtool has no finding in what the default exposes", async () => {
  await using daemon = await startDaemon({ binary: compiled() });
  await daemon.line("instrumented worker handler", { handler: "endpoint" });
  const text = await (await fetch(`${daemon.url}/metrics`)).text();
  const lint = (exposition: string) => {
    const ran = Bun.spawnSync([tool("promtool"), "check", "metrics"], { stdin: Buffer.from(exposition) });
    return { code: ran.exitCode, output: `${ran.stdout}${ran.stderr}` };
  };
  expect(lint(text)).toEqual({ code: 0, output: "" });
  // The control: the one finding that is waived, a gauge whose name dashboards know.
  const waived =
    '# HELP aws_ec2_keypair_total k\n# TYPE aws_ec2_keypair_total gauge\naws_ec2_keypair_total{env="x"} 1\n';
  expect(lint(waived).output).toContain('non-counter metrics should not have "_total" suffix');
});
