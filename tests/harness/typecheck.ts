/** Lets the TypeScript compiler judge data by the types that a package publishes for it. */
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { root } from "./build.ts";

/**
 * JSON cannot hold an enum's member, so `Plain` takes its value; methods, which JSON cannot hold either, are left out, and
 * what a package leaves open stays open.
 */
const plain = `
type Plain<T> = 0 extends 1 & T ? unknown
  : T extends string ? \`\${T}\`
  : T extends (...parameters: never) => unknown ? never
  : T extends readonly (infer Item)[] ? Plain<Item>[]
  : T extends object ? { [Key in keyof T as T[Key] extends (...parameters: never) => unknown ? never : Key]: Plain<T[Key]> }
  : T;
`;

export interface Judged {
  readonly value: unknown;
  /** A type's name, as the imports make it known. */
  readonly type: string;
}

/** The compiler's complaints about values that are not of their type, unknown keys included; empty when all are. */
export function typeErrors(imports: readonly string[], judged: readonly Judged[]): string[] {
  const folder = mkdtempSync(join(tmpdir(), "specta-types-"));
  try {
    const values = judged.map(
      ({ value, type }, index) => `export const value${index}: Plain<${type}> = ${JSON.stringify(value)};`,
    );
    writeFileSync(join(folder, "judged.ts"), [...imports, plain, ...values].join("\n"));
    writeFileSync(
      join(folder, "tsconfig.json"),
      JSON.stringify({
        compilerOptions: {
          strict: true,
          noEmit: true,
          skipLibCheck: true,
          moduleResolution: "bundler",
          module: "Preserve",
          types: [],
          lib: ["ESNext", "DOM"],
        },
        files: ["judged.ts"],
      }),
    );
    symlinkSync(join(root, "node_modules"), join(folder, "node_modules"));
    const ran = Bun.spawnSync([join(root, "node_modules/.bin/tsc"), "--pretty", "false", "-p", folder], {
      cwd: folder,
    });
    const lines = ran.stdout
      .toString()
      .split("\n")
      .filter((line) => line !== "");
    if (ran.exitCode !== 0 && lines.length === 0) throw new Error(`the compiler failed: ${ran.stderr}`);
    return lines;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
