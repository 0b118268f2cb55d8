/** The token of the build handler: in no reason and no log line, and sent to one host alone. */
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { BuildRig, keysOf, reasonsOf, settings } from "../harness/builds.ts";
import { github, liteKey, nowMs, ok, page1, run, shopKey, two } from "../harness/builds-pair.ts";
import { FakeGitHub, type Fault, refusal } from "../harness/github.ts";

// Each takes a moment; a machine with other work gets more.
setDefaultTimeout(30_000);

describe("the token", () => {
  const token = "ghp_sentinel_4711";

  test.each([
    ["an error that repeats it", refusal(401, `Bad credentials: ${token}`)],
    ["an error that repeats it in a header's form", refusal(500, `authorization: token ${token}`)],
    [
      "a redirect that carries it",
      { kind: "answer", status: 302, body: "", headers: { location: `https://${token}.example.com/` } },
    ],
    [
      "HTML that repeats it",
      { kind: "answer", status: 502, body: `<p>${token}</p>`, headers: { "content-type": "text/html" } },
    ],
    [
      "an odd type that repeats it",
      { kind: "answer", status: 502, body: "x", headers: { "content-type": `text/${token}` } },
    ],
    ["a reset", { kind: "reset" }],
    ["bad JSON", ok(`{"${token}":`)],
    [
      "a run whose date it is",
      ok(`{"total_count":1,"workflow_runs":[{"id":1,"status":"completed","created_at":"${token}"}]}`),
    ],
  ] as readonly (readonly [string, Fault])[])("stays out of reasons and log lines: %s", async (_, fault) => {
    await using fake = await github(token);
    const rig = new BuildRig(fake, two);
    fake.fault = ({ repository }) => (repository === "shop" ? fault : undefined);
    const report = await rig.poll();
    expect(report.failures).toHaveLength(1);
    expect(JSON.stringify([report, rig.lines])).not.toContain(token);
    // The control: it was sent, and the good repository was read with it.
    expect(fake.requests[0]?.headers.authorization).toBe(`token ${token}`);
    expect(keysOf(report)).toEqual([liteKey]);
  });

  test("that no header can hold is not shown either", async () => {
    await using fake = await github("ghp_two\nlines_4711");
    const report = await new BuildRig(fake, two).poll();
    expect(report.failures).toHaveLength(2);
    expect(JSON.stringify(report)).not.toContain("4711");
    expect(fake.requests).toEqual([]);
  });

  test("is not sent to another host, and is to the same one", async () => {
    await using fake = await github(token);
    await using other = await new FakeGitHub({ token, now: () => nowMs }).start();
    other.runs.set("shop", [run(1)]);
    const to = (base: string): Fault => ({
      kind: "answer",
      status: 301,
      body: "",
      headers: { location: `${base}/repositories/1000/actions/runs` },
    });
    const rig = new BuildRig(fake, settings([{ name: "shop", check: "ci" }]));
    fake.fault = ({ path }) => (path.startsWith("/repos/") ? to(other.url) : undefined);
    expect(reasonsOf(await rig.poll())).toEqual([
      `acme/shop: ${page1}: GitHub redirects to another host, which is not followed: ${other.url}`,
    ]);
    expect(other.requests).toEqual([]);
    fake.fault = ({ path }) => (path.startsWith("/repos/") ? to(fake.url) : undefined);
    expect(keysOf(await rig.poll())).toEqual([shopKey]);
    expect(fake.requests.every(({ headers }) => headers.authorization === `token ${token}`)).toBe(true);
  });
});
