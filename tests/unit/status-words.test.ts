import { describe, expect, test } from "bun:test";
import { Html, html } from "../../src/status/html.ts";
import { quantile } from "../../src/status/quantile.ts";
import { redactor } from "../../src/status/redact.ts";
import {
  ago,
  clockTime,
  duration,
  exactTime,
  moment,
  number,
  percent,
  quantity,
  rate,
  span,
} from "../../src/status/words.ts";

const now = Date.UTC(2026, 2, 16, 14, 9, 6) / 1000;

describe("words", () => {
  const pairs: readonly (readonly [written: string, expected: string])[] = [
    [clockTime(now, now), "14:09"],
    [clockTime(now - 86_400, now), "15 Mar 14:09"],
    [clockTime(now - 12 * 86_400, now), "4 Mar 14:09"],
    [clockTime(now - 400 * 86_400, now), "9 Feb 2025"],
    [clockTime(Number.POSITIVE_INFINITY, now), "1 Jan 1970"],
    [exactTime(now), "14:09:06 UTC"],
    [ago(now, now), "just now"],
    [ago(now - 40, now), "40 s ago"],
    [ago(now - 200, now), "3 min ago"],
    [ago(now - 7 * 3600, now), "7 h ago"],
    [ago(now + 90, now), "in 1 min"],
    [span(0), "1 s"],
    [span(47 * 3600), "47 h"],
    [span(61.2 * 86_400), "61 d"],
    [duration(0.0036), "3.6 ms"],
    [duration(0.4204), "420 ms"],
    [duration(1.254), "1.25 s"],
    [duration(161), "2m 41s"],
    [duration(3780), "1h 3m"],
    [number(1_234_567.25), "1,234,567.25"],
    [number(-0.1), "-0.1"],
    [number(0.1 + 0.2), "0.3"],
    [number(1e21), "1e+21"],
    [quantity("queue_depth", 12_000), "12,000"],
    [quantity("disk_used_bytes", 1536), "1.5 KiB"],
    [quantity("wait_seconds", 0.25), "250 ms"],
    [quantity("offset_seconds", -3), "-3"],
    [rate(0), "0 / s"],
    [rate(12.34), "12.3 / s"],
    [rate(0.5), "30 / min"],
    [rate(0.001), "3.6 / h"],
    [percent(1), "100 %"],
    [percent(0.9999), "99.9 %"],
    [percent(0.0001), "0.1 %"],
    [percent(0), "0 %"],
    [percent(0.5), "50 %"],
    [percent(2 / 3), "66.7 %"],
  ];
  test.each(pairs)("%s", (written, expected) => expect(written).toBe(expected));

  test("a moment says all of itself to whoever asks", () => {
    expect(moment(now, "14:09").text).toBe(
      '<time datetime="2026-03-16T14:09:06.000Z" title="2026-03-16 14:09:06 UTC">14:09</time>',
    );
  });
});

test("HTML is escaped unless it was made here", () => {
  const evil = `<script>alert("1" & '2')</script>`;
  expect(html`<p title="${evil}">${evil}${[evil, html`<b>${1}</b>`]}${null}${undefined}</p>`.text).toBe(
    `<p title="${escaped}">${escaped}${escaped}<b>1</b></p>`,
  );
  expect(html`${new Html("<i>")}`.text).toBe("<i>");
});
const escaped = "&lt;script&gt;alert(&quot;1&quot; &amp; &#39;2&#39;)&lt;/script&gt;";

describe("a quantile is estimated as histogram_quantile does", () => {
  // Each was answered by histogram_quantile of Prometheus 2.42 for these buckets.
  const cases: readonly (readonly [
    share: number,
    bounds: number[],
    buckets: number[],
    expected: number | undefined,
  ])[] = [
    [0.5, [1, 2, 4], [0, 0, 0, 0], undefined],
    [0.5, [1, 2, 4], [4, 0, 0, 0], 0.5],
    [0.5, [1, 2, 4], [2, 2, 0, 0], 1],
    [0.95, [1, 2, 4], [2, 2, 0, 0], 1.9],
    [0.5, [1, 2, 4], [0, 0, 0, 3], 4],
    [0.95, [1, 2, 4], [1, 0, 0, 3], 4],
    [0.5, [-1, 1], [4, 0, 0], -1],
    [0.5, [-1, 1], [0, 4, 0], 0],
    [0.75, [1, 2, 4], [1, 0, 3, 0], 3.333333],
  ];
  test.each(cases)("%d of %j in %j", (share, bounds, buckets, expected) => {
    const value = quantile(share, bounds, buckets);
    if (expected === undefined) expect(value).toBeUndefined();
    else expect(value).toBeCloseTo(expected, 5);
  });
});

describe("an error is shown without", () => {
  const variables = { QUEUE_TOKEN: "hunter2-hunter2", QUEUE_URL: "amqp://bob:s%C3%A9same-7@mq:5672/x", SHORT: "on" };
  const settings = { password: "opensesame", depth: 3, nested: [{ apiKey: "key-in-a-list" }], plain: "harmless-text" };
  const redact = redactor(variables, settings);

  test.each([
    ["a variable's value", "401 for hunter2-hunter2", "401 for ${QUEUE_TOKEN}"],
    ["a variable that is a URL", `lost ${variables.QUEUE_URL}`, "lost ${QUEUE_URL}"],
    ["the password in such a URL", "login bob/s%C3%A9same-7", "login bob/${QUEUE_URL}"],
    ["the same, decoded", "login bob/sésame-7", "login bob/${QUEUE_URL}"],
    ["a setting that sounds secret", "refused opensesame", "refused [secret]"],
    ["one in a list", "refused key-in-a-list", "refused [secret]"],
    ["credentials in any URL", "GET https://a:b@x.test/p?q", "GET https://[secret]@x.test/p?q"],
  ])("%s", (_, error, shown) => expect(redact(error)).toBe(shown));

  test.each(["harmless-text", "it is on", "https://x.test/a@b", "plain"])("but with: %s", (text) => {
    expect(redact(text)).toBe(text);
  });
});
