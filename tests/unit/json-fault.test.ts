import { expect, test } from "bun:test";
import { HistogramISchema } from "../../src/gen/metrics/histogram_pb.ts";
import { faultOf } from "../../src/server/rpc/json-fault.ts";

const metric = "page_ready_duration_seconds";

for (const [action, message] of [
  ["null", "action[1] must be an object: current value is null"],
  ['["x"]', 'action[1] must be an object: current value is ["x"]'],
  ['{"metric":5}', "action[1].metric must be text in valid Unicode: current value is 5"],
  ['{"number":"one"}', 'action[1].number must be a finite number: current value is "one"'],
  ['{"number":" 1"}', 'action[1].number must be a finite number: current value is " 1"'],
  ['{"number":1e309}', "action[1].number must be a finite number: current value is Infinity"],
  ['{"labels":[]}', "action[1].labels must be an object: current value is []"],
  ['{"labels":{"page":null}}', "action[1].labels.page must be text in valid Unicode: current value is null"],
  [
    '{"x":[],"labels":{"a":"b","__proto__":1}}',
    "action[1].labels.__proto__ must be text in valid Unicode: current value is 1",
  ],
  [
    `{"metric":[${"1,".repeat(999)}1]}`,
    `action[1].metric must be text in valid Unicode: current value is [${"1,".repeat(31)}1…`,
  ],
] as const) {
  test(`what is wrong in ${action.slice(0, 50)} has its place`, () =>
    expect(faultOf(HistogramISchema, JSON.parse(`{"action":[{"metric":"${metric}"},${action}]}`))).toBe(message));
}

test("a list that is none has its place", () =>
  expect(faultOf(HistogramISchema, { action: {} })).toBe("action must be a list: current value is {}"));

for (const body of [
  null,
  [],
  "text",
  {},
  { action: null },
  { action: [{ metric, number: "1", labels: { page: "root" }, unit: [] }], x: 1 },
]) {
  test(`nothing is wrong with a field of ${JSON.stringify(body)}`, () =>
    expect(faultOf(HistogramISchema, body)).toBeUndefined());
}
