import * as v from "valibot";
import { maxEndpointTargets, maxEndpointUrlChars, maxEndpointUrls, maxLabelValueBytes } from "../../base/limits.ts";
import { about } from "../../base/schema.ts";
import { environments, integer, unique } from "../../config/values.ts";

const service = v.pipe(
  v.string("must be text"),
  v.minLength(1, "must not be empty"),
  v.check((name) => name.isWellFormed(), "must be valid Unicode"),
  v.maxBytes(maxLabelValueBytes, `must have at most ${maxLabelValueBytes} bytes`),
);

const urlRule = "must be an http or https URL";
const url = v.pipe(
  v.string(urlRule),
  v.maxLength(maxEndpointUrlChars, `must have at most ${maxEndpointUrlChars} characters`),
  v.check((text) => ["http:", "https:"].includes(URL.parse(text)?.protocol ?? ""), urlRule),
);

/** 1xx is never the last answer. */
const status = integer(200, 599);

const target = v.strictObject(
  {
    service: about("The value of the label `service`.", service),
    urls: about(
      "Each is asked with GET, redirects are followed; the service is as healthy as the least healthy of them.",
      v.pipe(
        unique(url),
        v.minLength(1, "must have at least one URL"),
        v.maxLength(maxEndpointUrls, `must have at most ${maxEndpointUrls} URLs`),
      ),
    ),
    status: v.optional(
      about("What is healthy.", v.pipe(unique(status), v.minLength(1, "must have at least one status"))),
      [200],
    ),
    environments: v.optional(about("Where it is looked at; none given: everywhere.", environments), []),
  },
  "must be a map",
);

/** The keys of `handlers.endpoint`. */
export const settingsSchema = v.strictObject(
  {
    targets: v.optional(
      v.pipe(
        about("What is probed. Without any the handler does not run.", v.array(target, "must be a list of targets")),
        v.maxLength(maxEndpointTargets, `must have at most ${maxEndpointTargets} targets`),
      ),
      [],
    ),
  },
  "must be a map",
);

export type Settings = v.InferOutput<typeof settingsSchema>;
export type Target = Settings["targets"][number];

/** The targets of an environment. */
export function targetsIn({ targets }: Settings, environment: string): Target[] {
  return targets.filter(
    ({ environments }) => environments.length === 0 || environments.some((one) => one === environment),
  );
}
