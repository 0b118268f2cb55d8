/** What a JSON body has in the wrong place, by the name that its caller gave it: protobuf-es tells the message's type. */
import { type DescField, type DescMessage, fromJson, type JsonValue, ScalarType } from "@bufbuild/protobuf";
import { maxQuotedChars } from "../../base/limits.ts";

/**
 * `action[0].number must be a number: current value is "one"`, of the first value that its field does not take;
 * undefined when each field takes its own.
 */
export function faultOf(message: DescMessage, json: unknown, path = ""): string | undefined {
  if (!isObject(json)) return path === "" ? undefined : fault(path, "an object", json);
  for (const [key, value] of Object.entries(json)) {
    const field = message.fields.find(({ name, jsonName }) => key === jsonName || key === name);
    if (field === undefined || takes(message, key, value)) continue;
    return faultOfField(message, field, key, value, path === "" ? key : `${path}.${key}`);
  }
  return undefined;
}

function faultOfField(
  message: DescMessage,
  field: DescField,
  key: string,
  value: JsonValue,
  path: string,
): string | undefined {
  if (field.fieldKind === "list") {
    if (!Array.isArray(value)) return fault(path, "a list", value);
    const index = value.findIndex((one) => !takes(message, key, [one]));
    if (index < 0) return undefined;
    const place = `${path}[${index}]`;
    return field.message ? faultOf(field.message, value[index], place) : fault(place, wanted(field), value[index]);
  }
  if (field.fieldKind === "map") {
    if (!isObject(value)) return fault(path, "an object", value);
    const entry = Object.entries(value).find(([name, one]) => !takes(message, key, { [name]: one }));
    return entry && fault(`${path}.${entry[0].toWellFormed()}`, wanted(field), entry[1]);
  }
  return field.message ? faultOf(field.message, value, path) : fault(path, wanted(field), value);
}

function takes(message: DescMessage, key: string, value: JsonValue): boolean {
  try {
    fromJson(message, { [key]: value }, { ignoreUnknownFields: true });
    return true;
  } catch {
    return false;
  }
}

function wanted({ scalar }: DescField): string {
  if (scalar === ScalarType.STRING) return "text in valid Unicode";
  if (scalar === ScalarType.DOUBLE) return "a finite number";
  return "of its type";
}

function fault(path: string, expected: string, value: unknown): string {
  const text = typeof value === "number" ? String(value) : JSON.stringify(value);
  const shown = text.length <= maxQuotedChars ? text : `${text.slice(0, maxQuotedChars).toWellFormed()}…`;
  return `${path} must be ${expected}: current value is ${shown}`;
}

function isObject(json: unknown): json is { readonly [key: string]: JsonValue } {
  return typeof json === "object" && json !== null && !Array.isArray(json);
}
