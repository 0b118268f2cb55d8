/** What is posted, by column. */
import { actionFields, input } from "../harness/wire.ts";

export const metric = "page_ready_duration_seconds";

export const columns = ["JSON, 1", "JSON, 100", "protobuf, 1", "protobuf, 100", "JSON, 100, last bad"] as const;
export type Column = (typeof columns)[number];

export interface Body {
  readonly contentType: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

const numberOf = (index: number) => (index + 1) / 100;

/** `lastPage` is the last action's label. */
export function json(count: number, lastPage = "root"): Body {
  const action = Array.from({ length: count }, (_, index) => {
    return { metric, labels: { page: index === count - 1 ? lastPage : "root" }, number: numberOf(index) };
  });
  return { contentType: "application/json", bytes: new TextEncoder().encode(JSON.stringify({ action })) };
}

export function proto(count: number): Body {
  const actions = Array.from({ length: count }, (_, index) => actionFields(metric, numberOf(index), { page: "root" }));
  return { contentType: "application/proto", bytes: input(...actions) };
}

/** The same number of samples in Prometheus' text format, as the Pushgateway takes them. */
export function text(count: number): Body {
  const lines = Array.from({ length: count }, (_, index) => `pushed{n="${index}"} ${numberOf(index)}\n`);
  const bytes = new TextEncoder().encode(`# TYPE pushed gauge\n${lines.join("")}`);
  return { contentType: "text/plain", bytes };
}

export const bodies: Readonly<Record<Column, Body>> = {
  "JSON, 1": json(1),
  "JSON, 100": json(100),
  "protobuf, 1": proto(1),
  "protobuf, 100": proto(100),
  "JSON, 100, last bad": json(100, "rot"),
};
