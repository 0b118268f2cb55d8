import * as v from "valibot";
import { maxStackNames } from "../../base/limits.ts";
import { about } from "../../base/schema.ts";
import { text } from "../../config/values.ts";

/** The keys of `handlers.stack`. `names` gives labels by a part of the stack's name. */
export const settingsSchema = v.strictObject({
  names: v.optional(
    about(
      "What the label `stack` says of a stack; the longest part that fits counts.",
      v.pipe(
        v.record(text, text, "must be a map of labels by a part of the stack's name"),
        v.maxEntries(maxStackNames, `must have at most ${maxStackNames} entries`),
      ),
    ),
    {},
  ),
});

export type Settings = v.InferOutput<typeof settingsSchema>;
