/** Secrets of the configuration: a variable or a file, never text. Nothing here puts a secret into a message. */
import { resolve } from "node:path";
import * as v from "valibot";
import { maxTokens } from "../base/limits.ts";
import { Secret } from "../base/secret.ts";
import { check, complain, isMap, part, type Report, type Subject } from "./check.ts";
import { readTextFile } from "./files.ts";
import { text } from "./values.ts";

const reference = "must be ${NAME} or { file: PATH }, never the secret itself";

/** What a list of secrets must be. */
export const secretsRule = `must be a list of at most ${maxTokens}, each ${reference.replace("must be ", "")}`;

type Written = string | { readonly file: string };

const inFile = v.strictObject({ file: text }, reference);

const secretSchema = v.lazy((input): v.GenericSchema<unknown, Written> => {
  return typeof input === "string" ? v.string() : inFile;
});

const listSchema = v.pipe(
  v.array(v.unknown(), "must be a list"),
  v.maxLength(maxTokens, `must have at most ${maxTokens} entries`),
);

/** The secrets of the list under `key`; what cannot be one is reported, without a word of what it is. */
export function readSecrets(section: Subject, key: string, folder: string, report: Report): readonly Secret[] {
  if (!isMap(section.value) || !Object.hasOwn(section.value, key)) return [];
  const list = { ...part(section, key), value: section.value[key] };
  const secrets: Secret[] = [];
  for (const [index, value] of (check(listSchema, list, report) ?? []).entries()) {
    const place = list.place.parts.get(index) ?? list.place;
    const item = { value, place, path: [...list.path, index] };
    const written = check(secretSchema, item, report);
    if (written === undefined) continue;
    const { token, problem } = readSecret(written, place.variable, folder);
    if (token === undefined) report(complain(item, [], problem));
    else secrets.push(new Secret(token));
  }
  return secrets;
}

type Outcome =
  | { readonly token: string; readonly problem?: never }
  | { readonly token?: never; readonly problem: string };

function readSecret(written: Written, variable: string | undefined, folder: string): Outcome {
  if (typeof written === "string") return variable === undefined ? { problem: reference } : usable(written);
  const { text: content, problem } = readTextFile(resolve(folder, written.file));
  if (content === undefined) return { problem: `must name a file that can be read (${problem})` };
  return usable(content.replace(/[\r\n]+$/, ""));
}

function usable(token: string): Outcome {
  if (token === "") return { problem: "must not be empty" };
  const fits = /^[\x21-\x7e]+$/.test(token);
  return fits ? { token } : { problem: "must be visible ASCII without spaces, for it travels in a header" };
}
