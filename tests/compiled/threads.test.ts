/** The compiled binary with several server threads. */
import { expect, test } from "bun:test";
import { compiled } from "../harness/build.ts";
import { Daemon, push, scrape, startDaemon } from "../harness/daemon.ts";

const metric = "page_ready_duration_seconds";

test("three server threads are one server: exact counts, one liveness, a clean end", async () => {
  await using daemon = await startDaemon({ binary: compiled(), env: { SPECTA_HTTP_THREADS: "3" } });
  const alone = { Connection: "close" };
  const answers = await Promise.all(
    Array.from({ length: 60 }, (_, number) => push(daemon.url, "Histogram", [{ metric, number }], alone)),
  );
  expect(answers.map((answer) => answer.status)).toEqual(Array(60).fill(200));
  for (let turn = 0; turn < 9; turn += 1) {
    const exposition = await scrape(daemon.url, alone);
    expect(exposition.value(`${metric}_count`, { env: "testing" })).toBe(60);
    expect(exposition.value(`${metric}_sum`, { env: "testing" })).toBe((59 * 60) / 2);
    expect(await (await fetch(daemon.url, { headers: alone })).text()).toBe("OK\n");
  }
  expect(await daemon.stop()).toEqual({ code: 0, signal: null });
});

test("a second daemon on the port of one with threads fails loudly", async () => {
  await using daemon = await startDaemon({ binary: compiled(), env: { SPECTA_HTTP_THREADS: "2" } });
  const { port } = new URL(daemon.url);
  await using second = new Daemon({ binary: compiled(), env: { SPECTA_HTTP_THREADS: "2", SPECTA_HTTP_PORT: port } });
  const complaint = `SPECTA_HTTP_PORT must be a free port: current value is ${port}, in use on 127.0.0.1`;
  expect(await second.stderr()).toContain(complaint);
  expect(await second.exited).toEqual({ code: 1, signal: null });
});
