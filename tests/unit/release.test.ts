/** The files that build, check and release: what they say is read here, as no test can run them. */
import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import * as v from "valibot";
import { root } from "../harness/build.ts";
import { findings } from "../harness/image.ts";

const Step = v.object({
  uses: v.optional(v.string()),
  run: v.optional(v.string()),
  with: v.optional(v.record(v.string(), v.unknown()), {}),
});
const Workflow = v.object({
  on: v.record(v.string(), v.unknown()),
  permissions: v.record(v.string(), v.string()),
  jobs: v.record(
    v.string(),
    v.object({
      if: v.optional(v.string()),
      permissions: v.optional(v.record(v.string(), v.string())),
      env: v.optional(v.record(v.string(), v.string()), {}),
      steps: v.array(Step),
    }),
  ),
});

function read(path: string): string {
  return readFileSync(join(root, path), "utf8");
}

function workflow(name: string) {
  return v.parse(Workflow, Bun.YAML.parse(read(`.github/workflows/${name}`)));
}

const [check, release] = [workflow("check.yaml"), workflow("release.yaml")];

test("every push runs the gate", () => {
  expect(check.on).toEqual({ push: null });
  expect(check.jobs.gate?.steps.map(({ run }) => run)).toContain(".ci/run");
});

test("the image is pushed on version tags and on every branch but Dependabot's", () => {
  expect(release.on).toEqual({ push: { tags: ["v*.*.*"], "branches-ignore": ["dependabot/**"] } });
  expect(release.jobs.image?.if).toBeUndefined();
});

test("the image goes to ECR under the tag or the full sha, and never as latest", () => {
  const { env, steps } = release.jobs.image!;
  const push = steps.find(({ uses }) => uses?.startsWith("docker/build-push-action@"))?.with;
  expect(env).toEqual({
    REGISTRY: "${{ secrets.AWS_ACCOUNT_NUMBER }}.dkr.ecr.${{ secrets.AWS_REGION }}.amazonaws.com",
  });
  expect(push).toEqual({
    context: ".",
    platforms: "linux/amd64,linux/arm64",
    push: true,
    tags: "${{ env.REGISTRY }}/${{ github.event.repository.name }}:${{ github.ref_type == 'tag' && github.ref_name || github.sha }}",
    "build-args": "SHA=${{ github.sha }}\nTAG=${{ github.ref_name }}\n",
    sbom: true,
    provenance: "mode=max",
  });
});

test("a release gets binaries for both platforms, their sums, an SBOM and provenance", () => {
  const { if: condition, steps } = release.jobs.binaries!;
  expect(condition).toBe("github.ref_type == 'tag'");
  const script = steps.map(({ run }) => run ?? "").join("\n");
  for (const part of ["for arch in x64 arm64", "sha256sum", "npm sbom", "gh release upload"])
    expect(script).toContain(part);
  expect(steps.map(({ uses }) => uses?.split("@")[0])).toContain("actions/attest-build-provenance");
});

test("only the job that attaches files may write, and no other secret is asked for", () => {
  for (const { permissions, jobs } of [check, release]) {
    expect(permissions).toEqual({ contents: "read" });
    for (const [name, job] of Object.entries(jobs)) if (name !== "binaries") expect(job.permissions).toBeUndefined();
  }
  expect(release.jobs.binaries?.permissions).toEqual({ contents: "write", "id-token": "write", attestations: "write" });
  const secrets = new Set(read(".github/workflows/release.yaml").match(/secrets\.\w+/g));
  expect([...secrets].sort()).toEqual([
    "secrets.AWS_ACCESS_KEY_ID",
    "secrets.AWS_ACCOUNT_NUMBER",
    "secrets.AWS_REGION",
    "secrets.AWS_SECRET_ACCESS_KEY",
  ]);
  expect(read(".github/workflows/check.yaml")).not.toContain("secrets.");
});

test("every action is pinned to a commit", () => {
  const uses = [check, release].flatMap(({ jobs }) =>
    Object.values(jobs).flatMap(({ steps }) => steps.flatMap((step) => step.uses ?? [])),
  );
  expect(uses.length).toBeGreaterThan(5);
  for (const action of uses) expect(action).toMatch(/^[\w-]+\/[\w-]+@[0-9a-f]{40}$/);
});

test("Dependabot looks at packages, images and actions each week", () => {
  const Dependabot = v.object({
    version: v.literal(2),
    updates: v.array(
      v.object({ "package-ecosystem": v.string(), schedule: v.object({ interval: v.literal("weekly") }) }),
    ),
  });
  const { updates } = v.parse(Dependabot, Bun.YAML.parse(read(".github/dependabot.yml")));
  expect(updates.map((update) => update["package-ecosystem"])).toEqual(["bun", "docker", "github-actions"]);
});

test("the image is distroless, runs unprivileged, and holds one file more than its base", () => {
  const lines = read("Dockerfile").split("\n");
  const final = lines.slice(lines.findLastIndex((line) => line.startsWith("FROM"))).filter((line) => line !== "");
  expect(final).toEqual([
    "FROM gcr.io/distroless/base-debian12:nonroot",
    "COPY --from=build /build/dist/specta /image/specta",
    "WORKDIR /image",
    "ENV SPECTA_HTTP_HOST=0.0.0.0 SPECTA_DRAIN_SECONDS=5 SPECTA_LOG_LEVEL=info",
    "EXPOSE 7777",
    "USER 65532:65532",
    'ENTRYPOINT ["/image/specta"]',
  ]);
});

test("one version of Bun stands everywhere", () => {
  const Package = v.object({ engines: v.object({ bun: v.string() }) });
  const { engines } = v.parse(Package, JSON.parse(read("package.json")));
  const places = [".ci/run", "Dockerfile", ".github/workflows/check.yaml", ".github/workflows/release.yaml"];
  const named = places.flatMap((path) => read(path).match(/bun[@:]\d+\.\d+\.\d+/g) ?? []);
  expect(new Set(named.map((text) => text.slice(4)))).toEqual(new Set([engines.bun]));
  expect(Bun.version).toBe(engines.bun);
});

const Dependencies = v.record(v.string(), v.string());
const Package = v.object({ dependencies: Dependencies, devDependencies: Dependencies });
const { dependencies, devDependencies } = v.parse(Package, JSON.parse(read("package.json")));

/** The two tables of ARCHITECTURE.md: what the binary is made of, and what only building and testing need. */
const [, section = ""] = read("ARCHITECTURE.md").split("## Dependencies\n");
const tables = section.split("What building and testing need");

test.each([
  ["dependency", tables[0] ?? "", Object.keys(dependencies)],
  ["development dependency", tables[1] ?? "", Object.keys(devDependencies)],
])("ARCHITECTURE.md says of every %s why it is there, and of no other", (_, table, names) => {
  const rows = [...table.matchAll(/^\| (`[^|]+`) +\| \S.+ \|$/gm)].map(([, packages = ""]) => packages);
  const named = rows.flatMap((row) => row.split(", ")).map((name) => new Bun.Glob(name.replaceAll("`", "")));
  expect(names.length).toBeGreaterThan(5);
  expect(names.filter((name) => !named.some((glob) => glob.match(name)))).toEqual([]);
  expect(named.filter((glob) => !names.some((name) => glob.match(name)))).toEqual([]);
});

test("ARCHITECTURE.md says how many packages the lockfile pins", () => {
  const Lock = v.object({ packages: v.record(v.string(), v.unknown()) });
  const { packages } = v.parse(Lock, Bun.JSONC.parse(read("bun.lock")));
  expect(section).toContain(`${Object.keys(packages).length} packages are pinned in \`bun.lock\` altogether`);
});

test("dependencies are pinned to one version each", () => {
  for (const [name, version] of Object.entries({ ...dependencies, ...devDependencies })) {
    expect(`${name} ${version}`).toMatch(/ \d+\.\d+\.\d+$/);
  }
});

test("a shell or a program of another user in an image is found", () => {
  const listing = [
    "drwxr-xr-x 0/0               0 1970-01-01 00:00 image/",
    "-rwxr-xr-x 0/0       109209776 2026-01-01 10:00 image/specta",
    "drwxrwsr-x 0/50              0 1970-01-01 00:00 var/local/",
    "-rw-r--r-- 0/0               5 1970-01-01 00:00 etc/debian_version",
  ];
  expect(findings(listing.join("\n"))).toEqual([]);
  listing.push(
    "-rwsr-xr-x 0/0           59704 1970-01-01 00:00 usr/bin/su",
    "-rwxr-sr-x 0/42          59704 1970-01-01 00:00 usr/bin/chage",
    "lrwxrwxrwx 0/0               0 1970-01-01 00:00 bin/sh -> dash",
  );
  expect(findings(listing.join("\n"))).toEqual([
    "usr/bin/su is set-user-id: -rwsr-xr-x",
    "usr/bin/chage is set-group-id: -rwxr-sr-x",
    "bin/sh is a shell",
  ]);
});
