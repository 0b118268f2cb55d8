/** The rules of the house that a reader of the source tree can hold: each takes a file and says what is wrong in it. */
import { dirname, join, normalize } from "node:path";

/** What the source folders may import beside themselves, `types` only as types; what is not here may not be. */
export const mayImport: Readonly<
  Record<string, { readonly code: readonly string[]; readonly types?: readonly string[] }>
> = {
  base: { code: [] },
  gen: { code: [] },
  metrics: { code: ["base"] },
  config: { code: ["base", "metrics"] },
  handlers: { code: ["base", "metrics", "config"] },
  ledger: { code: ["base", "metrics"], types: ["handlers"] },
  worker: { code: ["base", "metrics", "config", "handlers", "ledger"] },
  status: { code: ["base", "metrics", "config"], types: ["handlers", "worker"] },
  server: { code: ["base", "metrics", "config", "gen"] },
  dashboard: { code: ["base", "metrics", "config"], types: ["handlers"] },
  alerts: { code: ["base", "metrics", "config", "dashboard"], types: ["handlers"] },
  commands: {
    code: ["base", "metrics", "config", "handlers", "ledger", "worker", "status", "server", "dashboard", "alerts"],
  },
  // It plays three roles, and each begins in a folder of its own.
  "main.ts": { code: ["commands", "server", "worker"] },
};

/** Everything that may stand at the top. */
const top = new Set([
  ...[".ci", ".github", "examples", "proto", "src", "tests"],
  ...[".dockerignore", ".editorconfig", ".gitattributes", ".gitignore", "Dockerfile", "LICENSE"],
  ...["ARCHITECTURE.md", "CONTRIBUTING.md", "README.md", "SECURITY.md"],
  ...["biome.json", "bun.lock", "bunfig.toml", "package.json", "tsconfig.json"],
]);

const maxLines = 400;

/** What a program wrote has its own form. */
const generated = /^(?:src|tests\/[\w-]+)\/gen\//;

interface TextRule {
  readonly says: string;
  readonly pattern: RegExp;
  /** The files it looks at. */
  readonly files: RegExp;
}

const code = /^(?:src|tests|examples)\/.*\.ts$/;
const source = /^src\/.*\.ts$/;
const tests = /^tests\/.*\.ts$/;

const textRules: readonly TextRule[] = [
  { says: "work that is left for later", pattern: /\b(?:TO[D]O|FIX[M]E|X{3})\b/, files: /./ },
  { says: "a path of one machine", pattern: /(?<![\w.])\/(?:work|farm|root)\//, files: /./ },
  {
    says: "a check that is switched off",
    pattern: /@ts-(?:ignore|expect-error|nocheck)/,
    files: code,
  },
  { says: "an enum", pattern: /^\s*(?:export\s+)?(?:const\s+)?enum\s/, files: code },
  { says: "an error that is swallowed", pattern: /\bcatch\s*(?:\([^)]*\)\s*)?\{\s*\}/, files: code },
  {
    says: "an error that is swallowed",
    pattern: /\.catch\(\s*\(\w*\)\s*=>\s*(?:\{\s*\}|undefined|null)\s*\)/,
    files: source,
  },
  { says: "a test that does not run", pattern: /\.(?:skip|todo|only)\(/, files: tests },
  {
    says: "a test that may not run",
    pattern: /\.(?:skipIf|todoIf|if)\(/,
    files: /^tests\/(?!harness\/tools\.ts$).*\.ts$/,
  },
  {
    says: "a wait for time instead of an event",
    pattern: /\bsetTimeout\([^,\n]*,\s*[\d_]{3,}\)|\bsleep(?:Sync)?\(\s*[\d_]{3,}\s*\)/,
    files: tests,
  },
  {
    says: "a socket that listen.ts does not open",
    pattern: /\bBun\.(?:serve|listen)\(/,
    files: /^src\/(?!server\/listen\.ts$)/,
  },
];

export interface SourceFile {
  /** From the top of the checkout. */
  readonly path: string;
  readonly text: string;
}

/** What is wrong in a file, one line each; empty when nothing is. */
export function tidy(file: SourceFile): string[] {
  if (file.path === "bun.lock" || generated.test(file.path)) return [];
  if (file.path.endsWith(".png")) return atTheTop(file);
  return [...atTheTop(file), ...inTheText(file), ...inItsSize(file), ...inItsImports(file)];
}

function atTheTop({ path }: SourceFile): string[] {
  const [first = ""] = path.split("/");
  return top.has(first) ? [] : [`${path}: ${first} has no place at the top`];
}

function inTheText({ path, text }: SourceFile): string[] {
  return textRules.flatMap(({ says, pattern, files }) => {
    if (!files.test(path)) return [];
    return [...text.matchAll(new RegExp(pattern, "gm"))].map((match) => {
      const line = text.slice(0, match.index).split("\n").length;
      return `${path}:${line}: ${says}: ${match[0].trim()}`;
    });
  });
}

function inItsSize({ path, text }: SourceFile): string[] {
  const lines = text.split("\n").length - 1;
  return code.test(path) && lines > maxLines ? [`${path}: ${lines} lines, at most ${maxLines} may be`] : [];
}

function inItsImports({ path, text }: SourceFile): string[] {
  if (!source.test(path)) return [];
  const owner = folderOf(path);
  const allowed = mayImport[owner];
  if (allowed === undefined) return [`${path}: ${owner} is no folder of the house`];
  return imports(text).flatMap(({ name, isType }) => {
    if (!name.startsWith(".")) return [];
    const target = normalize(join(dirname(path), name));
    const folder = target.startsWith("src/") ? folderOf(target) : "";
    const may = folder === owner || allowed.code.includes(folder) || (isType && allowed.types?.includes(folder));
    return may ? [] : [`${path}: ${owner} may not import ${target}`];
  });
}

function folderOf(path: string): string {
  return path.split("/")[1] ?? "";
}

/** The names of all imports, dynamic ones included, and whether they are of types alone. */
function imports(text: string): { name: string; isType: boolean }[] {
  const pattern = /\b(?:(?:import|export)\s+(type\s)?[^;"]*?from\s*|import\s*\(?\s*)"([^"]+)"/g;
  return [...text.matchAll(pattern)].map(([, type, name = ""]) => ({ name, isType: type !== undefined }));
}
