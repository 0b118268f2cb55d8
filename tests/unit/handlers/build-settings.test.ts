import { describe, expect, test } from "bun:test";
import * as v from "valibot";
import { build } from "../../../src/handlers/build/index.ts";
import { builtIns } from "../../../src/handlers/index.ts";
import { settings } from "../../harness/builds.ts";

const world = (token?: string) => ({ environment: "testing", variables: { SPECTA_GITHUB_TOKEN: token } });
const shop = { name: "shop", check: "ci" };

function problems(input: unknown): string[] {
  return (v.safeParse(build.schema, input).issues ?? []).map((issue) => `${v.getDotPath(issue)} ${issue.message}`);
}

describe("the settings of the build handler", () => {
  test("fill in the label and the lookback of one day", () => {
    expect(settings([shop, { name: "Lite", label: "splits-lite", image: "release" }])).toEqual({
      organization: "acme",
      lookback: 86_400_000,
      repositories: [
        { name: "shop", label: "shop", check: "ci" },
        { name: "Lite", label: "splits-lite", image: "release" },
      ],
    });
    expect(settings([shop], { lookback: "12h" }).lookback).toBe(12 * 3_600_000);
  });

  test.each([
    [{ lookback: "1 day" }, "lookback must be a duration such as 200ms, 5s or 1m, from 1m to 30d"],
    [{ lookback: "59s" }, "lookback must be a duration such as 200ms, 5s or 1m, from 1m to 30d"],
    [{ lookback: "31d" }, "lookback must be a duration such as 200ms, 5s or 1m, from 1m to 30d"],
    [{ organization: "acme/shop" }, "organization must be the name of a GitHub organization or user"],
    [{ repositories: [] }, "repositories must name at least one repository"],
    [{ repositories: [{ name: "a" }] }, "repositories.0 must have a check or an image workflow, or both"],
    [
      { repositories: [{ name: "a/b", check: "c" }] },
      "repositories.0.name must be the name of a repository, without its organization",
    ],
    [
      { repositories: [{ name: "..", check: "c" }] },
      "repositories.0.name must be the name of a repository, without its organization",
    ],
    [{ repositories: [{ name: "a", check: "" }] }, "repositories.0.check must not be empty"],
    [{ repositories: [shop, { ...shop, name: "SHOP" }] }, "repositories.1.name must not name a repository twice"],
    [
      { repositories: Array.from({ length: 101 }, (_, index) => ({ name: `r${index}`, check: "c" })) },
      "repositories must name at most 100 repositories",
    ],
  ])("%j is refused: %s", (change, problem) => {
    expect(problems({ organization: "acme", repositories: [shop] })).toEqual([]);
    expect(problems({ organization: "acme", repositories: [shop], ...change })).toEqual([problem]);
  });

  test("refuse unknown keys and a missing organization", () => {
    expect(problems({ organization: "acme", repositories: [{ ...shop, chek: "x" }] })).toHaveLength(1);
    expect(problems({ repositories: [shop] })).toHaveLength(1);
  });
});

describe("the build handler", () => {
  test("is one of the built-in ones", () => {
    expect(builtIns.some(({ name }) => name === "build")).toBe(true);
  });

  test("is inactive without a token and active with one", () => {
    expect(build.inactive?.(settings([shop]), world(""))).toBe("SPECTA_GITHUB_TOKEN is empty");
    expect(build.inactive?.(settings([shop]), world())).toBe("SPECTA_GITHUB_TOKEN is empty");
    expect(build.inactive?.(settings([shop]), world("ghp_x"))).toBeUndefined();
  });

  test("sees its token, its address and the way out, and no other secret", () => {
    expect(build.variables).toContain("SPECTA_GITHUB_TOKEN");
    expect(build.variables).toContain("SPECTA_GITHUB_URL");
    const others = build.variables.filter((name) => !name.startsWith("SPECTA_GITHUB_"));
    expect(others.filter((name) => !/proxy$/i.test(name) && !/CERT|TLS/.test(name))).toEqual([]);
  });

  test("says how many targets it has", () => {
    expect(build.describe(settings([shop]), world())).toBe("1 repository");
    expect(build.describe(settings([shop, { ...shop, name: "lite" }]), world())).toBe("2 repositories");
  });

  test("declares its metrics with all labels that are known ahead", () => {
    const two = settings([shop, { ...shop, name: "lite", label: "shop" }, { ...shop, name: "api", label: "server" }]);
    const labels = {
      platform: ["github"],
      repository: ["shop", "server"],
      success: ["false", "true"],
      workflow: ["check", "image"],
    };
    expect(build.metrics(two, world())).toEqual({
      build_execution_total: { kind: "counter", help: "the total amount of build container executions", labels },
      build_execution_duration_seconds: {
        kind: "histogram",
        help: "the time it takes for build container executions to complete",
        labels,
        buckets: [30, 60, 90, 120, 150, 180, 210, 240, 270, 300],
      },
      github_rate_limit_remaining: { kind: "gauge", help: expect.any(String) },
    });
  });

  test("refuses an address that is none", async () => {
    const { create } = await build.load();
    const at = (url: string) => () =>
      create(settings([shop]), {
        environment: "testing",
        variables: { SPECTA_GITHUB_TOKEN: "ghp_x", SPECTA_GITHUB_URL: url },
      });
    expect(at("https://github.example.com/api/v3/")).not.toThrow();
    expect(at("")).not.toThrow();
    expect(at("github.example.com")).toThrow(
      'SPECTA_GITHUB_URL must be an http or https URL: current value is "github.example.com"',
    );
    expect(at("ftp://github.example.com")).toThrow("SPECTA_GITHUB_URL must be an http or https URL");
  });
});
