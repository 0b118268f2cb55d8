/** Whatever stands in a configuration file: it is loaded or refused with `Problems`, and soon. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import * as v from "valibot";
import { Problems } from "../../src/base/errors.ts";
import { maxConfigBytes, maxConfigProblems } from "../../src/base/limits.ts";
import { parseEnvFile } from "../../src/config/envfile.ts";
import { readEnvironment } from "../../src/config/environment.ts";
import type { BuiltInShape } from "../../src/config/handlers.ts";
import { loadFile } from "../../src/config/load-file.ts";
import { builtIns } from "../fixtures/config/built-ins.ts";

/** Cases of each kind. More, or others, are asked for by these variables. */
const numRuns = Number(process.env.SPECTA_TEST_RUNS ?? 400);
const seed = Number(process.env.SPECTA_TEST_SEED ?? 20_250_704);

setDefaultTimeout(Math.max(60_000, numRuns * 20));

/** For one file of the largest size, on a slow and busy machine; most take a fiftieth. */
const longestMs = 15_000;

let file: string;
beforeAll(() => {
  file = join(mkdtempSync(join(tmpdir(), "specta-garbage-")), "specta.yaml");
});
afterAll(() => rmSync(join(file, ".."), { recursive: true }));

/** The number of problems; anything but `Problems` fails the test. */
function refusals(content: string | Uint8Array, handlers: readonly BuiltInShape[] = builtIns): number {
  writeFileSync(file, content);
  const start = performance.now();
  try {
    loadFile({ file, variables: { A: "1", B: "x" }, builtIns: handlers });
    return 0;
  } catch (error) {
    if (!(error instanceof Problems)) throw error;
    expect(error.problems.length).toBeWithin(1, maxConfigProblems + 2);
    for (const problem of error.problems) {
      expect(problem.startsWith(file)).toBe(true);
      expect(problem).not.toContain("\n");
      expect(problem).not.toContain("undefined");
      expect(problem).not.toContain("[object");
    }
    return error.problems.length;
  } finally {
    expect(performance.now() - start).toBeLessThan(longestMs);
  }
}

const key = fc.constantFrom(
  ...["server", "metrics", "handlers", "endpoint", "stack", "build", "own", "targets", "urls", "names", "file", "with"],
  ...[
    "max_body",
    "cors",
    "origins",
    "push",
    "tokens",
    "tls",
    "rate_limit",
    "burst",
    "kind",
    "help",
    "labels",
    "buckets",
  ],
  ...["cooler", "environments", "constructor", "prototype", "toString", "a_total", "__proto__", "service", "status"],
);
const scalar = fc.oneof(
  fc.constantFrom(
    null,
    true,
    "5s",
    "64KiB",
    "${A}",
    "${B}",
    "${C}",
    "$${",
    "${",
    "*",
    "counter",
    "histogram",
    "staging",
  ),
  fc.integer(),
  fc.double(),
  fc.string(),
);
const { tree } = fc.letrec((tie) => ({
  tree: fc.oneof({ maxDepth: 6 }, scalar, fc.dictionary(key, tie("tree")), fc.array(tie("tree"), { maxLength: 4 })),
}));
const section = fc.record(
  {
    server: fc.dictionary(key, tree),
    metrics: fc.dictionary(key, fc.dictionary(key, tree)),
    handlers: fc.dictionary(key, fc.dictionary(key, tree)),
  },
  { requiredKeys: [] },
);

describe("a configuration of", () => {
  test("text", () =>
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 200 }), (text) => void refusals(text)),
      {
        numRuns,
        seed,
      },
    ));

  test("bytes", () =>
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => void refusals(bytes)),
      { numRuns, seed },
    ));

  test("the signs of YAML", () => {
    const sign = fc.constantFrom(
      ..."{}[]:,-?&*!|>'\"%@`#$ \n\tab1~<=".split(""),
      "${A}",
      "---\n",
      "&a ",
      "*a ",
      "<<: ",
      ": ",
    );
    fc.assert(
      fc.property(fc.array(sign, { maxLength: 60 }), (signs) => void refusals(signs.join(""))),
      { numRuns, seed },
    );
  });

  test("values of every kind in places of every kind", () => {
    let accepted = 0;
    let refused = 0;
    fc.assert(
      fc.property(fc.oneof(tree, section), (value) => {
        if (refusals(JSON.stringify(value) ?? "") === 0) accepted += 1;
        else refused += 1;
      }),
      { numRuns, seed },
    );
    expect(accepted).toBeGreaterThan(0);
    expect(refused).toBeGreaterThan(0);
  });
});

test("control: a fault of our own is not taken for a refusal", () => {
  const [one] = builtIns;
  const broken = v.custom(() => {
    throw new TypeError("a fault of our own");
  });
  const handlers = [{ ...one!, schema: broken }];
  expect(() => refusals(`handlers: { ${one!.name}: {} }`, handlers)).toThrow("a fault of our own");
});

describe("a file of the largest size of", () => {
  const fill = (part: string) => part.repeat(Math.floor(maxConfigBytes / part.length));
  const keys = Array.from({ length: 20_000 }, (_, index) => `k${index}: 1`).join("\n");
  test.each([
    ["open lists", fill("[")],
    ["open maps", fill("{a: ")],
    ["nested dashes", fill("- ")],
    ["closed lists", fill("[]")],
    ["keys", keys],
    ["colons", fill(": ")],
    ["items of a list", `[${fill("a,").slice(2)}]`],
    ["directives", fill("%A\n")],
    ["variables", `a: "${fill("${A}").slice(8)}"`],
    ["unset variables", `handlers: { own: { file: a, with: "${fill("${C}").slice(64)}" } }`],
    ["broken variables", `a: "${fill("${").slice(8)}"`],
    ["aliases of a large list", `a: &a [${"x,".repeat(50_000)}]\nb: [${"*a,".repeat(40_000)}]`],
    ["tags", fill("- !x y\n")],
  ])("%s is refused, and soon", (_, text) => {
    expect(text.length).toBeWithin(100_000, maxConfigBytes + 1);
    expect(refusals(text)).toBeGreaterThan(0);
  });
});

test("an environment file of any text is read or has problems, and no value is in them", () => {
  const sign = fc.constantFrom(..."AB=\"'\\#$ \n\r".split(""), "export ", "A=", "\n");
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.array(sign).map((signs) => signs.join("")),
      ),
      (text) => {
        const { variables, problems } = parseEnvFile(text);
        for (const name of Object.keys(variables)) expect(name).toMatch(/^[A-Za-z_][A-Za-z0-9_]*$/);
        for (const problem of problems) expect(problem).toMatch(/^\d+: must [a-zA-Z= ]+$/);
      },
    ),
    { numRuns, seed },
  );
});

test("an environment of any text is read or refused with Problems", () => {
  const name = fc.constantFrom(
    ...["SPECTA_ENVIRONMENT", "SPECTA_HTTP_HOST", "SPECTA_HTTP_PORT", "SPECTA_HTTP_THREADS", "SPECTA_DRAIN_SECONDS"],
    ...["SPECTA_RUN_SERVER", "SPECTA_GITHUB_TOKEN", "SPECTA_GITHUB_URL", "SPECTA_DATABASE_URL", "AWS_REGION"],
  );
  fc.assert(
    fc.property(fc.dictionary(name, fc.string()), (variables) => {
      try {
        const { httpPort, drainMs } = readEnvironment({ SPECTA_ENVIRONMENT: "testing", ...variables });
        expect(httpPort).toBeWithin(0, 65_536);
        expect(drainMs).toBeWithin(0, 3_600_001);
      } catch (error) {
        if (!(error instanceof Problems)) throw error;
        expect(error.problems.length).toBeGreaterThan(0);
      }
    }),
    { numRuns, seed },
  );
});
