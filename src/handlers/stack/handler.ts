import { CloudFormationClient, DescribeStacksCommand } from "@aws-sdk/client-cloudformation";
import * as v from "valibot";
import { type Aws, type AwsTuning, createAws } from "../aws/client.ts";
import { type Listing, readPages } from "../aws/pages.ts";
import type { Failure, Handler, Sample, World } from "../handler.ts";
import { leastHealthy } from "../health.ts";
import { Reminders } from "../reminders.ts";
import { healthOf, labeller } from "./classify.ts";
import { definitions, stackHealth } from "./metrics.ts";
import type { Settings } from "./settings.ts";

const stack = v.object({
  StackName: v.string(),
  StackStatus: v.string(),
  Tags: v.nullish(v.array(v.object({ Key: v.string(), Value: v.nullish(v.string()) })), []),
});

type Stack = v.InferOutput<typeof stack>;

const answer = v.object({ Stacks: v.array(stack), NextToken: v.nullish(v.string()) });

export function createHandler(settings: Settings, world: World, tuning: AwsTuning = {}): Handler<Settings> {
  const listStacks = createListing(createAws(world, tuning));
  const labelOf = labeller(settings);
  const skipped = new Reminders<Readonly<Record<string, string>>>();
  return {
    metrics: definitions,
    cooler: () => 5000,
    async ensure({ environment, signal, log }) {
      const { items, failure } = await listStacks(signal);
      const ours = items.filter(({ Tags }) =>
        Tags.some(({ Key, Value }) => Key === "environment" && Value === environment),
      );
      const samples: Sample[] = [];
      const skips = new Map<string, Readonly<Record<string, string>>>();
      for (const { StackName, StackStatus } of ours) {
        const label = labelOf(StackName);
        if (label !== undefined) {
          samples.push({ metric: stackHealth, labels: { stack: label }, number: healthOf(StackStatus) });
        } else {
          const reason = "CloudFormation stack name pattern is unrecognizable";
          skips.set(StackName, { name: StackName, reason });
        }
      }
      for (const keys of skipped.due(skips)) {
        log("warning", "skipping instrumentation for CloudFormation stack", keys);
      }
      const target = `CloudFormation stacks tagged environment=${environment}`;
      const failures: Failure[] = [];
      if (failure !== undefined) failures.push({ target, reason: failure.message });
      else if (ours.length === 0) failures.push({ target, reason: `there are none among ${items.length}` });
      return { samples: leastHealthy(samples), failures };
    },
  };
}

function createListing(aws: Aws): (signal: AbortSignal) => Promise<Listing<Stack>> {
  const client = new CloudFormationClient(aws.options);
  return (signal) =>
    readPages(async (NextToken) => {
      const page = await aws.ask({
        action: "cloudformation:DescribeStacks",
        signal,
        schema: answer,
        send: (options) =>
          client.send(new DescribeStacksCommand(NextToken === undefined ? {} : { NextToken }), options),
      });
      return { items: page.Stacks, next: page.NextToken };
    });
}
