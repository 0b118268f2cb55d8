/** The examples: made anew they are the same, read by what reads them they are right, and they fit together. */
import { expect, test } from "bun:test";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as v from "valibot";
import { parseAllDocuments } from "yaml";
import { loadFile } from "../../src/config/load-file.ts";
import { builtIns } from "../../src/handlers/index.ts";
import { alloyProblems } from "../harness/alloy.ts";
import { root } from "../harness/build.ts";
import { byDefault } from "../harness/monitored.ts";
import { renderedFiles } from "../harness/render.ts";
import { testWith, tool } from "../harness/tools.ts";
import { typeErrors } from "../harness/typecheck.ts";

const examples = join(root, "examples");
const read = (path: string) => readFileSync(join(examples, path), "utf8");
const port = 7777;

/** The documents of a YAML file. @throws when one of them breaks the language or has a key twice. */
function documents(path: string): unknown[] {
  return parseAllDocuments(read(path)).map((document) => {
    const [problem] = [...document.errors, ...document.warnings];
    if (problem) throw new Error(`${path}: ${problem.message}`);
    return document.toJS();
  });
}

function paths(pattern: string): string[] {
  return [...new Bun.Glob(pattern).scanSync({ cwd: examples })].sort();
}

test("what is made from a configuration is fresh: bun tests/harness/render.ts makes it anew", () => {
  for (const [path, text] of renderedFiles()) {
    expect(`${path}\n${readFileSync(join(root, path), "utf8")}`).toBe(`${path}\n${text}`);
  }
});

test("every YAML and JSON file can be read", () => {
  const yaml = paths("**/*.{yaml,yml}");
  expect(yaml).toContain("compose.yaml");
  for (const path of yaml) expect([path, documents(path).length > 0]).toEqual([path, true]);
  const json = paths("**/*.json");
  expect(json).toContain("ecs-task-definition.json");
  for (const path of json) expect(typeof JSON.parse(read(path))).toBe("object");
});

const compose = v.strictObject({
  name: v.string(),
  services: v.record(
    v.string(),
    v.strictObject({
      build: v.optional(v.string()),
      image: v.pipe(v.string(), v.regex(/^[\w./-]+:(?!latest$)[\w.-]+$/)),
      command: v.optional(v.string()),
      environment: v.optional(v.record(v.string(), v.string()), {}),
      // Nothing is open to other machines.
      ports: v.array(v.pipe(v.string(), v.regex(/^127\.0\.0\.1:\d+:\d+$/))),
      volumes: v.optional(v.array(v.string()), []),
      read_only: v.optional(v.boolean()),
      cap_drop: v.optional(v.array(v.string())),
      security_opt: v.optional(v.array(v.string())),
      depends_on: v.optional(v.array(v.string()), []),
      restart: v.literal("unless-stopped"),
      stop_grace_period: v.optional(v.string()),
    }),
  ),
  volumes: v.record(v.string(), v.null()),
});

test("compose.yaml mounts what is there, runs the environment of its rules, and its services know each other", () => {
  const [document] = documents("compose.yaml");
  const { services, volumes } = v.parse(compose, document);
  expect(Object.keys(services)).toEqual(["specta", "prometheus", "grafana"]);
  for (const { volumes: mounts, depends_on: others, build } of Object.values(services)) {
    for (const mount of mounts) {
      const [source = ""] = mount.split(":");
      const isThere = source.startsWith(".") ? existsSync(join(examples, source)) : Object.hasOwn(volumes, source);
      expect([mount, isThere]).toEqual([mount, true]);
    }
    for (const other of others) expect(services).toHaveProperty(other);
    if (build !== undefined) expect(existsSync(join(examples, build, "Dockerfile"))).toBe(true);
  }
  expect(services.specta).toMatchObject({ command: "daemon", read_only: true, ports: [`127.0.0.1:${port}:${port}`] });
  expect(services.specta?.environment.SPECTA_ENVIRONMENT).toBe(byDefault.environment);
  const targets = v.parse(
    v.object({
      scrape_configs: v.tuple([v.object({ static_configs: v.tuple([v.object({ targets: v.array(v.string()) })]) })]),
    }),
    documents("prometheus/prometheus.yml")[0],
  ).scrape_configs[0].static_configs[0].targets;
  expect(targets).toEqual([`specta:${port}`]);
  const sources = v.parse(
    v.object({ datasources: v.tuple([v.object({ type: v.literal("prometheus"), url: v.string() })]) }),
    documents("grafana/provisioning/datasources/prometheus.yaml")[0],
  );
  expect(sources.datasources[0].url).toBe("http://prometheus:9090");
  const provided = v.parse(
    v.object({ providers: v.tuple([v.object({ type: v.literal("file"), options: v.object({ path: v.string() }) })]) }),
    documents("grafana/provisioning/dashboards/specta.yaml")[0],
  );
  expect(services.grafana?.volumes).toContain(`./grafana/dashboards:${provided.providers[0].options.path}:ro`);
});

test("compose.own.yaml replaces what compose.yaml mounts by what the README's five minutes make", () => {
  const override = v.strictObject({
    services: v.record(
      v.string(),
      v.strictObject({ environment: v.optional(v.record(v.string(), v.string()), {}), volumes: v.array(v.string()) }),
    ),
  });
  const { services: own } = v.parse(override, documents("compose.own.yaml")[0]);
  const { services } = v.parse(compose, documents("compose.yaml")[0]);
  const readme = readFileSync(join(root, "README.md"), "utf8");
  const made = [...readme.matchAll(/> (monitoring\/\S+)/g)].map(([, path = ""]) => `../${path}`);
  expect(Object.keys(own)).toEqual(["specta", "prometheus", "grafana"]);
  for (const [name, { environment, volumes }] of Object.entries(own)) {
    for (const mount of volumes) {
      const [source = "", target = "", mode] = mount.split(":");
      const isMade = made.some((path) => path === source || path.startsWith(`${source}/`));
      expect([mount, isMade, mode]).toEqual([mount, true, "ro"]);
      const replaced = services[name]?.volumes.map((other) => other.split(":")[1]) ?? [];
      if (name !== "specta") expect(replaced).toContain(target);
      for (const value of Object.values(environment)) expect(made).toContain(value.replace(target, source));
    }
  }
});

testWith(["promtool"], "promtool takes Prometheus' configuration with its rules, and their tests pass", () => {
  const run = (...args: string[]) => {
    const ran = Bun.spawnSync([tool("promtool"), ...args], { cwd: join(examples, "prometheus") });
    return { exitCode: ran.exitCode, output: `${ran.stdout}${ran.stderr}` };
  };
  const good = { exitCode: 0, output: expect.stringContaining("SUCCESS") };
  expect(run("check", "config", "prometheus.yml")).toEqual(good);
  expect(run("test", "rules", "rules.test.yaml")).toEqual(good);
});

const pod = v.object({
  automountServiceAccountToken: v.literal(false),
  enableServiceLinks: v.literal(false),
  terminationGracePeriodSeconds: v.number(),
  securityContext: v.object({
    runAsNonRoot: v.literal(true),
    runAsUser: v.literal(65532),
    runAsGroup: v.literal(65532),
  }),
  containers: v.tuple([
    v.object({
      image: v.string(),
      args: v.tuple([v.literal("daemon")]),
      env: v.array(v.object({ name: v.string(), value: v.optional(v.string()) })),
      ports: v.tuple([v.object({ name: v.string(), containerPort: v.literal(port) })]),
      readinessProbe: v.object({ httpGet: v.object({ path: v.literal("/"), port: v.string() }) }),
      livenessProbe: v.object({ httpGet: v.object({ path: v.literal("/"), port: v.string() }) }),
      securityContext: v.object({
        allowPrivilegeEscalation: v.literal(false),
        readOnlyRootFilesystem: v.literal(true),
        capabilities: v.object({ drop: v.tuple([v.literal("ALL")]) }),
      }),
      lifecycle: v.optional(v.never()),
      volumeMounts: v.tuple([v.object({ name: v.string(), mountPath: v.string() })]),
    }),
  ]),
  volumes: v.tuple([v.object({ name: v.string(), configMap: v.object({ name: v.string() }) })]),
});

const labels = v.record(v.string(), v.string());
const metadata = v.object({ name: v.string(), labels });
const kubernetes = v.tuple([
  v.object({ kind: v.literal("ConfigMap"), metadata, data: v.object({ "specta.yaml": v.string() }) }),
  v.object({
    kind: v.literal("Deployment"),
    metadata,
    spec: v.object({
      selector: v.object({ matchLabels: labels }),
      template: v.object({ metadata: v.object({ labels }), spec: pod }),
    }),
  }),
  v.object({
    kind: v.literal("Service"),
    metadata,
    spec: v.object({ selector: labels, ports: v.tuple([v.object({ name: v.string(), targetPort: v.string() })]) }),
  }),
  v.object({
    kind: v.literal("ServiceMonitor"),
    spec: v.object({
      selector: v.object({ matchLabels: labels }),
      endpoints: v.tuple([v.object({ port: v.string(), path: v.literal("/metrics") })]),
    }),
  }),
]);

test("kubernetes.yaml: its parts find each other, its configuration is valid, and its pod may do nothing", () => {
  const [configMap, deployment, service, monitor] = v.parse(kubernetes, documents("kubernetes.yaml"));
  const { template, selector } = deployment.spec;
  const [container] = template.spec.containers;
  expect(template.metadata.labels).toMatchObject(selector.matchLabels);
  expect(template.metadata.labels).toMatchObject(service.spec.selector);
  expect(service.metadata.labels).toMatchObject(monitor.spec.selector.matchLabels);
  const [servicePort] = service.spec.ports;
  expect(monitor.spec.endpoints[0].port).toBe(servicePort.name);
  const [containerPort] = container.ports;
  for (const probe of [container.readinessProbe, container.livenessProbe]) {
    expect(probe.httpGet.port).toBe(containerPort.name);
  }
  expect(servicePort.targetPort).toBe(containerPort.name);
  expect(template.spec.volumes[0].configMap.name).toBe(configMap.metadata.name);
  expect(container.volumeMounts[0].name).toBe(template.spec.volumes[0].name);
  const env = Object.fromEntries(container.env.map(({ name, value }) => [name, value]));
  expect(env.SPECTA_CONFIG).toBe(`${container.volumeMounts[0].mountPath}/specta.yaml`);
  expect(template.spec.terminationGracePeriodSeconds).toBeGreaterThan(Number(env.SPECTA_DRAIN_SECONDS) + 10);
  expect(configOf(configMap.data["specta.yaml"]).handlers.map(({ name }) => name)).toEqual(["endpoint"]);
});

function configOf(text: string) {
  const folder = mkdtempSync(join(tmpdir(), "specta-example-"));
  try {
    const file = join(folder, "specta.yaml");
    writeFileSync(file, text);
    return loadFile({ file, variables: { SPECTA_ENVIRONMENT: "production" }, builtIns });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const ecsTypes = ['import type { RegisterTaskDefinitionCommandInput } from "@aws-sdk/client-ecs";'];
const ecsType = "RegisterTaskDefinitionCommandInput";

test("the ECS task definition is what the ECS API takes, and leaves itself time to stop", () => {
  const text = read("ecs-task-definition.json");
  expect(typeErrors(ecsTypes, [{ value: JSON.parse(text), type: ecsType }])).toEqual([]);
  const spoiled = JSON.parse(text.replace("readonlyRootFilesystem", "readOnlyRootFilesystem"));
  expect(typeErrors(ecsTypes, [{ value: spoiled, type: ecsType }])).not.toEqual([]);
  const container = v.parse(
    v.object({
      containerDefinitions: v.tuple([
        v.object({
          user: v.literal("65532:65532"),
          readonlyRootFilesystem: v.literal(true),
          stopTimeout: v.number(),
          environment: v.array(v.object({ name: v.string(), value: v.string() })),
        }),
      ]),
    }),
    JSON.parse(text),
  ).containerDefinitions[0];
  const drain = container.environment.find(({ name }) => name === "SPECTA_DRAIN_SECONDS");
  expect(container.stopTimeout).toBeGreaterThan(Number(drain?.value) + 10);
}, 60_000);

test("Alloy's configuration is well formed, and refers to nothing that it does not declare", () => {
  const text = read("alloy/config.alloy");
  expect(alloyProblems(text)).toEqual([]);
  for (const part of [
    'discovery.dns "specta"',
    'type             = "A"',
    "prometheus.scrape",
    "prometheus.remote_write",
  ]) {
    expect(text).toContain(part);
  }
});

test("a fault in Alloy's configuration is seen", () => {
  const text = read("alloy/config.alloy");
  expect(alloyProblems(text.replace("dns.specta.targets", "dns.spekta.targets"))).toEqual([
    "discovery.dns.spekta is not declared",
  ]);
  expect(alloyProblems(text.replace(/\}\s*$/, ""))).toEqual(["a { is not closed"]);
  expect(alloyProblems(text.replace('"A"', '"A'))).toEqual([expect.stringContaining("is not understood")]);
  expect(alloyProblems(text.replace('"A"', ""))).toEqual([expect.stringContaining("is not understood")]);
});
