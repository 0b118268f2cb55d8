/** Requests that nobody should send, one by one: what the lane and connect-es make of them, which must be the same. */
import { afterAll, beforeAll, describe, expect, setSystemTime, test } from "bun:test";
import { Twins } from "../harness/twins.ts";
import { actionFields, delimited, double, input, label, tag } from "../harness/wire.ts";

const metric = "page_ready_duration_seconds";
const twins = new Twins();
beforeAll(() => {
  setSystemTime(new Date("2025-07-04T14:09:06Z"));
});
afterAll(() => {
  setSystemTime();
});

async function statusOf(type: string, body: Uint8Array<ArrayBuffer>): Promise<number> {
  const { lane, connect } = await twins.call("histogram", { "Content-Type": type }, body);
  expect(lane).toEqual(connect);
  // A request is accepted as a whole or leaves nothing but the count of its rejection.
  if (lane.status !== 200) expect(Object.keys(lane.cells).length).toBe(1);
  return lane.status;
}

describe("protobuf", () => {
  const good = actionFields(metric, 1);
  const name = delimited(200, metric);
  const bodies: Readonly<Record<string, readonly [status: number, body: Uint8Array<ArrayBuffer>]>> = {
    "an action": [200, input(good)],
    "labels behind the metric": [200, input([...name, ...double(300, 1), ...label("page", "root")])],
    "no number": [200, input(name)],
    "the metric twice, the last one good": [200, input([...delimited(200, "x"), ...good])],
    "the metric twice, the last one bad": [400, input([...good, ...delimited(200, "x")])],
    "the number twice, the last one good": [200, input([...double(300, -1), ...good])],
    "the number twice, the last one bad": [400, input([...good, ...double(300, -1)])],
    "a label twice, the last one good": [200, input([...label("page", "rot"), ...label("page", "root"), ...good])],
    "a label twice, the last one bad": [400, input([...label("page", "root"), ...label("page", "rot"), ...good])],
    "__proto__ as a label's key": [400, input([...label("__proto__", "root"), ...good])],
    "constructor as a label's key": [400, input([...label("constructor", "root"), ...good])],
    "__proto__ as the metric": [400, input(actionFields("__proto__", 1))],
    "a label without its key": [400, input([...delimited(100, delimited(2, "root")), ...good])],
    "a label without its value": [400, input([...delimited(100, delimited(1, "page")), ...good])],
    "a label with its value first": [
      200,
      input([...delimited(100, [...delimited(2, "root"), ...delimited(1, "page")]), ...good]),
    ],
    "a label with an unknown field": [
      200,
      input([...delimited(100, [...delimited(1, "page"), ...delimited(2, "root"), ...tag(3, 0), 1]), ...good]),
    ],
    "an unknown varint": [200, input([...tag(7, 0), 0x80, 0x01, ...good])],
    "an unknown text": [200, input([...delimited(7, "x"), ...good])],
    "unknown bytes that are no UTF-8": [200, input([...delimited(7, [0xff]), ...good])],
    "unknown fixed fields": [200, input([...tag(7, 5), 1, 2, 3, 4, ...tag(8, 1), 1, 2, 3, 4, 5, 6, 7, 8, ...good])],
    "an unknown group": [200, input([...tag(7, 3), ...tag(1, 0), 1, ...tag(7, 4), ...good])],
    "groups in a group": [200, input([...tag(7, 3), ...tag(8, 3), ...tag(8, 4), ...tag(7, 4), ...good])],
    "a group that ends as another": [400, input([...tag(7, 3), ...tag(8, 4), ...good])],
    "a group that does not end": [400, input([...good, ...tag(7, 3)])],
    "a group that ends outside": [400, new Uint8Array([...input([...good, ...tag(7, 3)]), ...tag(7, 4)])],
    "an end without a group": [400, input([...tag(7, 4), ...good])],
    "101 groups in each other": [
      400,
      input(
        [...Array.from({ length: 101 }, () => tag(7, 3)), ...Array.from({ length: 101 }, () => tag(7, 4)), good].flat(),
      ),
    ],
    "a text that runs past its action": [
      400,
      input([...tag(200, 2), metric.length + 9, ...new TextEncoder().encode(metric)]),
    ],
    "a text that runs past the body": [400, new Uint8Array([...input(good).slice(0, -3)])],
    "a text that runs from one action into the next": [
      400,
      new Uint8Array([...delimited(100, [...tag(200, 2), 40]), ...input(good)]),
    ],
    "a number that is cut": [400, input([...name, ...tag(300, 1), 0, 0, 0])],
    "an action that is cut": [400, input(good).slice(0, -1)],
    "a tag that is cut": [400, new Uint8Array([...input(good), 0xa2])],
    "a length that is cut": [400, new Uint8Array([...input(good), ...tag(100, 2), 0x80])],
    "a length of eleven bytes": [400, input([...tag(200, 2), ...Array<number>(10).fill(0x80), 0x00])],
    "a length longer than it need be": [
      200,
      input([...tag(200, 2), 0x80 + metric.length, 0x00, ...new TextEncoder().encode(metric)]),
    ],
    "a tag longer than it need be": [
      200,
      input([0xc2, 0x8c, 0x00, metric.length, ...new TextEncoder().encode(metric)]),
    ],
    "a tag of more than 32 bits": [400, input([0x80, 0x80, 0x80, 0x80, 0x80, 0x01, 0x00])],
    "field 0": [400, input([...tag(0, 0), 1, ...good])],
    "wire type 6": [400, input([...tag(7, 6), ...good])],
    "wire type 7": [400, input([...tag(7, 7), ...good])],
    "the metric as a varint": [400, input([...tag(200, 0), 5])],
    "the number as a varint": [400, input([...name, ...tag(300, 0), 5])],
    "the number as a float": [400, input([...name, ...tag(300, 5), 0, 0, 128, 63])],
    "the number packed": [400, input([...name, ...delimited(300, [0, 0, 0, 0, 0, 0, 240, 63])])],
    "the action as a varint": [400, new Uint8Array([...tag(100, 0), 5])],
    "invalid UTF-8 in the metric": [400, input([...delimited(200, [0xc3, 0x28]), ...double(300, 1)])],
    "invalid UTF-8 in a label": [
      400,
      input([...delimited(100, [...delimited(1, [0xff]), ...delimited(2, "root")]), ...good]),
    ],
    "half a surrogate pair": [400, input([...delimited(200, [0xed, 0xa0, 0x80])])],
    "a U+0000 in the metric": [400, input(actionFields(`${metric}\u0000`, 1))],
    "an empty action": [400, input([])],
    "an action behind a bad one": [400, input(actionFields("x", 1), good)],
    "invalid UTF-8 behind a bad action": [400, input(actionFields("x", 1), [...delimited(200, [0xff])])],
    NaN: [400, input(actionFields(metric, Number.NaN))],
    "minus zero": [200, input(actionFields(metric, -0))],
    nothing: [400, input()],
    "a hundred actions": [200, input(...Array<number[]>(100).fill(good))],
    "a hundred and one": [400, input(...Array<number[]>(101).fill(good))],
    "broken behind a hundred and one": [400, new Uint8Array([...input(...Array<number[]>(101).fill(good)), 0xa2])],
  };
  for (const [title, [status, body]] of Object.entries(bodies)) {
    test(`${title}: ${status}`, async () => {
      expect(await statusOf("application/proto", body)).toBe(status);
      expect(await statusOf("application/protobuf", body)).toBe(status);
    });
  }
});

describe("JSON", () => {
  const one = (fields: string) => `{"action":[{"metric":"${metric}",${fields}}]}`;
  const good = one('"number":1');
  const bodies: readonly (readonly [status: number, body: string])[] = [
    [200, good],
    [200, `\n\t {\r"action" :[ { "number" : 1 , "metric" : "${metric}" } ] } \n`],
    [200, one('"number":-0')],
    [200, one('"number":-0.0')],
    [200, one('"number":0e5')],
    [200, one('"number":1E+2')],
    [200, one('"number":1e-400')],
    [200, one('"number":0.1234567890123456789012345678901234567890')],
    [200, one('"number":123456789012345678901234567890')],
    [200, one('"number":"1"')],
    [200, one('"number":null')],
    [200, one('"number":1,"unit":"s"')],
    [200, one('"labels":{"page":"\\u0072oot"}')],
    [200, `\ufeff${good}`],
    [200, `{"x":{"action":[]},${good.slice(1)}`],
    [400, one('"number":1e999')],
    [400, one('"number":-1e-5')],
    [400, one('"number":01')],
    [400, one('"number":-')],
    [400, one('"number":1.')],
    [400, one('"number":.5')],
    [400, one('"number":+1')],
    [400, one('"number":1e')],
    [400, one('"number":0x1')],
    [400, one('"number":Infinity')],
    [400, one('"number":1 2')],
    [400, one('"number":""')],
    [400, one('"number":"1 "')],
    [400, one('"number":1,"number":1')],
    [400, one('"number":1,"metric":"x"')],
    [400, one('"number":1,')],
    [400, one('"labels":{"page":"root","page":"root"}')],
    [400, one('"labels":{"a":"root","a":"root"}')],
    [400, one('"labels":{"page":null}')],
    [400, one('"labels":{"page":1}')],
    [400, one('"labels":{"__proto__":"root"}')],
    [400, one('"labels":{"__proto__":null}')],
    [400, one('"labels":[]')],
    [400, one('"labels":"root"')],
    [400, one('"labels":{"page":"root",}')],
    [400, one('"labels":{"page":"ro\not"}')],
    [400, one('"labels":{"page":"\\ud800"}')],
    [400, `{"action":[{"metric":"x"},{"metric":"${metric}","labels":{"a":"1","a":"1"}}]}`],
    [400, `{"action":[{"metric":"x"},{"metric":"${metric}"]}`],
    [400, '{"action":[{"metric":"constructor"}]}'],
    [400, '{"action":[{"metric":"__proto__"}]}'],
    [400, '{"action":[{"__proto__":{"metric":"x"}}]}'],
    [400, '{"action":[{}]}'],
    [400, '{"action":[]}'],
    [400, '{"action":null}'],
    [400, '{"action":[null]}'],
    [400, '{"action":{}}'],
    [400, "{}"],
    [400, ""],
    [400, " "],
    [400, "null"],
    [400, "[]"],
    [400, "{"],
    [400, '{"action"'],
    [400, '{"action":['],
    [400, `${good}}`],
    [400, `${good},`],
    [400, `${good}\u0000`],
    [400, good.replaceAll('"', "'")],
    [400, `{"action":[${'{"metric":"'}`],
  ];
  for (const [status, body] of bodies) {
    test(`${JSON.stringify(body)}: ${status}`, async () => {
      expect(await statusOf("application/json", new TextEncoder().encode(body))).toBe(status);
    });
  }
});
