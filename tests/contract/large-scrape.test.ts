import { expect, test } from "bun:test";
import { maxGzipAtOnceBytes } from "../../src/base/limits.ts";
import { push } from "../harness/daemon.ts";
import { startTestServer } from "../harness/server.ts";

const values = Array.from({ length: 30_000 }, (_, index) => `value ${index}`);
const pushed = {
  clicks_total: { kind: "counter", help: "clicks", labels: { value: values } },
  seen_total: { kind: "counter", help: "seen" },
} as const;

async function scrape(url: string, coding: string): Promise<Uint8Array> {
  const answer = await fetch(`${url}/metrics`, { headers: { "accept-encoding": coding }, decompress: false });
  expect(answer.headers.get("content-encoding")).toBe(coding === "gzip" ? "gzip" : null);
  return await answer.bytes();
}

/** Without the process's own, which change from scrape to scrape. */
function seriesOf(text: string): string {
  return text.replace(/^(# (HELP|TYPE) )?process_.*\n/gm, "");
}

test("a scrape too large to be compressed at once is the same compressed and plain", async () => {
  await using specta = await startTestServer({ pushed });
  const plain = await scrape(specta.url, "identity");
  expect(plain.length).toBeGreaterThan(maxGzipAtOnceBytes);
  const packed = await scrape(specta.url, "gzip");
  expect(packed.length).toBeLessThan(plain.length / 4);
  const unpacked = new TextDecoder().decode(Bun.gunzipSync(new Uint8Array(packed)));
  expect(seriesOf(unpacked)).toBe(seriesOf(new TextDecoder().decode(plain)));
});

test("pushes are answered while a large scrape is rendered and compressed", async () => {
  await using specta = await startTestServer({ pushed });
  for (const coding of ["identity", "gzip"]) {
    let pushes = 0;
    let isOver = false;
    const scraping = scrape(specta.url, coding).finally(() => {
      isOver = true;
    });
    while (!isOver) {
      expect((await push(specta.url, "Counter", [{ metric: "seen_total", number: 1 }])).status).toBe(200);
      pushes += 1;
    }
    await scraping;
    expect(pushes).toBeGreaterThan(2);
  }
});
