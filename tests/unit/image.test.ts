/** What `tests/harness/image.ts` finds in an image: CI runs it over the one that is built, here it reads trees of our own. */
import { afterAll, describe, expect, test } from "bun:test";
import { chmodSync, copyFileSync, linkSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { root } from "../harness/build.ts";
import { run } from "../harness/command.ts";

const folder = mkdtempSync(join(tmpdir(), "specta-image-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

let trees = 0;
/** A tree like the image's. */
function tree(): { readonly add: (path: string, mode?: number) => string; readonly path: string } {
  trees += 1;
  const path = join(folder, `tree-${trees}`);
  const add = (file: string, mode = 0o755) => {
    const whole = join(path, file);
    mkdirSync(dirname(whole), { recursive: true });
    writeFileSync(whole, file);
    chmodSync(whole, mode);
    return whole;
  };
  add("image/specta");
  add("etc/passwd", 0o644);
  add("var/lib/dpkg/status.d/apt", 0o644);
  add("lib/x86_64-linux-gnu/libc.so.6");
  add("usr/share/zoneinfo/UTC", 0o644);
  return { add, path };
}

/** Scans a tree as CI does: packed, listed, read. */
async function scan(path: string) {
  const [archive, listing] = [`${path}.tar`, `${path}.txt`];
  expect((await run(["/usr/bin/tar", "-C", path, "-cf", archive, "."])).code).toBe(0);
  const { stdout } = await run(["/usr/bin/tar", "-tvf", archive]);
  writeFileSync(listing, stdout);
  const { code, stderr } = await run([process.execPath, join(root, "tests/harness/image.ts"), listing]);
  return { code, found: stderr.trimEnd() };
}

test("an image of the binary and its libraries has no finding", async () => {
  expect(await scan(tree().path)).toEqual({ code: 0, found: "" });
});

describe("control: found is", () => {
  const cases: Readonly<Record<string, readonly [change: (image: ReturnType<typeof tree>) => void, found: string]>> = {
    "a shell": [({ add }) => void add("bin/sh"), "./bin/sh is a shell"],
    "a shell by another name's link": [
      ({ path, add }) => {
        add("bin/x");
        symlinkSync("x", join(path, "bin/bash"));
      },
      "./bin/bash is a shell",
    ],
    "a hard link to one": [
      ({ path, add }) => linkSync(add("opt/tool"), join(path, "opt/dash")),
      "./opt/dash is a shell",
    ],
    "a program of busybox": [({ add }) => void add("busybox/busybox"), "./busybox/busybox is a shell"],
    "a package manager": [({ add }) => void add("usr/bin/dpkg"), "./usr/bin/dpkg is a package manager"],
    "a program of another user": [
      ({ add }) => void add("usr/bin/su", 0o4755),
      "./usr/bin/su is set-user-id: -rwsr-xr-x",
    ],
    "one that nobody may run": [({ add }) => void add("usr/bin/su", 0o4644), "./usr/bin/su is set-user-id: -rwSr--r--"],
    "a program of another group": [
      ({ add }) => void add("usr/bin/chage", 0o2755),
      "./usr/bin/chage is set-group-id: -rwxr-sr-x",
    ],
    "a file name with spaces": [({ add }) => void add("a b/sh"), "./a b/sh is a shell"],
    "an image without the binary": [
      ({ path }) => rmSync(join(path, "image/specta")),
      "image/specta is missing: this is no listing of specta's image",
    ],
  };

  test.each(Object.keys(cases))("%s", async (name) => {
    const [change, found] = cases[name]!;
    const image = tree();
    change(image);
    expect(await scan(image.path)).toEqual({ code: 1, found });
  });

  test("this machine's own shell", async () => {
    const image = tree();
    mkdirSync(join(image.path, "bin"));
    copyFileSync("/bin/sh", join(image.path, "bin/sh"));
    expect(await scan(image.path)).toEqual({ code: 1, found: "./bin/sh is a shell" });
  });
});
