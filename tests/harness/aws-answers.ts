/** What the fake AWS has, and how each service says it on the wire: JSON 1.1, or XML in the forms of query and EC2. */

export interface FakeExecution {
  readonly id: string;
  readonly startMs: number;
  readonly endMs: number;
  /** What it ends with. */
  readonly status: string;
}

export interface FakePipeline {
  readonly name: string;
  readonly environment: string;
  readonly executions: FakeExecution[];
  /** Deleted, though its tags are still found. */
  readonly isGone?: boolean;
}

export interface FakeService {
  readonly cluster: string;
  readonly name: string;
  readonly environment: string;
  /** The tag `service`; left out: there is none. */
  readonly label?: string;
  readonly running: number;
  readonly desired: number;
  readonly status?: string;
  /** An ARN of another form. */
  readonly arn?: string;
  readonly isGone?: boolean;
}

export interface FakeStack {
  readonly name: string;
  readonly status: string;
  readonly environment?: string;
  /** The name of the stack that this one is nested in. */
  readonly parent?: string;
}

/** An error as AWS documents it. */
export class AwsError extends Error {
  readonly status: number;
  readonly code: string;

  constructor(code: string, message: string, status = 400) {
    super(message);
    this.code = code;
    this.status = status;
  }
}

export type Protocol = "json" | "query" | "ec2";

export interface Answer {
  readonly status: number;
  readonly body: string;
  readonly headers: Readonly<Record<string, string>>;
}

export const jsonType = "application/x-amz-json-1.1";
export const xmlType = "text/xml;charset=UTF-8";

const namespaces: Readonly<Record<string, string>> = {
  CloudFormation: "http://cloudformation.amazonaws.com/doc/2010-05-15/",
  EC2: "http://ec2.amazonaws.com/doc/2016-11-15/",
  STS: "https://sts.amazonaws.com/doc/2011-06-15/",
};

/** A success, in the protocol of the service. */
export function success(
  protocol: Protocol,
  service: string,
  action: string,
  output: object,
  requestId: string,
): Answer {
  const headers = { "x-amzn-requestid": requestId };
  if (protocol === "json") {
    return { status: 200, body: JSON.stringify(output), headers: { ...headers, "content-type": jsonType } };
  }
  const inner =
    protocol === "ec2"
      ? `${tag("requestId", requestId)}${fields(output, "item")}`
      : `<${action}Result>${fields(output, "member")}</${action}Result><ResponseMetadata>${tag("RequestId", requestId)}</ResponseMetadata>`;
  const body = `<?xml version="1.0" encoding="UTF-8"?>\n<${action}Response xmlns="${namespaces[service]}">${inner}</${action}Response>`;
  return { status: 200, body, headers: { ...headers, "content-type": xmlType } };
}

/** A refusal, in the protocol of the service. */
export function failure(protocol: Protocol, service: string, error: AwsError, requestId: string): Answer {
  const { status, code, message } = error;
  const headers = { "x-amzn-requestid": requestId };
  if (protocol === "json") {
    // AWS itself writes the message's key in both ways.
    const key = code === "AccessDeniedException" ? "Message" : "message";
    const body = JSON.stringify({ __type: code, [key]: message });
    return { status, body, headers: { ...headers, "content-type": jsonType } };
  }
  const said = `${tag("Code", code)}${tag("Message", message)}`;
  const body =
    protocol === "ec2"
      ? `<Response><Errors><Error>${said}</Error></Errors>${tag("RequestID", requestId)}</Response>`
      : `<ErrorResponse xmlns="${namespaces[service]}"><Error>${tag("Type", status < 500 ? "Sender" : "Receiver")}${said}</Error>${tag("RequestId", requestId)}</ErrorResponse>`;
  return {
    status,
    body: `<?xml version="1.0" encoding="UTF-8"?>\n${body}`,
    headers: { ...headers, "content-type": xmlType },
  };
}

function fields(value: object, item: string): string {
  return Object.entries(value)
    .map(([name, field]) => tag(name, field, item))
    .join("");
}

function tag(name: string, value: unknown, item = "member"): string {
  if (value === undefined) return "";
  if (Array.isArray(value)) {
    if (value.length === 0) return `<${name}/>`;
    return `<${name}>${value.map((one) => tag(item, one, item)).join("")}</${name}>`;
  }
  if (typeof value === "object" && value !== null) return `<${name}>${fields(value, item)}</${name}>`;
  const text = String(value).replace(/[<>&]/g, (char) => `&#${char.charCodeAt(0)};`);
  return `<${name}>${text}</${name}>`;
}

export interface Place {
  readonly region: string;
  readonly account: string;
}

export function pipelineArn({ region, account }: Place, { name }: FakePipeline): string {
  return `arn:aws:codepipeline:${region}:${account}:${name}`;
}

export function serviceArn({ region, account }: Place, { arn, cluster, name }: FakeService): string {
  return arn ?? `arn:aws:ecs:${region}:${account}:service/${cluster}/${name}`;
}

/** An execution as it is at a time; undefined before its start. */
export function executionBody({ id, startMs, endMs, status }: FakeExecution, nowMs: number): object | undefined {
  if (startMs > nowMs) return undefined;
  const hasEnded = endMs <= nowMs;
  return {
    pipelineExecutionId: id,
    status: hasEnded ? status : "InProgress",
    startTime: startMs / 1000,
    lastUpdateTime: (hasEnded ? endMs : startMs) / 1000,
    sourceRevisions: [
      { actionName: "Source", revisionId: id.slice(0, 7), revisionSummary: "a change", revisionUrl: "" },
    ],
    trigger: { triggerType: "WebhookV2", triggerDetail: "" },
    executionMode: "SUPERSEDED",
    executionType: "STANDARD",
  };
}

export function serviceBody(place: Place, service: FakeService, withTags: boolean): object {
  const { cluster, name, running, desired, status = "ACTIVE", environment, label } = service;
  const prefix = `arn:aws:ecs:${place.region}:${place.account}`;
  const tags = [{ key: "environment", value: environment }];
  if (label !== undefined) tags.push({ key: "service", value: label });
  return {
    serviceArn: serviceArn(place, service),
    serviceName: name,
    clusterArn: `${prefix}:cluster/${cluster}`,
    loadBalancers: [],
    serviceRegistries: [],
    status,
    desiredCount: desired,
    runningCount: running,
    pendingCount: Math.max(0, desired - running),
    launchType: "FARGATE",
    platformVersion: "LATEST",
    taskDefinition: `${prefix}:task-definition/${name}:7`,
    deploymentConfiguration: { maximumPercent: 200, minimumHealthyPercent: 100 },
    deployments: [],
    events: [],
    createdAt: 1751638146.071,
    schedulingStrategy: "REPLICA",
    propagateTags: "NONE",
    ...(withTags ? { tags } : {}),
  };
}

export function stackBody({ region, account }: Place, { name, status, environment, parent }: FakeStack): object {
  const idOf = (stack: string) => `arn:aws:cloudformation:${region}:${account}:stack/${stack}/51af3dc0`;
  return {
    StackId: idOf(name),
    ...(parent === undefined ? {} : { ParentId: idOf(parent), RootId: idOf(parent) }),
    StackName: name,
    CreationTime: "2025-07-04T14:09:06.071Z",
    RollbackConfiguration: {},
    StackStatus: status,
    DisableRollback: false,
    NotificationARNs: [],
    Tags: environment === undefined ? [] : [{ Key: "environment", Value: environment }],
    EnableTerminationProtection: false,
    DriftInformation: { StackDriftStatus: "NOT_CHECKED" },
  };
}

export function keyPairBody(name: string, index: number): object {
  return {
    keyPairId: `key-${String(index).padStart(17, "0")}`,
    keyFingerprint: "1f:51:ae:28:bf:89:e9:d8:1f:25:5d:37:2d:7d:b8:ca",
    keyName: name,
    keyType: "ed25519",
    tagSet: [],
    createTime: "2025-07-04T14:09:06.000Z",
  };
}
