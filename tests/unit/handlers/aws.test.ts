import { describe, expect, test } from "bun:test";
import type { Sample } from "../../../src/handlers/handler.ts";
import { FakeAws } from "../../harness/aws.ts";
import { AwsThread } from "../../harness/aws-thread.ts";

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const dayMs = 24 * hourMs;

const health = (metric: string, label: string, values: Readonly<Record<string, number>>): Sample[] =>
  Object.entries(values).map(([value, number]) => ({ metric, labels: { [label]: value }, number }));

const byLabel = (a: Sample, b: Sample) => (JSON.stringify(a.labels) < JSON.stringify(b.labels) ? -1 : 1);

describe("keypair", () => {
  test("reports how many there are, none included", async () => {
    await using aws = await new FakeAws().start();
    using thread = new AwsThread("keypair", aws.variables);
    expect(await thread.ensure()).toEqual({ samples: [{ metric: "aws_ec2_keypair_total", number: 0 }] });
    aws.keyPairs = Array.from({ length: 1234 }, (_, index) => `key <${index}> & co`);
    expect(await thread.ensure()).toEqual({ samples: [{ metric: "aws_ec2_keypair_total", number: 1234 }] });
    expect(aws.requests.map(({ action }) => action)).toEqual(["DescribeKeyPairs", "DescribeKeyPairs"]);
  });
});

describe("stack", () => {
  const metric = "aws_cloudformation_stack_health";
  const settings = { names: { CacheStack: "cache", VpcStack: "network" } };

  test("reports the stacks of the environment, nested ones too, on all pages", async () => {
    await using aws = await new FakeAws().start();
    aws.pageSize = 2;
    aws.stacks = [
      { name: "production", status: "UPDATE_COMPLETE", environment: "production" },
      { name: "testing", status: "UPDATE_FAILED", environment: "testing" },
      { name: "untagged", status: "UPDATE_FAILED" },
      {
        name: "production-VpcStack-1ABCDEFGHIJK",
        status: "CREATE_COMPLETE",
        environment: "production",
        parent: "production",
      },
      {
        name: "production-CacheStack-1ABCDEFGHIJK",
        status: "UPDATE_IN_PROGRESS",
        environment: "production",
        parent: "production",
      },
    ];
    using thread = new AwsThread("stack", aws.variables, { settings });
    const { samples, failures } = await thread.ensure();
    expect(samples).toEqual(health(metric, "stack", { root: 1, network: 1, cache: 0.5 }));
    expect(failures).toEqual([]);
    expect(thread.lines).toEqual([]);
    expect(aws.requests.map(({ action }) => action)).toEqual(Array(3).fill("DescribeStacks"));
  });

  test("reports the least healthy of those with one label", async () => {
    await using aws = await new FakeAws().start();
    aws.stacks = ["CREATE_COMPLETE", "ROLLBACK_COMPLETE", "UPDATE_IN_PROGRESS"].map((status, index) => ({
      name: `CacheStack${index}`,
      status,
      environment: "production",
    }));
    using thread = new AwsThread("stack", aws.variables, { settings });
    expect((await thread.ensure()).samples).toEqual(health(metric, "stack", { cache: 0 }));
    aws.stacks.splice(1, 1);
    expect((await thread.ensure()).samples).toEqual(health(metric, "stack", { cache: 0.5 }));
  });

  test("warns once of a stack without a label, and of each", async () => {
    await using aws = await new FakeAws().start();
    const other = { name: "production-Other-1ABCDEFGHIJK", status: "CREATE_COMPLETE", environment: "production" };
    aws.stacks = [{ name: "production", status: "CREATE_COMPLETE", environment: "production" }, other];
    using thread = new AwsThread("stack", aws.variables, { settings });
    const line = (name: string) => ({
      level: "warning" as const,
      message: "skipping instrumentation for CloudFormation stack",
      keys: { name, reason: "CloudFormation stack name pattern is unrecognizable" },
    });
    for (let execution = 0; execution < 3; execution += 1) {
      expect(await thread.ensure()).toEqual({ samples: health(metric, "stack", { root: 1 }), failures: [] });
    }
    expect(thread.lines).toEqual([line(other.name)]);
    aws.stacks.push({ ...other, name: "production-More-1ABCDEFGHIJK" });
    await thread.ensure();
    expect(thread.lines).toEqual([line(other.name), line("production-More-1ABCDEFGHIJK")]);
  });

  test("fails when no stack has the environment's tag", async () => {
    await using aws = await new FakeAws().start();
    aws.stacks = [{ name: "testing", status: "UPDATE_COMPLETE", environment: "testing" }];
    using thread = new AwsThread("stack", aws.variables, { settings });
    expect(await thread.ensure()).toEqual({
      samples: [],
      failures: [{ target: "CloudFormation stacks tagged environment=production", reason: "there are none among 1" }],
    });
  });
});

describe("container", () => {
  const metric = "aws_ecs_container_health";

  test("reports the active services of the environment, ten of a cluster a call", async () => {
    await using aws = await new FakeAws().start();
    aws.pageSize = 7;
    const wanted: Record<string, number> = {};
    for (let index = 0; index < 34; index += 1) {
      const running = index % 3;
      wanted[`service-${index}`] = running === 2 ? 1 : running / 2;
      const cluster = index < 23 ? "large" : "small";
      aws.services.push({
        cluster,
        name: `s${index}`,
        label: `service-${index}`,
        environment: "production",
        running,
        desired: 2,
      });
    }
    const odd = { cluster: "large", label: "odd", running: 1, desired: 1 };
    aws.services.push(
      { ...odd, name: "elsewhere", environment: "testing" },
      { ...odd, name: "draining", environment: "production", status: "DRAINING" },
      { ...odd, name: "inactive", environment: "production", status: "INACTIVE" },
    );
    using thread = new AwsThread("container", aws.variables);
    const { samples = [], failures } = await thread.ensure();
    expect(failures).toEqual([]);
    expect([...samples].sort(byLabel)).toEqual(health(metric, "service", wanted).sort(byLabel));
    const calls = aws.requests.filter(({ action }) => action === "DescribeServices");
    // 23 and two that are not active, and 11.
    expect(calls.map(({ input }) => (input.services as string[]).length).sort()).toEqual([1, 10, 10, 10, 5].sort());
    expect(calls.every(({ input }) => JSON.stringify(input.include) === '["TAGS"]')).toBe(true);
    expect(aws.requests.filter(({ action }) => action === "GetResources")).toHaveLength(6);
  });

  test("reports the least healthy of those with one label", async () => {
    await using aws = await new FakeAws().start();
    const server = { name: "server", label: "server", environment: "production", desired: 2 };
    aws.services = [
      { ...server, cluster: "a", running: 2 },
      { ...server, cluster: "b", running: 1 },
      { ...server, cluster: "c", running: 2 },
    ];
    using thread = new AwsThread("container", aws.variables);
    expect((await thread.ensure()).samples).toEqual(health(metric, "service", { server: 0.5 }));
  });

  test("warns once of a service without a label and of an ARN that it does not know", async () => {
    await using aws = await new FakeAws().start();
    const service = { cluster: "main", environment: "production", running: 1, desired: 1 };
    const arn = "arn:aws:ecs:us-west-2:123456789012:service/old";
    aws.services = [
      { ...service, name: "server", label: "server" },
      { ...service, name: "nameless" },
      { ...service, name: "empty", label: "" },
      { ...service, name: "old", label: "old", arn },
    ];
    using thread = new AwsThread("container", aws.variables);
    for (let execution = 0; execution < 3; execution += 1) {
      expect(await thread.ensure()).toEqual({ samples: health(metric, "service", { server: 1 }), failures: [] });
    }
    const line = (keys: Record<string, string>) => ({
      level: "warning" as const,
      message: "skipping instrumentation for ECS service",
      keys,
    });
    expect(thread.lines).toEqual([
      line({ cluster: "", reason: "ECS service ARN is unrecognizable", service: arn }),
      line({ cluster: "main", reason: "ECS service has no 'service' tag", service: "nameless" }),
      line({ cluster: "main", reason: "ECS service has no 'service' tag", service: "empty" }),
    ]);
  });

  test("does not fail for what is gone while its tags are still found", async () => {
    await using aws = await new FakeAws().start();
    const service = { environment: "production", running: 1, desired: 1 };
    aws.services = [
      { ...service, cluster: "main", name: "server", label: "server" },
      { ...service, cluster: "main", name: "gone", label: "gone", isGone: true },
      { ...service, cluster: "gone", name: "worker", label: "worker", isGone: true },
    ];
    using thread = new AwsThread("container", aws.variables);
    expect(await thread.ensure()).toEqual({ samples: health(metric, "service", { server: 1 }), failures: [] });
    // The control: when they are there, they are reported.
    aws.services = aws.services.map((one) => ({ ...one, isGone: false }));
    const { samples = [] } = await thread.ensure();
    expect([...samples].sort(byLabel)).toEqual(health(metric, "service", { gone: 1, server: 1, worker: 1 }));
  });

  test("reports nothing where nothing is tagged", async () => {
    await using aws = await new FakeAws().start();
    using thread = new AwsThread("container", aws.variables);
    expect(await thread.ensure()).toEqual({ samples: [], failures: [] });
  });
});

describe("deployment", () => {
  const nowMs = Date.parse("2025-07-04T14:00:00Z");
  const now = () => nowMs;
  const keys = (report: { ended?: readonly { key: string }[] }) => (report.ended ?? []).map(({ key }) => key).sort();
  const keyOf = (pipeline: string, id: string) =>
    `arn:aws:codepipeline:us-west-2:123456789012:${pipeline}/executions/${id}`;

  test("reports what ended within the lookback, of each of many pipelines", async () => {
    await using aws = await new FakeAws().start();
    aws.now = now;
    aws.pageSize = 4;
    const wanted: string[] = [];
    for (let index = 0; index < 15; index += 1) {
      const name = `p${index}`;
      const executions = Array.from({ length: 40 }, (_, age) => {
        const startMs = nowMs - age * hourMs - 10 * minuteMs;
        const endMs = startMs + 20 * minuteMs;
        if (endMs <= nowMs && endMs >= nowMs - dayMs) wanted.push(keyOf(name, `e${age}`));
        return { id: `e${age}`, startMs, endMs, status: age % 2 === 0 ? "Failed" : "Succeeded" };
      });
      aws.pipelines.push({ name, environment: "production", executions });
    }
    aws.pipelines.push({ name: "elsewhere", environment: "testing", executions: aws.pipelines[0]?.executions ?? [] });
    using thread = new AwsThread("deployment", aws.variables, { now });
    const report = await thread.ensure();
    expect(report.failures).toEqual([]);
    expect(keys(report)).toEqual(wanted.sort());
    expect(report.ended?.find(({ key }) => key === keyOf("p3", "e1"))).toEqual({
      key: keyOf("p3", "e1"),
      createdMs: nowMs - 70 * minuteMs,
      endedMs: nowMs - 50 * minuteMs,
      samples: [
        { metric: "deployment_execution_total", labels: { platform: "codepipeline", success: "true" }, number: 1 },
        {
          metric: "deployment_execution_duration_seconds",
          labels: { platform: "codepipeline", success: "true" },
          number: 1200,
        },
      ],
      line: {
        message: "instrumented pipeline execution",
        keys: { execution: "e1", latency: "20m0s", success: "true" },
      },
    });
  });

  test("reports one that began before the lookback and ended within it", async () => {
    await using aws = await new FakeAws().start();
    aws.now = now;
    aws.pageSize = 1;
    const executions = [
      { id: "short", startMs: nowMs - 20 * hourMs, endMs: nowMs - 19 * hourMs, status: "Succeeded" },
      { id: "early", startMs: nowMs - 30 * hourMs, endMs: nowMs - 29 * hourMs, status: "Succeeded" },
      { id: "long", startMs: nowMs - 40 * hourMs, endMs: nowMs - 1 * hourMs, status: "Succeeded" },
      { id: "old", startMs: nowMs - 60 * hourMs, endMs: nowMs - 59 * hourMs, status: "Succeeded" },
      { id: "older", startMs: nowMs - 70 * hourMs, endMs: nowMs - 69 * hourMs, status: "Succeeded" },
    ];
    aws.pipelines = [{ name: "shop", environment: "production", executions }];
    using thread = new AwsThread("deployment", aws.variables, { now });
    expect(keys(await thread.ensure())).toEqual([keyOf("shop", "long"), keyOf("shop", "short")]);
    // Twice the lookback is enough: the listing is not read to its end.
    expect(aws.requests.filter(({ action }) => action === "ListPipelineExecutions")).toHaveLength(4);
    using longer = new AwsThread("deployment", aws.variables, { now, settings: { lookback: "3d" } });
    expect(keys(await longer.ensure())).toHaveLength(5);
  });

  test("reports again what was not recorded, and then no more", async () => {
    await using aws = await new FakeAws().start();
    const clock = { ms: nowMs };
    aws.now = () => clock.ms;
    const execution = (id: string, ageMs: number) => ({
      id,
      startMs: nowMs - ageMs,
      endMs: nowMs - ageMs + 161_000,
      status: id === "bad" ? "Failed" : "Succeeded",
    });
    aws.pipelines = [
      {
        name: "shop",
        environment: "production",
        executions: [execution("good", 10 * minuteMs), execution("bad", 20 * minuteMs)],
      },
    ];
    using thread = new AwsThread("deployment", aws.variables, { now: () => clock.ms });
    const both = [keyOf("shop", "bad"), keyOf("shop", "good")];
    const line = (id: string, success: string) => ({
      message: "instrumented pipeline execution",
      keys: { execution: id, latency: "2m41s", success },
    });
    const first = await thread.ensure();
    expect(keys(first)).toEqual(both);
    expect(first.ended?.map((one) => one.line)).toEqual([line("good", "true"), line("bad", "false")]);
    expect(keys(await thread.ensure())).toEqual(both);
    thread.recorded();
    expect(keys(await thread.ensure())).toEqual([]);
    aws.pipelines[0]?.executions.push(execution("late", 1 * minuteMs));
    expect(keys(await thread.ensure())).toEqual([]);
    clock.ms += 5 * minuteMs;
    expect(keys(await thread.ensure())).toEqual([keyOf("shop", "late")]);
  });

  test("does not report twice what a new execution moves to the next page", async () => {
    await using aws = await new FakeAws().start();
    aws.now = now;
    aws.pageSize = 2;
    const executions = Array.from({ length: 5 }, (_, index) => ({
      id: `e${index}`,
      startMs: nowMs - (index + 1) * hourMs,
      endMs: nowMs - (index + 1) * hourMs + minuteMs,
      status: "Succeeded",
    }));
    aws.pipelines = [{ name: "shop", environment: "production", executions }];
    aws.before = ({ action, number }) => {
      if (action !== "ListPipelineExecutions" || number !== 2) return;
      executions.push({ id: "new", startMs: nowMs - minuteMs, endMs: nowMs + hourMs, status: "Succeeded" });
    };
    using thread = new AwsThread("deployment", aws.variables, { now });
    const report = await thread.ensure();
    expect(keys(report)).toEqual(executions.slice(0, 5).map(({ id }) => keyOf("shop", id)));
  });

  test("takes executions that wait for their turn, or never had one, without their times", async () => {
    await using aws = await new FakeAws().start();
    aws.now = now;
    aws.pipelines = [{ name: "shop", environment: "production", executions: [] }];
    const listed: object[] = [
      { pipelineExecutionId: "waits", status: "InProgress" },
      { pipelineExecutionId: "runs", status: "InProgress", startTime: nowMs / 1000 - 60 },
      { pipelineExecutionId: "superseded", status: "Superseded", lastUpdateTime: nowMs / 1000 - 30 },
    ];
    aws.fault = ({ action }) =>
      action === "ListPipelineExecutions"
        ? {
            kind: "answer",
            status: 200,
            body: JSON.stringify({ pipelineExecutionSummaries: listed }),
            headers: { "content-type": "application/x-amz-json-1.1" },
          }
        : undefined;
    using thread = new AwsThread("deployment", aws.variables, { now });
    const report = await thread.ensure();
    expect(report.failures).toEqual([]);
    expect(report.ended?.map(({ key, endedMs }) => [key, endedMs])).toEqual([
      [keyOf("shop", "superseded"), nowMs - 30_000],
    ]);
    // The control: one that has ended has its end.
    listed.push({ pipelineExecutionId: "endless", status: "Failed", startTime: nowMs / 1000 - 60 });
    expect((await thread.ensure()).failures).toEqual([
      {
        target: "CodePipeline pipeline arn:aws:codepipeline:us-west-2:123456789012:shop",
        reason: expect.stringContaining("an execution that has ended must have its lastUpdateTime"),
      },
    ]);
  });

  test("does not fail for a pipeline that is gone while its tags are still found", async () => {
    await using aws = await new FakeAws().start();
    aws.now = now;
    const executions = [{ id: "e", startMs: nowMs - hourMs, endMs: nowMs - minuteMs, status: "Succeeded" }];
    aws.pipelines = [
      { name: "gone", environment: "production", executions, isGone: true },
      { name: "shop", environment: "production", executions },
    ];
    using thread = new AwsThread("deployment", aws.variables, { now });
    const report = await thread.ensure();
    expect(report.failures).toEqual([]);
    expect(keys(report)).toEqual([keyOf("shop", "e")]);
  });
});
