/**
 * What every schema of specta shares. Their messages say what a value must be, and hold no value themselves; their
 * descriptions say what a key does, and are the README's reference.
 */
import * as v from "valibot";

/** A schema with what its key does, in Markdown. */
export function about<const T extends v.GenericSchema>(description: string, schema: T) {
  return v.pipe(schema, v.description(description));
}

/** A step of an issue's path, into a list or a map, for checks that look at a whole and blame a part, or the key of one. */
export function step(
  input: readonly unknown[] | object,
  key: number | string,
  origin: "key" | "value" = "value",
): v.IssuePathItem {
  const value: unknown = Reflect.get(input, key);
  return { type: "unknown", origin, input, key, value };
}

/** For a pipe after a list: no value twice. */
export function noDoubles<T extends readonly (string | number)[]>(): v.RawCheckAction<T> {
  return v.rawCheck(({ dataset, addIssue }) => {
    if (!dataset.typed) return;
    const list = dataset.value;
    const seen = new Set<string | number>();
    for (const [index, value] of list.entries()) {
      if (seen.has(value)) addIssue({ message: "must not be given twice", path: [step(list, index)] });
      seen.add(value);
    }
  });
}
