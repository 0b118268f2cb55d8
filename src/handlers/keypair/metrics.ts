import type { Metrics } from "../../metrics/definition.ts";

export const keypairTotal = "aws_ec2_keypair_total";

export const definitions: Metrics = {
  [keypairTotal]: { kind: "gauge", help: "the total amount of EC2 key-pairs" },
};
