/** A configuration as plain values beside their places in its text, and how messages name them. */

/** Where a value stands. */
export interface Place {
  /** Offset of the value, and of its key where it has one. */
  readonly offset: number;
  readonly keyOffset: number;
  /** The text as it was written, where variables have changed it: what may be shown in its stead. */
  readonly source: string | undefined;
  /** The variable that the whole value is. */
  readonly variable: string | undefined;
  /** A problem with it was found already; whatever else is wrong with it follows from that. */
  readonly broken: boolean;
  readonly parts: ReadonlyMap<string | number, Place>;
}

export interface Finding {
  readonly offset: number;
  readonly text: string;
}

export interface Tree {
  readonly value: unknown;
  readonly place: Place;
  readonly findings: readonly Finding[];
  /** Line and column of an offset, from 1. */
  position(offset: number): string;
}

export type Entry = { readonly value: unknown; readonly place: Place };
export type Path = readonly (string | number)[];

export function placeAt(offset: number, rest?: Partial<Place>): Place {
  const none = { keyOffset: offset, source: undefined, variable: undefined, broken: false, parts: new Map() };
  return { offset, ...none, ...rest };
}

/** A path as the messages write it: `handlers.endpoint.targets[0].urls`. */
export function formatPath(path: Path): string {
  if (path.length === 0) return "the file";
  let text = "";
  for (const step of path) {
    if (typeof step === "number") text += `[${step}]`;
    else if (/^[\w:-]{1,100}$/.test(step)) text += text === "" ? step : `.${step}`;
    else text += `[${quote(step)}]`;
  }
  return text;
}

/** Text as messages show it: in quotes, its first line, not for ever. */
export function quote(text: string): string {
  const line = text.split("\n")[0] ?? "";
  return JSON.stringify(line.length > 100 ? `${line.slice(0, 100)}…` : line);
}
