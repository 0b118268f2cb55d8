/** Reads the small text files of a configuration. */
import { closeSync, openSync, readSync } from "node:fs";
import { messageOf } from "../base/errors.ts";
import { maxSmallFileBytes } from "../base/limits.ts";

export type FileText =
  | { readonly text: string; readonly problem?: never }
  | { readonly text?: never; readonly problem: string };

/** The text of a file, or why there is none, in words that hold nothing of the file; missing files are "no such file". */
export function readTextFile(path: string, maxBytes = maxSmallFileBytes): FileText {
  let descriptor: number | undefined;
  try {
    descriptor = openSync(path, "r");
    const bytes = new Uint8Array(maxBytes + 1);
    let length = 0;
    while (length <= maxBytes) {
      const read = readSync(descriptor, bytes, length, bytes.length - length, null);
      if (read === 0) break;
      length += read;
    }
    if (length > maxBytes) return { problem: `it has more than ${maxBytes} bytes` };
    return { text: new TextDecoder("utf-8", { fatal: true }).decode(bytes.subarray(0, length)) };
  } catch (error) {
    return { problem: reason(error) };
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
}

function reason(error: unknown): string {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  if (code === "ENOENT" || code === "ENOTDIR") return "no such file";
  if (code === "EISDIR") return "it is a folder";
  if (code === "EACCES" || code === "EPERM") return "permission denied";
  if (error instanceof TypeError) return "it is not UTF-8";
  return messageOf(error);
}
