/** A GitHub of two repositories with one run each, for tests of what goes wrong at one of them. */
import { hourMs, minuteMs, settings } from "./builds.ts";
import { FakeGitHub, type FakeRun, type Fault } from "./github.ts";

export const nowMs = Date.parse("2025-07-04T14:09:06Z");
export const page1 = "runs >=2025-07-03T14:00:00Z, page 1";
export const two = settings([
  { name: "shop", check: "ci" },
  { name: "lite", check: "ci" },
]);

export function run(id: number, attempts = 1): FakeRun {
  const createdMs = nowMs - hourMs - id * 1000;
  return {
    id,
    name: "ci",
    path: ".github/workflows/ci.yaml",
    createdMs,
    attempts: Array.from({ length: attempts }, (_, index) => {
      const startedMs = createdMs + index * minuteMs;
      return { startedMs, endedMs: startedMs + 30_000, conclusion: "success" };
    }),
  };
}

export async function github(token?: string): Promise<FakeGitHub> {
  const fake = await new FakeGitHub({ now: () => nowMs, ...(token === undefined ? {} : { token }) }).start();
  fake.runs.set("shop", [run(1)]);
  fake.runs.set("lite", [run(2)]);
  return fake;
}

export const shopKey = "acme/shop/runs/1/attempts/1";
export const liteKey = "acme/lite/runs/2/attempts/1";

/** An answer with status 200 and that body, which is none that GitHub gives. */
export const ok = (body: string): Fault => ({
  kind: "answer",
  status: 200,
  body,
  headers: { "content-type": "application/json", etag: 'W/"bad"' },
});
