/** A user's own handler in the compiled binary, far from specta's sources: the example, and what a file may be made of. */
import { afterAll, expect, test } from "bun:test";
import { chmodSync, cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { compiled, root } from "../harness/build.ts";
import { type Daemon, scrape, startDaemon } from "../harness/daemon.ts";

const folder = mkdtempSync(join(tmpdir(), "specta-own-handler-"));
const readOnly: string[] = [];
afterAll(() => {
  for (const path of readOnly) chmodSync(path, 0o755);
  rmSync(folder, { recursive: true, force: true });
});

/** A service that answers with the text that stands in `answer` and keeps the tokens that it was asked with. */
function queues() {
  const service = { answer: '{ "mail": 3, "video": 0 }', tokens: [] as (string | null)[] };
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch(request) {
      service.tokens.push(request.headers.get("Authorization"));
      return new Response(service.answer);
    },
  });
  return { service, port: String(server.port), [Symbol.dispose]: () => void server.stop(true) };
}

function check(config: string, env: Readonly<Record<string, string>>) {
  const ran = Bun.spawnSync([compiled(), "check", config], { env, cwd: "/" });
  return { code: ran.exitCode, out: ran.stdout.toString(), err: ran.stderr.toString() };
}

/** Waits for the next execution of the handler to be logged. */
async function executed(daemon: Daemon, success: string): Promise<void> {
  await daemon.line("instrumented worker handler", { handler: "queue", success });
}

test("the example is checked, runs, reports, and fails as it says", async () => {
  const example = join(folder, "example");
  cpSync(join(root, "examples/handler"), example, { recursive: true });
  readOnly.push(example, join(example, "handlers"));
  for (const path of readOnly) chmodSync(path, 0o555);
  using stub = queues();
  const config = join(example, "specta.yaml");
  const env = { SPECTA_ENVIRONMENT: "production", QUEUE_PORT: stub.port, SPECTA_CONFIG: config, SPECTA_HTTP_PORT: "0" };

  const inactive = check(config, env);
  expect(inactive).toMatchObject({ code: 0, err: "" });
  expect(inactive.out).toMatch(/queue\tinactive\tits active\(\) returned false/);
  const active = check(config, { ...env, QUEUE_TOKEN: "t0ken" });
  expect(active).toMatchObject({ code: 0, err: "" });
  expect(active.out).toMatch(/queue\tactive\t.*reports queue_depth, cooler 2s, timeout 5s/);

  await using daemon = await startDaemon({ binary: compiled(), env: { ...env, QUEUE_TOKEN: "t0ken" } });
  await executed(daemon, "true");
  const first = await scrape(daemon.url);
  expect(first.value("queue_depth", { env: "production", queue: "mail" })).toBe(3);
  expect(first.value("queue_depth", { env: "production", queue: "video" })).toBe(0);
  expect(new Set(stub.service.tokens)).toEqual(new Set(["Bearer t0ken"]));

  stub.service.answer = '{ "mail": 5 }';
  await executed(daemon, "false");
  const second = await scrape(daemon.url);
  expect(second.value("queue_depth", { env: "production", queue: "mail" })).toBe(5);
  expect(second.value("queue_depth", { env: "production", queue: "video" })).toBe(0);
  const failed = await daemon.line("worker execution failed", { handler: "queue" });
  const { description } = failed.stack as { readonly description: string };
  expect(description).toBe(`1 target failed: video: http://127.0.0.1:${stub.port}/depths.json does not know it`);
  expect(await daemon.stop()).toMatchObject({ code: 0 });
});

test("a file may have enums, relative imports, npm packages and a class as its default export; it sees its own variables alone", async () => {
  const own = join(folder, "own");
  const packaged = join(own, "node_modules/@acme/thermometer");
  mkdirSync(join(packaged, "lib"), { recursive: true });
  writeFileSync(
    join(packaged, "package.json"),
    '{ "name": "@acme/thermometer", "type": "module", "exports": { ".": { "import": "./lib/main.js" } } }',
  );
  writeFileSync(join(packaged, "lib/main.js"), 'import { warm } from "./warm.js"; export const read = () => warm;');
  writeFileSync(join(packaged, "lib/warm.js"), "export const warm = 21.5;");
  writeFileSync(join(own, "places.ts"), 'export enum Place { Cellar = "cellar", Roof = "roof" }');
  writeFileSync(
    join(own, "temperature.ts"),
    `import { read } from "@acme/thermometer";
    import { Place } from "./places";
    type Seen = Readonly<Record<string, string | undefined>>;
    class Temperature {
      metrics = { temperature: { kind: "gauge", help: "x", labels: { place: [Place.Cellar, Place.Roof] } } } as const;
      #runs = 0;
      cooler() { return "100ms"; }
      ensure(context: { with: { add: number }; log: (level: string, message: string, keys: Seen) => void }) {
        this.#runs += 1;
        context.log("info", "seen", { variables: Object.keys(process.env).sort().join(), env: JSON.stringify(Bun.env) });
        return [{ metric: "temperature", labels: { place: Place.Roof }, number: read() + context.with.add + 0 * this.#runs }];
      }
    }
    export default new Temperature() satisfies object;`,
  );
  const config = JSON.stringify({
    handlers: { temperature: { file: join(own, "temperature.ts"), env: ["PLACE", "UNSET"], with: { add: 1 } } },
  });
  await using daemon = await startDaemon({
    binary: compiled(),
    config,
    env: { PLACE: "roof", SECRET: "s3cret", SPECTA_GITHUB_TOKEN: "gh-t0ken" },
  });
  const seen = await daemon.line("seen");
  expect(seen).toMatchObject({ variables: "PLACE", env: '{"PLACE":"roof"}' });
  await daemon.line("instrumented worker handler", { handler: "temperature", success: "true" });
  const exposition = await scrape(daemon.url);
  expect(exposition.value("temperature", { env: "testing", place: "roof" })).toBe(22.5);
  expect(await daemon.stop()).toMatchObject({ code: 0 });
  expect(await daemon.stdout()).not.toMatch(/s3cret|gh-t0ken/);
});

test("a file that cannot be loaded fails the check, with its place and why", () => {
  const file = join(folder, "broken.ts");
  writeFileSync(file, "export const metrics = {}; export const ensure = 1;");
  const config = join(folder, "broken.yaml");
  writeFileSync(config, JSON.stringify({ handlers: { broken: { file, cooler: "5s" } } }));
  const { code, out } = check(config, { SPECTA_ENVIRONMENT: "testing" });
  expect(code).toBe(1);
  expect(out).toContain(`${file} must export ensure, a function: current value is 1`);
});
