/** The requests of `fixtures/rpc.json` and the answers that they must get, against any server that is up. */
import { expect } from "bun:test";
import {
  array,
  boolean,
  type InferOutput,
  nullable,
  number,
  object,
  optional,
  parse,
  record,
  string,
  unknown,
} from "valibot";
import fixture from "../fixtures/rpc.json";
import { scrape } from "./daemon.ts";
import type { Exposition } from "./exposition.ts";

const Case = object({
  name: string(),
  request: object({
    method: string(),
    path: string(),
    headers: record(string(), string()),
    body: nullable(string()),
  }),
  expect: object({
    status: number(),
    json: optional(unknown()),
    text: optional(string()),
    code: optional(string()),
    says: optional(array(string())),
    delta: optional(record(string(), number())),
    unchanged: optional(boolean()),
  }),
});
export type RpcCase = InferOutput<typeof Case>;

/** Written for `SPECTA_ENVIRONMENT=testing` and the embedded default configuration. */
export const rpcCases: readonly RpcCase[] = parse(array(Case), fixture.cases);

/** Sends the request of one case and holds the answer and the exposition to what the case expects. */
export async function checkRpcCase(url: string, { request, expect: expected }: RpcCase): Promise<void> {
  const before = await scrape(url);
  const { method, headers, body } = request;
  const answer = await fetch(`${url}${request.path}`, { method, headers, ...(body !== null && { body }) });
  const text = await answer.text();
  expect({ status: answer.status, text }).toEqual({ status: expected.status, text: expected.text ?? text });
  if (expected.json !== undefined) expect(JSON.parse(text)).toEqual(expected.json);
  if (expected.code !== undefined) expect(JSON.parse(text).code).toBe(expected.code);
  for (const part of expected.says ?? []) expect(JSON.parse(text).message).toContain(part);
  const after = await scrape(url);
  for (const [series, growth] of Object.entries(expected.delta ?? {})) {
    expect({ series, growth: seriesValue(after, series) - seriesValue(before, series) }).toEqual({ series, growth });
  }
  if (expected.unchanged) expect(pushedSeries(after)).toEqual(pushedSeries(before));
}

function seriesValue(exposition: Exposition, series: string): number {
  const [, name = "", labels = ""] = /^([^{]+)\{(.*)\}$/.exec(series) ?? [];
  const pairs = [...labels.matchAll(/([^=,]+)="([^"]*)"/g)].map(([, key, value]) => [key, value]);
  return exposition.value(name, Object.fromEntries(pairs)) ?? 0;
}

function pushedSeries(exposition: Exposition): unknown {
  return exposition.families.get("page_ready_duration_seconds")?.series;
}
