/**
 * An AWS that speaks the wire of the real one for what specta asks: the tagging API, CodePipeline, ECS, CloudFormation, EC2,
 * and where credentials come from (STS, the endpoint of a container, the one of an instance). It checks signatures.
 */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";
import {
  type Answer,
  AwsError,
  executionBody,
  type FakePipeline,
  type FakeService,
  type FakeStack,
  failure,
  keyPairBody,
  type Protocol,
  pipelineArn,
  serviceArn,
  serviceBody,
  stackBody,
  success,
} from "./aws-answers.ts";
import { canonical, type Keys, type SignedRequest, wrongSignature } from "./aws-signature.ts";

/** A request as it came. */
export interface Seen {
  /** `DescribeKeyPairs`, or the path where it is none of an AWS service. */
  readonly action: string;
  readonly input: Readonly<Record<string, unknown>>;
  readonly headers: IncomingMessage["headers"];
  /** Which one of this action it is, from 1. */
  readonly number: number;
}

/** What goes wrong with one request instead of the right answer. */
export type Fault =
  | AwsError
  | {
      readonly kind: "answer";
      readonly status: number;
      readonly body: string;
      readonly headers?: Readonly<Record<string, string>>;
    }
  | { readonly kind: "reset" | "half" | "half chunked" | "hang" };

interface Service {
  readonly name: string;
  readonly protocol: Protocol;
  /** As it stands in a signature. */
  readonly signed: string;
}

const targets: Readonly<Record<string, Service>> = {
  ResourceGroupsTaggingAPI_20170126: { name: "Tagging", protocol: "json", signed: "tagging" },
  CodePipeline_20150709: { name: "CodePipeline", protocol: "json", signed: "codepipeline" },
  AmazonEC2ContainerServiceV20141113: { name: "ECS", protocol: "json", signed: "ecs" },
};

const versions: Readonly<Record<string, Service>> = {
  "2010-05-15": { name: "CloudFormation", protocol: "query", signed: "cloudformation" },
  "2016-11-15": { name: "EC2", protocol: "ec2", signed: "ec2" },
  "2011-06-15": { name: "STS", protocol: "query", signed: "sts" },
};

export interface FakeAwsOptions {
  readonly region?: string;
  readonly tls?: { readonly cert: string; readonly key: string };
}

type Input = Readonly<Record<string, unknown>>;

export class FakeAws {
  readonly region: string;
  readonly account = "123456789012";
  readonly keys: Keys = {
    accessKeyId: "AKIAIOSFODNN7EXAMPLE",
    secretAccessKey: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
  };
  /** What STS, a container or an instance hands out. */
  readonly sessionKeys: Keys = {
    accessKeyId: "ASIAIOSFODNN7EXAMPLE",
    secretAccessKey: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYSESSIONKEY",
    sessionToken: "FwoGZXIvYXdzEJr//////////wEaDNsentinel",
  };
  /** What a container must show to get credentials. */
  readonly containerToken = "Bearer container-sentinel";

  pipelines: FakePipeline[] = [];
  services: FakeService[] = [];
  stacks: FakeStack[] = [];
  keyPairs: string[] = [];
  /** Entries of one page, at most; a caller may ask for fewer. */
  pageSize = 100;
  now: () => number = Date.now;

  readonly requests: Seen[] = [];
  fault: (seen: Seen) => Fault | undefined = () => undefined;
  /** Called before an answer is made, so that a test can change the world between two pages. */
  before: (seen: Seen) => void | Promise<void> = () => undefined;

  readonly #server;
  readonly #scheme: "http" | "https";

  constructor({ region = "us-west-2", tls }: FakeAwsOptions = {}) {
    this.region = region;
    this.#scheme = tls === undefined ? "http" : "https";
    const serve = (request: IncomingMessage, response: ServerResponse) => void this.#serve(request, response);
    this.#server = tls === undefined ? createServer(serve) : createTlsServer(tls, serve);
  }

  async start(): Promise<this> {
    await new Promise<void>((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
    return this;
  }

  get url(): string {
    return `${this.#scheme}://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** The variables of a thread that asks this AWS, with fixed credentials. */
  get variables(): Record<string, string> {
    return {
      AWS_ENDPOINT_URL: this.url,
      AWS_REGION: this.region,
      AWS_ACCESS_KEY_ID: this.keys.accessKeyId,
      AWS_SECRET_ACCESS_KEY: this.keys.secretAccessKey,
      AWS_EC2_METADATA_DISABLED: "true",
      HOME: "/nonexistent",
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.#server.closeAllConnections();
    await closed;
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const { method = "", url = "/", headers } = request;
    const signed: SignedRequest = { method, url, headers, body: Buffer.concat(chunks).toString() };
    const { service, action, input } = read(signed);
    const number = this.requests.filter((seen) => seen.action === action).length + 1;
    const seen: Seen = { action, input, headers, number };
    this.requests.push(seen);
    await this.before(seen);
    const fault = this.fault(seen);
    const kind = fault !== undefined && !(fault instanceof AwsError) ? fault.kind : undefined;
    if (kind === "hang") return;
    if (kind === "reset") return void request.socket.destroy();
    const answer = this.#answer(service, action, input, signed, fault);
    if (kind === "half" || kind === "half chunked") {
      const length = kind === "half" ? { "content-length": String(Buffer.byteLength(answer.body)) } : {};
      response.writeHead(answer.status, { ...answer.headers, ...length });
      response.write(answer.body.slice(0, answer.body.length / 2), () => request.socket.destroy());
      return;
    }
    response.writeHead(answer.status, { ...answer.headers, "content-length": String(Buffer.byteLength(answer.body)) });
    response.end(answer.body);
  }

  #answer(service: Service | undefined, action: string, input: Input, signed: SignedRequest, fault?: Fault): Answer {
    if (fault !== undefined && !(fault instanceof AwsError) && fault.kind === "answer") {
      return { headers: {}, ...fault };
    }
    if (service === undefined) return this.#credentials(signed);
    const requestId = "4f4ad6c0-5b0e-11f0-9b1a-0242ac120002";
    try {
      if (fault instanceof AwsError) throw fault;
      if (action !== "AssumeRoleWithWebIdentity") this.#authenticate(service, signed);
      const output = this.#run(service, action, input);
      return success(service.protocol, service.name, action, output, requestId);
    } catch (error) {
      if (!(error instanceof AwsError)) throw error;
      return failure(service.protocol, service.name, error, requestId);
    }
  }

  #authenticate({ protocol, signed }: Service, request: SignedRequest): void {
    const all = [this.keys, this.sessionKeys];
    const keysOf = (id: string) => all.find(({ accessKeyId }) => accessKeyId === id);
    const wrong = wrongSignature(request, keysOf, this.region, signed);
    if (wrong === undefined) return;
    if (wrong === "missing")
      throw new AwsError("MissingAuthenticationToken", "Request is missing Authentication Token", 403);
    if (protocol === "ec2")
      throw new AwsError("AuthFailure", "AWS was not able to validate the provided access credentials", 401);
    if (wrong === "signature" || wrong === "scope") {
      const names = /SignedHeaders=([^,]+)/.exec(String(request.headers.authorization))?.[1] ?? "";
      throw new AwsError(
        protocol === "json" ? "InvalidSignatureException" : "SignatureDoesNotMatch",
        `The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details.\n\nThe Canonical String for this request should have been\n'${canonical(request, names)}'`,
        protocol === "json" ? 400 : 403,
      );
    }
    const [code, status] = protocol === "json" ? ["UnrecognizedClientException", 400] : ["InvalidClientTokenId", 403];
    throw new AwsError(String(code), "The security token included in the request is invalid.", Number(status));
  }

  #run(service: Service, action: string, input: Input): object {
    switch (`${service.name}.${action}`) {
      case "Tagging.GetResources":
        return this.#getResources(input);
      case "CodePipeline.ListPipelineExecutions":
        return this.#listPipelineExecutions(input);
      case "ECS.DescribeServices":
        return this.#describeServices(input);
      case "CloudFormation.DescribeStacks": {
        const stacks = this.stacks.map((stack) => stackBody(this, stack));
        const { page, next } = this.#page(action, stacks, input.NextToken, 100, "ValidationError");
        return { Stacks: page, NextToken: next };
      }
      case "EC2.DescribeKeyPairs":
        return { keySet: this.keyPairs.map(keyPairBody) };
      case "STS.AssumeRoleWithWebIdentity":
        if (input.WebIdentityToken !== "web-sentinel")
          throw new AwsError("InvalidIdentityToken", "No OpenIDConnect provider found");
        return this.#assumed(input);
      default:
        throw new AwsError("UnknownOperationException", "");
    }
  }

  #getResources(input: Input): object {
    const types = input.ResourceTypeFilters as string[];
    const filters = (input.TagFilters ?? []) as { Key: string; Values: string[] }[];
    const all = [
      ...this.pipelines.map((one) => ({ type: "codepipeline:pipeline", arn: pipelineArn(this, one), tags: tags(one) })),
      ...this.services.map((one) => ({ type: "ecs:service", arn: serviceArn(this, one), tags: tags(one) })),
    ];
    const found = all.filter(
      ({ type, tags }) =>
        types.includes(type) &&
        filters.every(({ Key, Values }) => tags.some((tag) => tag.Key === Key && Values.includes(tag.Value))),
    );
    const listed = found.map(({ arn, tags }) => ({ ResourceARN: arn, Tags: tags }));
    const size = Number(input.ResourcesPerPage ?? 50);
    // The last page has an empty token.
    const { page, next = "" } = this.#page(
      "GetResources",
      listed,
      input.PaginationToken,
      size,
      "PaginationTokenExpiredException",
    );
    return { PaginationToken: next, ResourceTagMappingList: page };
  }

  #listPipelineExecutions({ pipelineName, nextToken, maxResults }: Input): object {
    const pipeline = this.pipelines.find(({ name, isGone }) => name === pipelineName && !isGone);
    if (pipeline === undefined) {
      const message = `Account '${this.account}' does not have a pipeline with name '${pipelineName}'`;
      throw new AwsError("PipelineNotFoundException", message);
    }
    const newestFirst = [...pipeline.executions].sort((a, b) => b.startMs - a.startMs);
    const bodies = newestFirst.flatMap((execution) => executionBody(execution, this.now()) ?? []);
    const { page, next } = this.#page(
      `${pipelineName}`,
      bodies,
      nextToken,
      Number(maxResults ?? 100),
      "InvalidNextTokenException",
    );
    return { pipelineExecutionSummaries: page, ...(next === undefined ? {} : { nextToken: next }) };
  }

  #describeServices({ cluster, services, include }: Input): object {
    const asked = services as string[];
    if (asked.length > 10)
      throw new AwsError("InvalidParameterException", "Services cannot have more than 10 elements");
    if (!this.services.some((one) => one.cluster === cluster && !one.isGone)) {
      throw new AwsError("ClusterNotFoundException", "Cluster not found.");
    }
    const withTags = ((include ?? []) as string[]).includes("TAGS");
    const found = asked.map((arn) => ({
      arn,
      service: this.services.find((one) => one.cluster === cluster && !one.isGone && serviceArn(this, one) === arn),
    }));
    return {
      services: found.flatMap(({ service }) => (service === undefined ? [] : serviceBody(this, service, withTags))),
      failures: found.flatMap(({ arn, service }) => (service === undefined ? { arn, reason: "MISSING" } : [])),
    };
  }

  #page<T>(
    listing: string,
    all: readonly T[],
    token: unknown,
    size: number,
    code: string,
  ): { page: T[]; next?: string } {
    const read = token === undefined ? { listing, from: 0 } : decode(String(token));
    if (read?.listing !== listing) throw new AwsError(code, "The provided token is not valid.");
    const to = read.from + Math.min(size, this.pageSize);
    const page = all.slice(read.from, to);
    return to >= all.length ? { page } : { page, next: btoa(JSON.stringify({ listing, from: to })) };
  }

  #assumed({ RoleArn, RoleSessionName }: Input): object {
    const { accessKeyId, secretAccessKey, sessionToken } = this.sessionKeys;
    return {
      SubjectFromWebIdentityToken: "system:serviceaccount:specta",
      AssumedRoleUser: { AssumedRoleId: `AROA:${RoleSessionName}`, Arn: `${RoleArn}/${RoleSessionName}` },
      Credentials: {
        AccessKeyId: accessKeyId,
        SecretAccessKey: secretAccessKey,
        SessionToken: sessionToken,
        Expiration: new Date(Date.now() + 3_600_000).toISOString(),
      },
    };
  }

  /** The endpoints of a container and of an instance (its second version, by a token of its own). */
  #credentials({ method, url, headers }: SignedRequest): Answer {
    const { accessKeyId, secretAccessKey, sessionToken } = this.sessionKeys;
    const body = JSON.stringify({
      Code: "Success",
      AccessKeyId: accessKeyId,
      SecretAccessKey: secretAccessKey,
      Token: sessionToken,
      Expiration: new Date(Date.now() + 3_600_000).toISOString(),
    });
    const ok = (text: string): Answer => ({ status: 200, body: text, headers: { "content-type": "text/plain" } });
    const role = "/latest/meta-data/iam/security-credentials/";
    const isInstance = headers["x-aws-ec2-metadata-token"] === "imds-token";
    if (method === "PUT" && url === "/latest/api/token") return ok("imds-token");
    if (isInstance && url === role) return ok("specta-role");
    if (isInstance && url === `${role}specta-role`) return ok(body);
    if (url === "/container-credentials" && headers.authorization === this.containerToken) return ok(body);
    return { status: 401, body: "", headers: {} };
  }
}

function read({ url, headers, body }: SignedRequest): { service: Service | undefined; action: string; input: Input } {
  const target = headers["x-amz-target"];
  if (typeof target === "string") {
    const [name = "", action = ""] = target.split(".");
    return { service: targets[name], action, input: JSON.parse(body) as Input };
  }
  const form = Object.fromEntries(new URLSearchParams(body));
  const service = versions[form.Version ?? ""];
  return service === undefined
    ? { service, action: url, input: {} }
    : { service, action: form.Action ?? "", input: form };
}

function tags({ environment, ...rest }: FakePipeline | FakeService): { Key: string; Value: string }[] {
  const label = "label" in rest && rest.label !== undefined ? [{ Key: "service", Value: rest.label }] : [];
  return [{ Key: "environment", Value: environment }, ...label];
}

function decode(token: string): { listing: string; from: number } | undefined {
  try {
    return JSON.parse(atob(token)) as { listing: string; from: number };
  } catch {
    return undefined;
  }
}
