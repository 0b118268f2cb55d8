import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Problems } from "../../src/base/errors.ts";
import { parseEnvFile, withEnvFile } from "../../src/config/envfile.ts";

describe("a line", () => {
  test.each([
    ["A=1", "1"],
    ["A = 1 ", "1"],
    ["export A=1", "1"],
    ["\tA=1", "1"],
    ["A=", ""],
    ["A= # nothing", ""],
    ["A=#nothing", ""],
    ["A=a#b", "a#b"],
    ["A=a b # comment", "a b"],
    ["A=a=b", "a=b"],
    ["A='a # b'", "a # b"],
    ["A='a\\nb'", "a\\nb"],
    ["A='a\"b'", 'a"b'],
    ['A="a # b" # comment', "a # b"],
    ['A="a\\nb\\t\\"c\\"\\\\\\$d\\e"', 'a\nb\t"c"\\$d\\e'],
    ['A="two\nlines"', "two\nlines"],
    ["A='two\nlines'", "two\nlines"],
    ["A=$B ${C}", "$B ${C}"],
    ["A=1\nA=2", "2"],
    ["A=ünï", "ünï"],
  ])("%p", (text, value) => expect(parseEnvFile(text)).toEqual({ variables: { A: value }, problems: [] }));
});

test("blank lines, comments and all line ends are fine", () => {
  const text = "# comment\r\n\r\nA=1\r\n  # another\r\nB='x\r\ny'\rC=3";
  expect(parseEnvFile(text)).toEqual({ variables: { A: "1", B: "x\ny", C: "3" }, problems: [] });
});

test("lines after a value of two lines are read on", () => {
  expect(parseEnvFile('A="1\n2"\nB=3\nC="4\n5" # end\nD=6').variables).toEqual({
    A: "1\n2",
    B: "3",
    C: "4\n5",
    D: "6",
  });
});

describe("a line that is none", () => {
  test.each([
    ["hush", ["1: must be NAME=value"]],
    ["A=1\n=hush\nB-C=hush\n9=hush", ["2: must be NAME=value", "3: must be NAME=value", "4: must be NAME=value"]],
    ["A=1\nB='hush\nC=2", ["2: must end with the quote that it begins with"]],
    ['A="1\n2" hush\nhush', ["1: must have nothing but a comment after the closing quote", "3: must be NAME=value"]],
  ])("%p", (text, problems) => expect(parseEnvFile(text).problems).toEqual(problems));
});

describe("the file", () => {
  let folder: string;
  let before: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "specta-envfile-"));
    before = process.cwd();
    process.chdir(folder);
  });
  afterAll(() => {
    process.chdir(before);
    rmSync(folder, { recursive: true });
  });

  test("may be missing when it is the default one, and is read when it is there", () => {
    expect(withEnvFile({ A: "1" }, undefined)).toEqual({ A: "1" });
    writeFileSync(".env", "A=file\nB=file\n");
    expect(withEnvFile({ A: "1" }, undefined)).toEqual({ A: "1", B: "file" });
    rmSync(".env");
  });

  test("may not be missing when it is named", () => {
    const problem = "must be an environment file that can be read: no such file";
    expect(() => withEnvFile({}, ".env")).toThrow(new Problems([`.env ${problem}`]));
    expect(() => withEnvFile({}, "other.env")).toThrow(new Problems([`other.env ${problem}`]));
  });

  test("sets only what the environment does not, and empty counts as set", () => {
    writeFileSync("named.env", "SET=file\nEMPTY=file\nUNSET=file\nABSENT=file\n");
    expect(withEnvFile({ SET: "1", EMPTY: "", UNSET: undefined }, "named.env")).toEqual({
      SET: "1",
      EMPTY: "",
      UNSET: "file",
      ABSENT: "file",
    });
  });

  test("has its problems with path and line, and without what stands there", () => {
    writeFileSync("bad.env", "A=1\nhush-hush\nB='hush-hush\n");
    expect(() => withEnvFile({}, "bad.env")).toThrow(
      new Problems(["bad.env:2: must be NAME=value", "bad.env:3: must end with the quote that it begins with"]),
    );
  });

  test("may not be a folder, nor larger than 64 KiB, nor anything but UTF-8", () => {
    expect(() => withEnvFile({}, ".")).toThrow(". must be an environment file that can be read: it is a folder");
    writeFileSync("large.env", "#".repeat(65_537));
    expect(() => withEnvFile({}, "large.env")).toThrow("it has more than 65536 bytes");
    writeFileSync("large.env", "#".repeat(65_536));
    expect(withEnvFile({}, "large.env")).toEqual({});
    writeFileSync("latin.env", new Uint8Array([0x41, 0x3d, 0xe9]));
    expect(() => withEnvFile({}, "latin.env")).toThrow("it is not UTF-8");
  });
});
