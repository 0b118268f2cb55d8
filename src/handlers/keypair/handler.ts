import { DescribeKeyPairsCommand, EC2Client } from "@aws-sdk/client-ec2";
import * as v from "valibot";
import { type AwsTuning, createAws } from "../aws/client.ts";
import { NoAnswer } from "../aws/errors.ts";
import type { Handler, World } from "../handler.ts";
import { definitions, keypairTotal } from "./metrics.ts";

const answer = v.object({ KeyPairs: v.array(v.object({})) });

export function createHandler(_: unknown, world: World, tuning: AwsTuning = {}): Handler {
  const aws = createAws(world, tuning);
  const client = new EC2Client(aws.options);
  return {
    metrics: definitions,
    cooler: () => 5000,
    async ensure({ signal }) {
      try {
        // EC2 gives all of them in one answer.
        const { KeyPairs } = await aws.ask({
          action: "ec2:DescribeKeyPairs",
          signal,
          schema: answer,
          send: (options) => client.send(new DescribeKeyPairsCommand({}), options),
        });
        return { samples: [{ metric: keypairTotal, number: KeyPairs.length }] };
      } catch (error) {
        if (!(error instanceof NoAnswer)) throw error;
        return { failures: [{ target: `EC2 key-pairs in ${aws.options.region}`, reason: error.message }] };
      }
    },
  };
}
