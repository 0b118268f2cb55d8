/**
 * Reads the JSON that clients write, and nothing else: `{"action":[{"metric":"…","number":1,"labels":{"…":"…"}},…]}`
 * with the keys of an action in any order, each at most once, and white space where JSON has it. What is other than
 * that (an escape, a byte beyond ASCII, null, a number as text, an unknown key, a fault) is not recognised, and left to
 * protobuf-es. So every body that is recognised here means there what it means here.
 *
 * Each function takes where it starts and gives where it ends, or -1 for what is not recognised.
 */
import type { Actions } from "./actions.ts";

const quote = 0x22;
const comma = 0x2c;
const minus = 0x2d;
const point = 0x2e;
const zero = 0x30;
const nine = 0x39;
const colon = 0x3a;
const openList = 0x5b;
const backslash = 0x5c;
const closeList = 0x5d;
const openObject = 0x7b;
const closeObject = 0x7d;

/** A whole number with so many digits is exact as a double, and so is its quotient by a power of ten up to 10^22. */
const exactDigits = 15;
const powersOfTen = Float64Array.from({ length: exactDigits + 1 }, (_, index) => Number(`1e${index}`));

const decoder = new TextDecoder();

/** Whether the body was recognised; then its actions are in `actions`. */
export function scanJson(bytes: Uint8Array, actions: Actions): boolean {
  let at = token(bytes, 0, openObject);
  at = key(bytes, at, actionKey);
  at = token(bytes, at, openList);
  if (at < 0) return false;
  at = space(bytes, at);
  at = bytes[at] === closeList ? at + 1 : list(bytes, at, actions);
  at = token(bytes, at, closeObject);
  return at >= 0 && space(bytes, at) === bytes.length;
}

/** The actions up to the end of their list. */
function list(bytes: Uint8Array, start: number, actions: Actions): number {
  let at = start;
  for (;;) {
    const begin = space(bytes, at);
    at = again(bytes, begin, actions);
    if (at < 0) {
      actions.begin();
      at = action(bytes, token(bytes, begin, openObject), actions);
      if (at < 0) return -1;
      actions.end(bytes, begin, at);
    }
    at = space(bytes, at);
    if (bytes[at] === closeList) return at + 1;
    if (bytes[at] !== comma) return -1;
    at += 1;
  }
}

/** The last action again, with another number. */
function again(bytes: Uint8Array, start: number, actions: Actions): number {
  const numberStart = actions.likeLastToNumber(bytes, start);
  const numberEnd = number(bytes, numberStart, actions);
  if (numberEnd < 0) return -1;
  const end = actions.likeLastFromNumber(numberEnd);
  if (end >= 0) actions.repeat(bytes);
  return end;
}

/** An action behind its brace. */
function action(bytes: Uint8Array, start: number, actions: Actions): number {
  if (start < 0) return -1;
  let at = space(bytes, start);
  if (bytes[at] === closeObject) return at + 1;
  let seen = 0;
  for (;;) {
    const first = bytes[at + 1];
    let bit = 0;
    if (first === metricKey[0]) {
      bit = 1;
      at = metric(bytes, key(bytes, at, metricKey), actions);
    } else if (first === numberKey[0]) {
      bit = 2;
      at = number(bytes, key(bytes, at, numberKey), actions);
    } else {
      bit = 4;
      at = labels(bytes, key(bytes, at, labelsKey), actions);
    }
    if (at < 0 || (seen & bit) !== 0) return -1;
    seen |= bit;
    at = space(bytes, at);
    if (bytes[at] === closeObject) return at + 1;
    if (bytes[at] !== comma) return -1;
    at = space(bytes, at + 1);
  }
}

function metric(bytes: Uint8Array, start: number, actions: Actions): number {
  const begin = token(bytes, start, quote);
  const end = text(bytes, begin);
  if (end < 0) return -1;
  actions.metricStart = begin;
  actions.metricEnd = end;
  return end + 1;
}

function labels(bytes: Uint8Array, start: number, actions: Actions): number {
  let at = token(bytes, start, openObject);
  if (at < 0) return -1;
  at = space(bytes, at);
  if (bytes[at] === closeObject) return at + 1;
  for (;;) {
    const keyStart = token(bytes, at, quote);
    const keyEnd = text(bytes, keyStart);
    if (keyEnd < 0) return -1;
    const valueStart = token(bytes, token(bytes, keyEnd + 1, colon), quote);
    const valueEnd = text(bytes, valueStart);
    if (valueEnd < 0 || !actions.label(keyStart, keyEnd, valueStart, valueEnd)) return -1;
    at = space(bytes, valueEnd + 1);
    if (bytes[at] === closeObject) return at + 1;
    if (bytes[at] !== comma) return -1;
    at += 1;
  }
}

/** A number as JSON writes it. */
function number(bytes: Uint8Array, start: number, actions: Actions): number {
  if (start < 0) return -1;
  const begin = space(bytes, start);
  let at = begin;
  const negative = bytes[at] === minus;
  if (negative) at += 1;
  const whole = at;
  let value = 0;
  for (; isDigit(bytes[at]); at += 1) value = value * 10 + bytes[at]! - zero;
  let digits = at - whole;
  if (digits === 0 || (digits > 1 && bytes[whole] === zero)) return -1;
  let decimals = 0;
  if (bytes[at] === point) {
    const fraction = at + 1;
    for (at = fraction; isDigit(bytes[at]); at += 1) value = value * 10 + bytes[at]! - zero;
    decimals = at - fraction;
    if (decimals === 0) return -1;
    digits += decimals;
  }
  if (digits > exactDigits || (bytes[at]! | 0x20) === 0x65) return longNumber(bytes, begin, actions);
  value = decimals === 0 ? value : value / powersOfTen[decimals]!;
  return note(actions, begin, at, negative ? -value : value);
}

const numberPattern = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/;

/** A number with an exponent or many digits. */
function longNumber(bytes: Uint8Array, start: number, actions: Actions): number {
  let end = start;
  while (end < bytes.length && bytes[end] !== comma && bytes[end] !== closeObject && bytes[end]! > 0x20) end += 1;
  const written = decoder.decode(bytes.subarray(start, end));
  const value = Number(written);
  if (numberPattern.exec(written)?.[0] !== written || !Number.isFinite(value)) return -1;
  return note(actions, start, end, value);
}

function note(actions: Actions, start: number, end: number, value: number): number {
  actions.number = value;
  actions.numberStart = start;
  actions.numberEnd = end;
  return end;
}

/** The text behind its quote; gives where its closing quote stands. */
function text(bytes: Uint8Array, start: number): number {
  if (start < 0) return -1;
  for (let at = start; at < bytes.length; at += 1) {
    const byte = bytes[at]!;
    if (byte === quote) return at;
    if (byte < 0x20 || byte === backslash || byte > 0x7f) return -1;
  }
  return -1;
}

const actionKey = keyBytes("action");
const metricKey = keyBytes("metric");
const numberKey = keyBytes("number");
const labelsKey = keyBytes("labels");

/** What follows a key's opening quote. */
function keyBytes(name: string): Uint8Array {
  return new TextEncoder().encode(`${name}"`);
}

/** A key and its colon. */
function key(bytes: Uint8Array, start: number, name: Uint8Array): number {
  const at = token(bytes, start, quote);
  if (at < 0) return -1;
  for (let index = 0; index < name.length; index += 1) if (bytes[at + index] !== name[index]) return -1;
  return token(bytes, at + name.length, colon);
}

/** One character, white space before it left out. */
function token(bytes: Uint8Array, start: number, character: number): number {
  if (start < 0) return -1;
  if (bytes[start] === character) return start + 1;
  const at = space(bytes, start);
  return bytes[at] === character ? at + 1 : -1;
}

function space(bytes: Uint8Array, start: number): number {
  let at = start;
  for (;;) {
    const byte = bytes[at]!;
    if (byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09) return at;
    at += 1;
  }
}

function isDigit(byte: number | undefined): boolean {
  return byte !== undefined && byte >= zero && byte <= nine;
}
