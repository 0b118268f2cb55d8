import { describe, expect } from "bun:test";
import { join } from "node:path";
import { FakeAws, type Fault } from "../harness/aws.ts";
import { AwsError } from "../harness/aws-answers.ts";
import { runWithBotocore } from "../harness/botocore.ts";
import { testWith } from "../harness/tools.ts";

const nowMs = Date.parse("2025-07-04T14:00:00Z");
const minuteMs = 60_000;
const account = "123456789012";
/** The first run installs botocore. */
const installMs = 300_000;

async function filled(): Promise<FakeAws> {
  const aws = await new FakeAws().start();
  const environment = "production";
  aws.now = () => nowMs;
  aws.pageSize = 2;
  aws.keyPairs = ["<a>", "b & c"];
  aws.stacks = ["one", "two", "three"].map((name) => ({ name, status: "CREATE_COMPLETE", environment }));
  aws.stacks.push({ name: "four", status: "UPDATE_IN_PROGRESS", parent: "one" });
  aws.services = [
    { cluster: "main", name: "server", label: "server", environment, running: 1, desired: 2 },
    { cluster: "main", name: "gone", label: "gone", environment, running: 1, desired: 1, isGone: true },
    { cluster: "main", name: "elsewhere", label: "elsewhere", environment: "testing", running: 1, desired: 1 },
  ];
  const executions = [1, 2, 3].map((index) => ({
    id: `e${index}`,
    startMs: nowMs - index * 60 * minuteMs,
    endMs: index === 1 ? nowMs + minuteMs : nowMs - index * 50 * minuteMs - 500,
    status: "Succeeded",
  }));
  aws.pipelines = ["shop", "api", "site"].map((name) => ({ name, environment, executions }));
  return aws;
}

const read = async (aws: FakeAws, changes: Readonly<Record<string, string>> = {}) => {
  const script = join(import.meta.dir, "..", "fixtures", "aws", "read.py");
  const variables = { ...aws.variables, AWS_DEFAULT_REGION: aws.region, ...changes };
  return JSON.parse(await runWithBotocore(script, [aws.url], variables));
};

describe("botocore reads of the fake AWS", () => {
  testWith(
    ["python3"],
    "what it has, on all pages",
    async () => {
      await using aws = await filled();
      const found = await read(aws);
      expect(found.pipelines.map(({ ResourceARN }: { ResourceARN: string }) => ResourceARN)).toEqual(
        ["shop", "api", "site"].map((name) => `arn:aws:codepipeline:us-west-2:${account}:${name}`),
      );
      expect(found.pipelines[0].Tags).toEqual([{ Key: "environment", Value: "production" }]);
      const times = found.executions.map((one: Record<string, string>) => [
        one.pipelineExecutionId,
        one.status,
        Date.parse(one.startTime ?? ""),
        Date.parse(one.lastUpdateTime ?? ""),
      ]);
      expect(times).toEqual([
        ["e1", "InProgress", nowMs - 60 * minuteMs, nowMs - 60 * minuteMs],
        ["e2", "Succeeded", nowMs - 120 * minuteMs, nowMs - 100 * minuteMs - 500],
        ["e3", "Succeeded", nowMs - 180 * minuteMs, nowMs - 150 * minuteMs - 500],
      ]);
      expect(found.services.services).toHaveLength(1);
      expect(found.services.services[0]).toMatchObject({
        serviceName: "server",
        status: "ACTIVE",
        runningCount: 1,
        desiredCount: 2,
        tags: [
          { key: "environment", value: "production" },
          { key: "service", value: "server" },
        ],
      });
      expect(found.services.failures).toEqual([
        { arn: `arn:aws:ecs:us-west-2:${account}:service/main/gone`, reason: "MISSING" },
      ]);
      expect(
        found.stacks.map((stack: Record<string, unknown>) => [stack.StackName, stack.StackStatus, stack.Tags]),
      ).toEqual([
        ...["one", "two", "three"].map((name) => [
          name,
          "CREATE_COMPLETE",
          [{ Key: "environment", Value: "production" }],
        ]),
        ["four", "UPDATE_IN_PROGRESS", []],
      ]);
      expect(found.keyPairs.map(({ KeyName }: { KeyName: string }) => KeyName)).toEqual(["<a>", "b & c"]);
    },
    installMs,
  );

  testWith(
    ["python3"],
    "its errors, by their codes",
    async () => {
      await using aws = await filled();
      const found = await read(aws);
      expect(found.missing.code).toBe("PipelineNotFoundException");
      expect(found.cluster).toEqual({ code: "ClusterNotFoundException", message: "Cluster not found." });
      expect(found.many.code).toBe("InvalidParameterException");

      const answers: Readonly<Record<string, Fault>> = {
        DescribeStacks: new AwsError("Throttling", "Rate <exceeded>"),
        DescribeKeyPairs: new AwsError(
          "UnauthorizedOperation",
          "You are not authorized to perform this operation.",
          403,
        ),
        DescribeServices: new AwsError("AccessDeniedException", "User: x is not authorized"),
        ListPipelineExecutions: new AwsError("ThrottlingException", "Rate exceeded"),
      };
      aws.fault = ({ action }) => answers[action];
      const failed = await read(aws);
      expect(failed.stacks).toEqual({ code: "Throttling", message: "Rate <exceeded>" });
      expect(failed.keyPairs.code).toBe("UnauthorizedOperation");
      expect(failed.services).toEqual({ code: "AccessDeniedException", message: "User: x is not authorized" });
      expect(failed.executions).toEqual({ code: "ThrottlingException", message: "Rate exceeded" });
    },
    installMs,
  );

  testWith(
    ["python3"],
    "that a signature is wrong",
    async () => {
      await using aws = await filled();
      const failing = read(aws, { AWS_SECRET_ACCESS_KEY: "wrong" });
      await expect(failing).rejects.toThrow("InvalidSignatureException");
    },
    installMs,
  );
});
