/** Protobuf bodies written by hand, so that they can be wrong in every way. */

type Bytes = readonly number[];

const encoder = new TextEncoder();

export function varint(value: number | bigint): number[] {
  const bytes: number[] = [];
  let rest = BigInt(value);
  while (rest > 127n) {
    bytes.push(Number(rest & 127n) | 128);
    rest >>= 7n;
  }
  return [...bytes, Number(rest)];
}

export const tag = (field: number, type: number): number[] => varint(field * 8 + type);

/** A field with a length in front of it. */
export const delimited = (field: number, content: Bytes | string): number[] => {
  const bytes = typeof content === "string" ? [...encoder.encode(content)] : content;
  return [...tag(field, 2), ...varint(bytes.length), ...bytes];
};

export const double = (field: number, value: number): number[] => [
  ...tag(field, 1),
  ...new Uint8Array(new Float64Array([value]).buffer),
];

export const label = (key: string, value: string): number[] =>
  delimited(100, [...delimited(1, key), ...delimited(2, value)]);

/** The fields of one `metrics.Action`. */
export const actionFields = (
  metric: string,
  number: number,
  labels: Readonly<Record<string, string>> = {},
): number[] => [
  ...Object.entries(labels).flatMap(([key, value]) => label(key, value)),
  ...delimited(200, metric),
  ...double(300, number),
];

/** An input message: each of the given actions, which are the bytes of their fields. */
export const input = (...actions: readonly Bytes[]): Uint8Array<ArrayBuffer> =>
  new Uint8Array(actions.flatMap((fields) => delimited(100, fields)));

/** A gRPC-web frame. */
export const grpcFrame = (data: Uint8Array, flags = 0): Uint8Array<ArrayBuffer> => {
  const bytes = new Uint8Array(5 + data.length);
  bytes[0] = flags;
  new DataView(bytes.buffer).setUint32(1, data.length);
  bytes.set(data, 5);
  return bytes;
};
