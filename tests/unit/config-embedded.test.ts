import { describe, expect, test } from "bun:test";
import { Problems } from "../../src/base/errors.ts";
import { loadConfig } from "../../src/config/load.ts";
import { loadFile } from "../../src/config/load-file.ts";
import { builtIns } from "../../src/handlers/index.ts";

describe("the embedded default", () => {
  for (const variables of [{}, { SPECTA_HTTP_PORT: "80", SPECTA_HTTP_HOST: "::" }]) {
    test(`is the same with and without the places of its values: ${JSON.stringify(variables)}`, async () => {
      const options = { file: undefined, variables, builtIns };
      expect(await loadConfig(options)).toEqual(loadFile(options));
    });
  }

  test("names the place of what the environment has spoiled", async () => {
    const loading = loadConfig({ file: undefined, variables: { SPECTA_HTTP_PORT: "x y" }, builtIns });
    const thrown: unknown = await loading.catch((error: unknown) => error);
    expect(thrown).toBeInstanceOf(Problems);
    expect((thrown as Problems).problems[0]).toMatch(/^the embedded default:\d+:\d+: handlers\.endpoint\.targets\[0\]/);
  });
});
