import { GetResourcesCommand, ResourceGroupsTaggingAPIClient } from "@aws-sdk/client-resource-groups-tagging-api";
import * as v from "valibot";
import type { Aws } from "./client.ts";
import { type Listing, readPages } from "./pages.ts";

/** Finds resources by their tag `environment`. */
export interface Tagged {
  /** The ARNs of a type, `ecs:service` for example, once each. */
  list(type: string, environment: string, signal: AbortSignal): Promise<Listing<string>>;
}

const answer = v.object({
  ResourceTagMappingList: v.array(v.object({ ResourceARN: v.string() })),
  PaginationToken: v.nullish(v.string()),
});

const resourcesPerPage = 100;

export function createTagged(aws: Aws): Tagged {
  const client = new ResourceGroupsTaggingAPIClient(aws.options);
  return {
    async list(type, environment, signal) {
      const { items, failure } = await readPages(async (PaginationToken) => {
        const page = await aws.ask({
          action: "tag:GetResources",
          signal,
          schema: answer,
          send: (options) =>
            client.send(
              new GetResourcesCommand({
                ResourceTypeFilters: [type],
                TagFilters: [{ Key: "environment", Values: [environment] }],
                ResourcesPerPage: resourcesPerPage,
                ...(PaginationToken === undefined ? {} : { PaginationToken }),
              }),
              options,
            ),
        });
        return { items: page.ResourceTagMappingList.map(({ ResourceARN }) => ResourceARN), next: page.PaginationToken };
      });
      // A resource that is tagged while the pages are read may come on two of them.
      return { items: [...new Set(items)], failure };
    },
  };
}
