/**
 * Reads the protobuf that clients write: actions of labels, a metric and a number, each scalar at most once, tags and
 * lengths in their shortest form. What is other than that (an unknown field, a group, a wrong wire type, a field that
 * comes twice, a fault) is not recognised, and left to protobuf-es.
 *
 * A tag is the field's number times 8 plus its wire type, as a varint: here they are compared byte by byte.
 */
import type { Actions } from "./actions.ts";

/** Field 100, with a length: `action` of an input, `labels` of an action. */
const hundred0 = 0xa2;
const hundred1 = 0x06;
/** Field 200, with a length: `metric`. */
const metric0 = 0xc2;
const metric1 = 0x0c;
/** Field 300, of eight bytes: `number`. */
const number0 = 0xe1;
const number1 = 0x12;
/** Fields 1 and 2 of an entry of `labels`, with a length. */
const entryKey = 0x0a;
const entryValue = 0x12;

const doubleBytes = 8;

/** Whether the body was recognised; then its actions are in `actions`. */
export function scanProto(bytes: Uint8Array, actions: Actions): boolean {
  const length = bytes.length;
  let at = 0;
  while (at < length) {
    if (bytes[at] !== hundred0 || bytes[at + 1] !== hundred1) return false;
    const size = lengthAt(bytes, at + 2);
    const begin = at + 2 + lengthBytes(size);
    const end = begin + size;
    if (size < 0 || end > length) return false;
    if (!again(bytes, begin, end, actions)) {
      actions.begin();
      if (!action(bytes, begin, end, actions)) return false;
      actions.end(bytes, begin, end);
    }
    at = end;
  }
  return true;
}

/** Whether this is the last action with another number; then it is in `actions`. */
function again(bytes: Uint8Array, begin: number, end: number, actions: Actions): boolean {
  const numberStart = actions.likeLastToNumber(bytes, begin);
  const numberEnd = numberStart + doubleBytes;
  if (numberStart < 0 || numberEnd > end || actions.likeLastFromNumber(numberEnd) !== end) return false;
  actions.number = actions.doubleAt(bytes, numberStart);
  actions.repeat(bytes);
  return true;
}

function action(bytes: Uint8Array, begin: number, end: number, actions: Actions): boolean {
  let at = begin;
  while (at < end) {
    const tag0 = bytes[at];
    const tag1 = bytes[at + 1];
    at += 2;
    if (tag0 === number0 && tag1 === number1) {
      if (actions.numberStart >= 0 || at + doubleBytes > end) return false;
      actions.number = actions.doubleAt(bytes, at);
      actions.numberStart = at;
      actions.numberEnd = at + doubleBytes;
      at += doubleBytes;
      continue;
    }
    const size = lengthAt(bytes, at);
    at += lengthBytes(size);
    if (size < 0 || at + size > end) return false;
    if (tag0 === metric0 && tag1 === metric1) {
      if (actions.metricStart >= 0) return false;
      actions.metricStart = at;
      actions.metricEnd = at + size;
    } else if (tag0 !== hundred0 || tag1 !== hundred1 || !label(bytes, at, at + size, actions)) {
      return false;
    }
    at += size;
  }
  return true;
}

/** An entry of `labels`: the key, then the value, both shorter than 128 bytes. */
function label(bytes: Uint8Array, begin: number, end: number, actions: Actions): boolean {
  const keySize = bytes[begin + 1]!;
  const keyStart = begin + 2;
  const keyEnd = keyStart + keySize;
  const valueSize = bytes[keyEnd + 1]!;
  const valueStart = keyEnd + 2;
  const valueEnd = valueStart + valueSize;
  if (end - begin < 4 || bytes[begin] !== entryKey || keySize > 127 || valueStart > end) return false;
  if (bytes[keyEnd] !== entryValue || valueSize > 127 || valueEnd !== end) return false;
  return actions.label(keyStart, keyEnd, valueStart, valueEnd);
}

/** A length of one to three bytes in its shortest form, else -1: longer bodies are not read. */
function lengthAt(bytes: Uint8Array, at: number): number {
  const first = bytes[at]!;
  if (first < 128) return first;
  const second = bytes[at + 1]!;
  if (second < 128) return second === 0 ? -1 : (first & 127) | (second << 7);
  const third = bytes[at + 2]!;
  return third > 0 && third < 128 ? (first & 127) | ((second & 127) << 7) | (third << 14) : -1;
}

function lengthBytes(length: number): number {
  if (length < 128) return 1;
  return length < 16_384 ? 2 : 3;
}
