/**
 * Holds a protobuf body to the wire format. protobuf-es reads fields by their number alone and lets a length run past
 * the end of its message, so that a broken body may pass for another one; here it is refused before it gets there.
 */
import { type DescField, type DescMessage, ScalarType } from "@bufbuild/protobuf";
import { WireType } from "@bufbuild/protobuf/wire";
import { maxWireDepth } from "../../base/limits.ts";

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const maxVarintBytes = 10;

/** What is wrong with the body, or undefined when it is a message of that type; unknown fields are no fault. */
export function checkWire(message: DescMessage, body: Uint8Array): string | undefined {
  const reader = new Reader(body);
  try {
    reader.message(message, body.length, 1);
    return undefined;
  } catch (error) {
    if (error instanceof Fault) return error.message;
    throw error;
  }
}

class Fault extends Error {}

class Reader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  message(message: DescMessage, end: number, depth: number): void {
    this.#guard(depth);
    while (this.#at < end) {
      const [number, type] = this.#tag(end);
      const field = message.fields.find((one) => one.number === number);
      if (field === undefined) this.#skip(number, type, end, depth);
      else this.#field(field, type, end, depth);
    }
  }

  #field(field: DescField, type: number, end: number, depth: number): void {
    const expected = wireTypeOf(field);
    const packed = field.fieldKind === "list" && type === WireType.LengthDelimited && isNumeric(expected);
    if (packed) this.#packed(expected, this.#length(end));
    else if (type !== expected) throw this.#fault(mismatch(field.name, expected, type));
    else if (type === WireType.LengthDelimited) this.#delimited(field, this.#length(end), depth);
    else this.#skip(field.number, type, end, depth);
  }

  #packed(type: number, end: number): void {
    while (this.#at < end) this.#fixed(type, end);
  }

  #delimited(field: DescField, end: number, depth: number): void {
    if (field.fieldKind === "map") this.#entry(field, end, depth + 1);
    else if (field.message !== undefined) this.message(field.message, end, depth + 1);
    else if (field.scalar === ScalarType.STRING) this.#string(field.name, end);
    else this.#at = end;
  }

  /** An entry of a map is a message: its key is field 1, its value field 2. */
  #entry(field: DescField & { fieldKind: "map" }, end: number, depth: number): void {
    this.#guard(depth);
    while (this.#at < end) {
      const [number, type] = this.#tag(end);
      if (number > 2) {
        this.#skip(number, type, end, depth);
        continue;
      }
      const scalar = number === 1 ? field.mapKey : field.scalar;
      const expected = number === 1 ? scalarTypes[field.mapKey] : valueTypeOf(field);
      if (type !== expected) throw this.#fault(mismatch(`an entry of ${field.name}`, expected, type));
      if (type !== WireType.LengthDelimited) this.#fixed(type, end);
      else if (number === 2 && field.message !== undefined) this.message(field.message, this.#length(end), depth + 1);
      else if (scalar === ScalarType.STRING) this.#string(field.name, this.#length(end));
      else this.#at = this.#length(end);
    }
  }

  #string(name: string, end: number): void {
    try {
      utf8.decode(this.#bytes.subarray(this.#at, end));
    } catch {
      throw this.#fault(`${name} must be valid UTF-8`);
    }
    this.#at = end;
  }

  #skip(number: number, type: number, end: number, depth: number): void {
    if (type === WireType.LengthDelimited) this.#at = this.#length(end);
    else if (type === WireType.StartGroup) this.#group(number, end, depth + 1);
    else if (type === WireType.EndGroup)
      throw this.#fault(`the group that ends must have begun: its field is ${number}`);
    else this.#fixed(type, end);
  }

  #group(number: number, end: number, depth: number): void {
    this.#guard(depth);
    while (this.#at < end) {
      const [inner, type] = this.#tag(end);
      if (type !== WireType.EndGroup) this.#skip(inner, type, end, depth);
      else if (inner === number) return;
      else throw this.#fault(`the group of field ${number} must end as it began: it ends as ${inner}`);
    }
    throw this.#fault(`the group of field ${number} must end`);
  }

  #fixed(type: number, end: number): void {
    if (type === WireType.Varint) this.#varint(end);
    else if (type === WireType.Bit64) this.#take(8, end);
    else if (type === WireType.Bit32) this.#take(4, end);
    else throw this.#fault(`a wire type must be 0 to 5: current value is ${type}`);
  }

  #tag(end: number): [number: number, type: number] {
    const start = this.#at;
    const tag = this.#varint(end);
    if (tag < 8 || tag > 0xffff_ffff || this.#at - start > 5)
      throw this.#fault("a field's number must be 1 to 536870911");
    return [tag >>> 3, tag & 7];
  }

  /** Reads a length; gives where it ends. */
  #length(end: number): number {
    const length = this.#varint(end);
    if (length > end - this.#at) throw this.#fault("a length must stay within its message");
    return this.#at + length;
  }

  /** Exact up to 53 bits, which is more than any tag or length may have. */
  #varint(end: number): number {
    let value = 0;
    for (let index = 0; index < maxVarintBytes; index += 1) {
      if (this.#at >= end) throw this.#fault("a number must end within its message");
      const byte = this.#bytes[this.#at]!;
      this.#at += 1;
      value += (byte & 127) * 2 ** (7 * index);
      if (byte < 128) return value;
    }
    throw this.#fault(`a number must have at most ${maxVarintBytes} bytes`);
  }

  #take(bytes: number, end: number): void {
    if (bytes > end - this.#at) throw this.#fault("a field must end within its message");
    this.#at += bytes;
  }

  #guard(depth: number): void {
    if (depth > maxWireDepth) throw this.#fault(`messages must be nested at most ${maxWireDepth} deep`);
  }

  #fault(message: string): Fault {
    return new Fault(`${message}, at byte ${this.#at}`);
  }
}

const scalarTypes: Readonly<Record<ScalarType, WireType>> = {
  [ScalarType.DOUBLE]: WireType.Bit64,
  [ScalarType.FLOAT]: WireType.Bit32,
  [ScalarType.INT64]: WireType.Varint,
  [ScalarType.UINT64]: WireType.Varint,
  [ScalarType.INT32]: WireType.Varint,
  [ScalarType.FIXED64]: WireType.Bit64,
  [ScalarType.FIXED32]: WireType.Bit32,
  [ScalarType.BOOL]: WireType.Varint,
  [ScalarType.STRING]: WireType.LengthDelimited,
  [ScalarType.BYTES]: WireType.LengthDelimited,
  [ScalarType.UINT32]: WireType.Varint,
  [ScalarType.SFIXED32]: WireType.Bit32,
  [ScalarType.SFIXED64]: WireType.Bit64,
  [ScalarType.SINT32]: WireType.Varint,
  [ScalarType.SINT64]: WireType.Varint,
};

/** The wire type of one value of the field. */
function wireTypeOf(field: DescField): WireType {
  if (field.fieldKind === "map") return WireType.LengthDelimited;
  if (field.message !== undefined) {
    return "delimitedEncoding" in field && field.delimitedEncoding ? WireType.StartGroup : WireType.LengthDelimited;
  }
  return valueTypeOf(field);
}

function valueTypeOf(field: DescField): WireType {
  if (field.message !== undefined) return WireType.LengthDelimited;
  return field.scalar === undefined ? WireType.Varint : scalarTypes[field.scalar];
}

function isNumeric(type: WireType): boolean {
  return type === WireType.Varint || type === WireType.Bit64 || type === WireType.Bit32;
}

function mismatch(name: string, expected: WireType, type: number): string {
  return `${name} must have wire type ${expected}: current value is ${type}`;
}
