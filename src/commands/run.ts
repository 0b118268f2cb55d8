import type { ArgsDef } from "citty";
import { Misuse, messageOf, Problems } from "../base/errors.ts";
import { nearest } from "../base/nearest.ts";
import type { Arguments, Command } from "./command.ts";
import { commandHelp, generalHelp } from "./help.ts";
import { commands } from "./index.ts";
import { print, Unwritable } from "./print.ts";

const exitFailure = 1;
const exitMisuse = 2;

/** Runs what the command line says and returns the exit code: 0, 1 for a failure, 2 for a misuse of the command line. */
export async function run(args: readonly string[]): Promise<number> {
  try {
    return await dispatch(args);
  } catch (thrown) {
    if (thrown instanceof Misuse) return complain(exitMisuse, [thrown.message]);
    if (thrown instanceof Problems) return complain(exitFailure, thrown.problems);
    if (thrown instanceof Unwritable && thrown.isUnread) return exitFailure;
    return complain(exitFailure, [messageOf(thrown)]);
  }
}

function complain(code: number, lines: readonly string[]): number {
  process.stderr.write(lines.map((line) => `specta: ${line}\n`).join(""));
  return code;
}

async function dispatch(args: readonly string[]): Promise<number> {
  const [first, ...rest] = args;
  if (first === undefined || isHelp(first)) return await printHelp(generalHelp(commands), rest, first ?? "specta");
  if (first === "help") return await help(rest);
  if (first.startsWith("-")) throw new Misuse(unknown("flag", first, ["--help"], "specta"));
  const command = find(first);
  if (helpWanted(rest)) return await printHelp(commandHelp(command), [], command.name);
  const given = await parse(command, rest);
  const work = await command.load();
  return await work(given);
}

async function help(args: readonly string[]): Promise<number> {
  const [name, ...rest] = args;
  if (name === undefined || name === "help" || isHelp(name)) {
    return await printHelp(generalHelp(commands), rest, "help");
  }
  return await printHelp(commandHelp(find(name)), rest, "help");
}

async function printHelp(text: string, rest: readonly string[], after: string): Promise<number> {
  if (rest.length > 0) throw new Misuse(extra(rest[0]!, after));
  await print(text);
  return 0;
}

function find(name: string): Command {
  const command = commands.find((candidate) => candidate.name === name);
  if (command !== undefined) return command;
  const names = [...commands.map((candidate) => candidate.name), "help"];
  throw new Misuse(unknown("command", name, names, "specta"));
}

function isHelp(word: string): boolean {
  return word === "-h" || word === "--help";
}

function helpWanted(words: readonly string[]): boolean {
  const end = words.indexOf("--");
  return words.slice(0, end < 0 ? undefined : end).some(isHelp);
}

/** citty parses; what it would let pass (unknown flags, missing values, extra arguments) is refused here. */
async function parse(command: Command, words: readonly string[]): Promise<Arguments> {
  const rest: string[] = [];
  for (let index = 0; index < words.length; index += 1) {
    const word = words[index]!;
    if (word === "--") {
      rest.push(...words.slice(index + 1));
      break;
    }
    if (!word.startsWith("-") || word === "-") {
      rest.push(word);
      continue;
    }
    if (refuseUnless(command, word, words[index + 1])) index += 1;
  }
  if (rest.length > (command.argument === undefined ? 0 : 1)) {
    throw new Misuse(extra(rest[command.argument === undefined ? 0 : 1]!, command.name));
  }
  // With nothing to parse nothing is loaded for it: a daemon is mostly started without a flag.
  if (words.length === 0) return { flags: {}, rest };
  const { parseArgs } = await import("citty");
  const { _, ...flags } = parseArgs<ArgsDef>([...words], command.flags);
  return { flags, rest };
}

/** Throws unless the word is a flag of the command with what it needs; true when its value is the next word. */
function refuseUnless(command: Command, word: string, next: string | undefined): boolean {
  const [name, ...values] = word.replace(/^--/, "").split("=") as [string, ...string[]];
  const flag = word.startsWith("--") && Object.hasOwn(command.flags, name) ? command.flags[name] : undefined;
  if (flag === undefined) {
    const names = [...Object.keys(command.flags), "help"].map((known) => `--${known}`);
    throw new Misuse(unknown("flag", word.split("=")[0]!, names, `specta ${command.name}`));
  }
  const inline = values.length > 0;
  if (flag.type === "boolean") {
    if (inline)
      throw new Misuse(`flag --${name} of "specta ${command.name}" must have no value: ${advice(command.name)}`);
    return false;
  }
  const value = inline ? values.join("=") : next;
  if (value === undefined || value === "" || (!inline && value.startsWith("-"))) {
    throw new Misuse(`flag --${name} of "specta ${command.name}" must have a value: ${advice(command.name)}`);
  }
  return !inline;
}

function unknown(what: string, word: string, valid: readonly string[], owner: string): string {
  const near = nearest(word, valid);
  const hint = near === undefined ? advice(owner.split(" ")[1]) : `did you mean ${JSON.stringify(near)}?`;
  return `unknown ${what} ${JSON.stringify(word)} for ${JSON.stringify(owner)}: ${hint}`;
}

function extra(word: string, after: string): string {
  return `unexpected argument ${JSON.stringify(word)} after ${JSON.stringify(after)}: ${advice(commands.find((c) => c.name === after)?.name)}`;
}

function advice(command: string | undefined): string {
  return `see "specta${command === undefined ? "" : ` ${command}`} --help"`;
}
