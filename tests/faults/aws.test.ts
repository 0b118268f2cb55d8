import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { Report } from "../../src/handlers/handler.ts";
import { FakeAws, type Fault, type Seen } from "../harness/aws.ts";
import { AwsError, jsonType, xmlType } from "../harness/aws-answers.ts";
import { type AwsHandlerName, AwsThread } from "../harness/aws-thread.ts";

const nowMs = Date.parse("2025-07-04T14:00:00Z");
const minuteMs = 60_000;
const hourMs = 60 * minuteMs;

/** An AWS in which every handler has something to report. */
async function filled(more: readonly string[] = []): Promise<FakeAws> {
  const aws = await new FakeAws().start();
  const environment = "production";
  aws.now = () => nowMs;
  aws.keyPairs = ["a", "b", "c"];
  aws.stacks = ["production", "CacheStack", "VpcStack"].map((name) => ({
    name,
    status: "CREATE_COMPLETE",
    environment,
  }));
  aws.services = ["server", "worker", "graphql", ...more].map((name) => ({
    ...{ cluster: `${name}-cluster`, name, label: name, environment, running: 2, desired: 2 },
  }));
  aws.pipelines = ["shop", "api", "site", ...more].map((name) => ({
    name,
    environment,
    executions: [{ id: "e1", startMs: nowMs - hourMs, endMs: nowMs - 50 * minuteMs, status: "Succeeded" }],
  }));
  return aws;
}

function start(handler: AwsHandlerName, aws: FakeAws, requestMs?: number): AwsThread {
  const settings = handler === "stack" ? { names: { CacheStack: "cache", VpcStack: "network" } } : {};
  return new AwsThread(handler, aws.variables, { settings, now: () => nowMs, ...(requestMs && { requestMs }) });
}

interface Asked {
  readonly handler: AwsHandlerName;
  /** The action whose answer goes wrong, as the wire and as IAM name it. */
  readonly action: string;
  readonly right: string;
  readonly target: string;
  readonly type: string;
  /** What is left when this action fails each time: recordings. */
  readonly left: number;
}

const all = 3;
const further = Array.from({ length: 12 }, (_, index) => `more-${index}`);
const tagged = (what: string) => `${what} tagged environment=production`;
const questions: readonly Asked[] = [
  {
    handler: "keypair",
    action: "DescribeKeyPairs",
    right: "ec2:DescribeKeyPairs",
    target: "EC2 key-pairs in us-west-2",
    type: xmlType,
    left: 0,
  },
  {
    handler: "stack",
    action: "DescribeStacks",
    right: "cloudformation:DescribeStacks",
    target: tagged("CloudFormation stacks"),
    type: xmlType,
    left: 0,
  },
  {
    handler: "container",
    action: "GetResources",
    right: "tag:GetResources",
    target: tagged("ECS services"),
    type: jsonType,
    left: 0,
  },
  {
    handler: "container",
    action: "DescribeServices",
    right: "ecs:DescribeServices",
    target: "ECS services worker-cluster/worker",
    type: jsonType,
    left: 2,
  },
  {
    handler: "deployment",
    action: "GetResources",
    right: "tag:GetResources",
    target: tagged("CodePipeline pipelines"),
    type: jsonType,
    left: 0,
  },
  {
    handler: "deployment",
    action: "ListPipelineExecutions",
    right: "codepipeline:ListPipelineExecutions",
    target: "CodePipeline pipeline arn:aws:codepipeline:us-west-2:123456789012:api",
    type: jsonType,
    left: 2,
  },
];

/** Of the actions that are asked once a target, the one of the middle target goes wrong. */
function isMiddle({ input }: Seen): boolean {
  return input.pipelineName === undefined && input.cluster === undefined
    ? true
    : input.pipelineName === "api" || input.cluster === "worker-cluster";
}

function recordings({ samples = [], ended = [] }: Report): number {
  return samples.reduce(
    (sum, { metric, number }) => sum + (metric === "aws_ec2_keypair_total" ? number : 1),
    ended.length,
  );
}

/** Faults by their name: what happens, why the execution says it failed, and how often it is asked. */
function faults(type: string): Readonly<Record<string, { fault: Fault; why: RegExp; attempts: number }>> {
  const isJson = type === jsonType;
  const answer = (status: number, body: string, contentType: string): Fault => ({
    kind: "answer",
    status,
    body,
    headers: { "content-type": contentType },
  });
  const unreadable = new RegExp(`AWS answered 200 with a body of type ${type} that cannot be read`);
  const half = isJson ? '{"services":[{"serviceName":"a' : "<Response><keySet><item><keyName>a</keyName>";
  return {
    "access denied": {
      fault: new AwsError(
        isJson ? "AccessDeniedException" : "AccessDenied",
        "User: x is not authorized",
        isJson ? 400 : 403,
      ),
      why: /AccessDenied(Exception)?: User: x is not authorized$/,
      attempts: 1,
    },
    throttling: {
      fault: new AwsError(isJson ? "ThrottlingException" : "Throttling", "Rate exceeded"),
      why: /Throttling(Exception)?: Rate exceeded$/,
      attempts: 3,
    },
    "500": { fault: new AwsError("InternalFailure", "oh", 500), why: /InternalFailure: oh$/, attempts: 3 },
    "502 with HTML": {
      fault: answer(502, "<html><head><title>502 Bad Gateway</title><br></head></html>", "text/html"),
      why: /AWS answered 502 with a body of type text\/html$/,
      attempts: 3,
    },
    "200 with HTML": {
      fault: answer(200, "<html><head><title>Sign in</title><br></head></html>", "text/html"),
      why: /AWS answered 200 with a body of type text\/html that cannot be read$/,
      attempts: 1,
    },
    "a redirect": {
      fault: { kind: "answer", status: 302, body: "", headers: { location: "http://127.0.0.1:1/" } },
      why: /AWS answered 302 with a body of type unknown$/,
      attempts: 1,
    },
    "a reset": { fault: { kind: "reset" }, why: /no answer from AWS: .*closed unexpectedly/, attempts: 3 },
    "half a body": { fault: { kind: "half" }, why: /no answer from AWS: .*closed unexpectedly/, attempts: 3 },
    "half a chunked body": { fault: { kind: "half chunked" }, why: /no answer from AWS: /, attempts: 3 },
    "a body that breaks off and is said to be whole": { fault: answer(200, half, type), why: unreadable, attempts: 1 },
    "an empty body": { fault: answer(200, "", type), why: /AWS's answer must be whole/, attempts: 1 },
    "no list": {
      fault: answer(200, isJson ? "{}" : '<?xml version="1.0"?><Response><requestId>1</requestId></Response>', type),
      why: /AWS's answer must be whole \([A-Za-z]+: /,
      attempts: 1,
    },
  };
}

for (const { handler, action, right, target, type, left } of questions) {
  describe(`${handler}, when ${action} meets`, () => {
    // One thread for all of them: each fault passes, and nothing of it may be left.
    let aws: FakeAws;
    let thread: AwsThread;
    beforeAll(async () => {
      aws = await filled();
      thread = start(handler, aws);
    });
    afterAll(async () => {
      thread[Symbol.dispose]();
      await aws[Symbol.asyncDispose]();
    });
    for (const [name, { fault, why, attempts }] of Object.entries(faults(type))) {
      test(`${name}, names what failed and why, reports the rest, and is well afterwards`, async () => {
        aws.requests.length = 0;
        aws.fault = (seen) => (seen.action === action && isMiddle(seen) ? fault : undefined);
        const report = await thread.ensure();
        expect(report.failures).toHaveLength(1);
        const [failure] = report.failures ?? [];
        expect(failure?.target).toBe(target);
        expect(failure?.reason).toContain(right);
        expect(failure?.reason).toMatch(why);
        expect(recordings(report)).toBe(left);
        expect(aws.requests.filter((seen) => seen.action === action && isMiddle(seen))).toHaveLength(attempts);
        aws.fault = () => undefined;
        const well = await thread.ensure();
        expect(well.failures ?? []).toEqual([]);
        expect(recordings(well)).toBe(all);
      });
    }
  });
}

describe("a fault that passes", () => {
  const passing: Readonly<Record<string, Fault>> = {
    throttling: new AwsError("ThrottlingException", "Rate exceeded"),
    "503": new AwsError("ServiceUnavailable", "later", 503),
    "a reset": { kind: "reset" },
    "half a body": { kind: "half" },
    "a hang": { kind: "hang" },
  };
  for (const [name, fault] of Object.entries(passing)) {
    test(`(${name}) is tried again within the execution`, async () => {
      await using aws = await filled();
      using thread = start("container", aws, 250);
      aws.fault = ({ number }) => (number === 1 ? fault : undefined);
      const report = await thread.ensure();
      expect(report.failures).toEqual([]);
      expect(recordings(report)).toBe(all);
      expect(aws.requests.length).toBeGreaterThan(4);
    });
  }
});

describe("AWS that hangs", () => {
  for (const { handler, action, target, left } of questions) {
    test(`is left by ${handler} when the time of ${action} is used up`, async () => {
      await using aws = await filled();
      using thread = start(handler, aws, 150);
      aws.fault = (seen) => (seen.action === action && isMiddle(seen) ? { kind: "hang" } : undefined);
      const report = await thread.ensure();
      expect(report.failures).toHaveLength(1);
      expect(report.failures?.[0]?.target).toBe(target);
      expect(report.failures?.[0]?.reason).toContain("no answer from AWS within 150ms");
      expect(recordings(report)).toBe(left);
    });

    test(`is left by ${handler} at the deadline while it asks ${action}, with what the others gave`, async () => {
      await using aws = await filled(left === 0 ? [] : further);
      using thread = start(handler, aws);
      const hung = Promise.withResolvers<void>();
      const others = Promise.withResolvers<void>();
      aws.fault = (seen) => {
        if (seen.action === action && isMiddle(seen)) {
          hung.resolve();
          return { kind: "hang" };
        }
        if (seen.action === action && seen.number === further.length + all) others.resolve();
        return undefined;
      };
      if (left === 0) others.resolve();
      const execution = thread.ensure();
      await Promise.all([hung.promise, others.promise]);
      thread.abort();
      const report = await execution;
      expect(report.failures?.map(({ target }) => target)).toContain(target);
      for (const { reason } of report.failures ?? []) expect(reason).toContain("stopped before AWS answered");
      // Three lanes went on: when the last was asked, at most the three that were asked last had no answer yet.
      expect(recordings(report)).toBeGreaterThanOrEqual(left === 0 ? 0 : left + further.length - 3);
    });
  }

  test("does not hold an execution at the deadline while the SDK rests before another attempt", async () => {
    await using aws = await filled();
    using thread = start("keypair", aws);
    const asked = Promise.withResolvers<void>();
    aws.fault = () => {
      asked.resolve();
      // It asks for a rest far beyond the deadline.
      return { kind: "answer", status: 503, body: "", headers: { "retry-after": "20" } };
    };
    const execution = thread.ensure();
    await asked.promise;
    await new Promise((resolve) => setTimeout(resolve, 50));
    const startMs = performance.now();
    thread.abort();
    expect((await execution).failures?.[0]?.reason).toBe("ec2:DescribeKeyPairs: stopped before AWS answered");
    expect(performance.now() - startMs).toBeLessThan(5000);
  });
});

describe("one page of several that fails", () => {
  test("costs the stacks on it and after it, and no other", async () => {
    await using aws = await filled();
    aws.pageSize = 1;
    using thread = start("stack", aws);
    aws.fault = ({ number }) => (number === 2 ? new AwsError("AccessDenied", "no", 403) : undefined);
    const report = await thread.ensure();
    expect(report.failures).toEqual([
      {
        target: tagged("CloudFormation stacks"),
        reason: "page 2: cloudformation:DescribeStacks: AccessDenied: no",
      },
    ]);
    expect(report.samples?.map(({ labels }) => labels?.stack)).toEqual(["root"]);
    expect(recordings(await thread.ensure())).toBe(all);
  });

  test("costs the pipelines on it and after it, and no other", async () => {
    await using aws = await filled();
    aws.pageSize = 1;
    using thread = start("deployment", aws);
    aws.fault = ({ action, number }) =>
      action === "GetResources" && number === 3 ? new AwsError("InternalServiceException", "no", 400) : undefined;
    const report = await thread.ensure();
    expect(report.failures).toEqual([
      {
        target: tagged("CodePipeline pipelines"),
        reason: "page 3: tag:GetResources: InternalServiceException: no",
      },
    ]);
    expect(recordings(report)).toBe(2);
    expect(recordings(await thread.ensure())).toBe(all);
  });

  test("is not the last when a token comes again: the execution fails and ends", async () => {
    await using aws = await filled();
    using thread = start("deployment", aws);
    const body = JSON.stringify({ pipelineExecutionSummaries: [], nextToken: "again" });
    const fault: Fault = { kind: "answer", status: 200, body, headers: { "content-type": jsonType } };
    aws.fault = (seen) => (seen.action === "ListPipelineExecutions" && isMiddle(seen) ? fault : undefined);
    const report = await thread.ensure();
    expect(report.failures?.map(({ reason }) => reason)).toEqual([
      "page 2: AWS gave the token of a page for the second time",
    ]);
    expect(recordings(report)).toBe(2);
  });
});

describe("no credential is in an error", () => {
  test("when AWS repeats the request that was signed wrongly, the session's token included", async () => {
    await using aws = await filled();
    const { accessKeyId, sessionToken = "" } = aws.sessionKeys;
    const variables = {
      ...aws.variables,
      AWS_ACCESS_KEY_ID: accessKeyId,
      AWS_SECRET_ACCESS_KEY: "wrong-sentinel",
      AWS_SESSION_TOKEN: sessionToken,
    };
    let said = "";
    for (const handler of ["stack", "container", "deployment", "keypair"] as const) {
      using thread = new AwsThread(handler, variables);
      said += JSON.stringify([await thread.ensure(), thread.lines]);
    }
    expect(said).toContain("SignatureDoesNotMatch: The request signature we calculated does not match");
    expect(said).not.toContain(sessionToken);
    expect(said).not.toContain(accessKeyId);
    expect(said).not.toContain("wrong-sentinel");
    // The control: the token was in what AWS answered.
    expect(aws.requests.every(({ headers }) => headers["x-amz-security-token"] === sessionToken)).toBe(true);
  });

  test("when it stands in the first line of what AWS says", async () => {
    await using aws = await filled();
    const { secretAccessKey, accessKeyId } = aws.keys;
    aws.fault = () => new AwsError("AccessDenied", `${accessKeyId} with ${secretAccessKey} may not`, 403);
    using thread = start("keypair", aws);
    expect((await thread.ensure()).failures?.[0]?.reason).toBe(
      "ec2:DescribeKeyPairs: AccessDenied: [secret] with [secret] may not",
    );
  });
});
