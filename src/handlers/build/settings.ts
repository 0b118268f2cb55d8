import * as v from "valibot";
import { defaultLookbackMs, maxLookbackMs, maxRepositories, minLookbackMs } from "../../base/limits.ts";
import { about } from "../../base/schema.ts";
import { formatDuration } from "../../base/units.ts";
import { duration } from "../../config/values.ts";

const workflow = v.pipe(
  v.string(),
  v.minLength(1, "must not be empty"),
  v.maxLength(255, "must have at most 255 characters"),
);

const repository = v.pipe(
  v.strictObject({
    name: about(
      "The repository.",
      v.pipe(
        v.string(),
        v.regex(/^(?!\.{1,2}$)[A-Za-z0-9._-]{1,100}$/, "must be the name of a repository, without its organization"),
      ),
    ),
    label: v.optional(
      about(
        "The value of the label `repository`; left out: the name.",
        v.pipe(v.string(), v.minLength(1, "must not be empty"), v.maxLength(128, "must have at most 128 characters")),
      ),
    ),
    check: v.optional(
      about("The workflow that checks code: its name, or the name of its file without the ending.", workflow),
    ),
    image: v.optional(about("The workflow that builds images. One of the two must be given.", workflow)),
  }),
  v.check(({ check, image }) => (check ?? image) !== undefined, "must have a check or an image workflow, or both"),
  v.transform(({ label, ...rest }) => ({ ...rest, label: label ?? rest.name })),
);

/** The keys of `handlers.build`. `lookback` comes out in milliseconds, `label` is the name where it is left out. */
export const settingsSchema = v.strictObject({
  organization: about(
    "Whose repositories they are.",
    v.pipe(
      v.string(),
      v.regex(/^[A-Za-z0-9][A-Za-z0-9_-]{0,99}$/, "must be the name of a GitHub organization or user"),
    ),
  ),
  lookback: v.optional(
    about("How far back runs are looked for.", duration(minLookbackMs, maxLookbackMs)),
    formatDuration(defaultLookbackMs),
  ),
  repositories: v.pipe(
    about("What is looked at.", v.array(repository)),
    v.minLength(1, "must name at least one repository"),
    v.maxLength(maxRepositories, `must name at most ${maxRepositories} repositories`),
    v.rawCheck(({ dataset, addIssue }) => {
      if (!dataset.typed) return;
      const seen = new Set<string>();
      for (const [index, value] of dataset.value.entries()) {
        // GitHub takes names in any case for the same repository.
        const name = value.name.toLowerCase();
        if (seen.has(name)) {
          addIssue({
            message: "must not name a repository twice",
            input: value.name,
            path: [
              { type: "array", origin: "value", input: dataset.value, key: index, value },
              { type: "object", origin: "value", input: { ...value }, key: "name", value: value.name },
            ],
          });
        }
        seen.add(name);
      }
    }),
  ),
});

export type Settings = v.InferOutput<typeof settingsSchema>;
export type Repository = Settings["repositories"][number];
