import { outboundVariables } from "../outbound.ts";

/**
 * What the threads of the AWS handlers see: the SDK reads its credentials, shared files and endpoints from these. `PATH`
 * is for a `credential_process`.
 */
export const awsVariables: readonly string[] = ["AWS_*", "HOME", "PATH", ...outboundVariables];
