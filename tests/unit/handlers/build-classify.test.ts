import { describe, expect, test } from "bun:test";
import { endedOf, keyOf, type Run, workflowOf } from "../../../src/handlers/build/classify.ts";
import type { Repository } from "../../../src/handlers/build/settings.ts";

const shop: Repository = { name: "Shop", label: "shop", check: "go-build", image: "Docker Push" };
const run: Run = {
  id: 81,
  attempt: 2,
  name: "Go Build",
  path: ".github/workflows/go-build.yaml",
  completed: true,
  success: true,
  createdMs: 1000,
  startedMs: 5000,
  updatedMs: 47_500,
};

describe("which workflow a run belongs to", () => {
  test.each([
    ["its file's name", "Go Build", ".github/workflows/go-build.yaml", "check"],
    ["its file's name with the other ending", "x", ".github/workflows/go-build.yml", "check"],
    ["its file's name before a reference", "x", ".github/workflows/go-build.yaml@refs/heads/a/b.yaml", "check"],
    ["its own name", "go-build", ".github/workflows/main.yaml", "check"],
    ["its own name with a space", "Docker Push", ".github/workflows/main.yaml", "image"],
    ["nothing", "Go Build", ".github/workflows/main.yaml", undefined],
    ["nothing: the ending is no part of the name", "x", ".github/workflows/go-build", "check"],
    ["nothing: another file that begins so", "x", ".github/workflows/go-build-2.yaml", undefined],
    ["nothing: other letters", "GO-BUILD", ".github/workflows/Go-Build.yaml", undefined],
    ["nothing: no name and no path", "", "", undefined],
  ])("is told by %s", (_, name, path, workflow) => {
    expect(workflowOf({ name, path }, shop)).toBe(workflow as "check" | "image" | undefined);
  });

  test("is check when it is both", () => {
    expect(workflowOf({ name: "ci", path: "" }, { name: "a", label: "a", check: "ci", image: "ci" })).toBe("check");
    expect(workflowOf({ name: "ci", path: "" }, { name: "a", label: "a", image: "ci" })).toBe("image");
  });

  test("is never one that is not configured", () => {
    expect(workflowOf({ name: "", path: "" }, { name: "a", label: "a", image: "ci" })).toBeUndefined();
  });
});

describe("what a run adds", () => {
  test("is one execution and its seconds since this attempt began", () => {
    const labels = { platform: "github", repository: "shop", success: "true", workflow: "check" };
    expect(endedOf("key", run, "check", shop)).toEqual({
      key: "key",
      createdMs: 1000,
      endedMs: 47_500,
      line: {
        message: "instrumented build container",
        keys: { latency: "42.5s", repository: "shop", run: "81", success: "true" },
      },
      samples: [
        { metric: "build_execution_total", labels, number: 1 },
        { metric: "build_execution_duration_seconds", labels, number: 42.5 },
      ],
    });
  });

  test("is never a negative time", () => {
    const [, duration] = endedOf("key", { ...run, updatedMs: 4000 }, "check", shop).samples;
    expect(duration?.number).toBe(0);
  });

  test("has a key of its own for each attempt and repository, however the names are written", () => {
    expect(keyOf("Acme", shop, 81, 2)).toBe("acme/shop/runs/81/attempts/2");
    expect(keyOf("acme", { ...shop, name: "lite" }, 81, 2)).not.toBe(keyOf("acme", shop, 81, 2));
    expect(keyOf("acme", shop, 81, 1)).not.toBe(keyOf("acme", shop, 81, 2));
  });
});
