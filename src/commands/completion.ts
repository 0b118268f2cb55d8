import { Misuse } from "../base/errors.ts";
import { nearest } from "../base/nearest.ts";
import type { Arguments, Command } from "./command.ts";
import { commands } from "./index.ts";
import { print } from "./print.ts";

/** What completes after a command: its flags, and files where it takes one. */
interface Words {
  readonly name: string;
  readonly description: string;
  readonly flags: readonly { readonly name: string; readonly takesFile: boolean; readonly description: string }[];
  readonly takesFile: boolean;
  readonly choices: readonly string[];
}

const shells: Readonly<Record<string, (words: readonly Words[]) => string>> = { bash, fish, zsh };

/** Prints what teaches a shell the commands and flags. */
export async function completion({ rest }: Arguments): Promise<number> {
  const [name] = rest;
  const names = Object.keys(shells);
  if (name === undefined)
    throw new Misuse(`completion must be for one of ${names.join(", ")}: see "specta completion --help"`);
  if (!Object.hasOwn(shells, name)) {
    const near = nearest(name, names);
    const hint = near === undefined ? "" : `: did you mean ${JSON.stringify(near)}?`;
    throw new Misuse(
      `completion must be for one of ${names.join(", ")}: current value is ${JSON.stringify(name)}${hint}`,
    );
  }
  await print(shells[name]!([...commands.map(wordsOf), helpWords()]));
  return 0;
}

function wordsOf({ name, description, flags, argument }: Command): Words {
  const own = Object.entries(flags).map(([flag, { type, description: text = "" }]) => {
    return { name: flag, takesFile: type === "string", description: text };
  });
  const help = { name: "help", takesFile: false, description: `help for ${name}` };
  const choices = argument === "SHELL" ? Object.keys(shells) : [];
  return { name, description, flags: [...own, help], takesFile: argument === "[FILE]", choices };
}

function helpWords(): Words {
  const choices = commands.map(({ name }) => name);
  return { name: "help", description: "Help about a command.", flags: [], takesFile: false, choices };
}

function bash(words: readonly Words[]): string {
  const cases = words.map(({ name, flags, takesFile, choices }) => {
    const offered = [...choices, ...flags.map((flag) => `--${flag.name}`)].join(" ");
    return `    ${name}) words="${offered}"; files=${takesFile ? 1 : 0} ;;`;
  });
  return `# bash completion for specta: source <(specta completion bash)
_specta() {
  local current=\${COMP_WORDS[COMP_CWORD]} previous=\${COMP_WORDS[COMP_CWORD-1]} words="" files=0
  COMPREPLY=()
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W "${words.map(({ name }) => name).join(" ")} --help" -- "$current"))
    return
  fi
  if [ "$previous" = "--env" ]; then
    COMPREPLY=($(compgen -f -- "$current"))
    return
  fi
  case \${COMP_WORDS[1]} in
${cases.join("\n")}
  esac
  COMPREPLY=($(compgen -W "$words" -- "$current"))
  if [ "$files" -eq 1 ]; then COMPREPLY+=($(compgen -f -- "$current")); fi
}
complete -o filenames -F _specta specta
`;
}

function fish(words: readonly Words[]): string {
  const lines = words.flatMap(({ name, description, flags, takesFile, choices }) => [
    `complete -c specta -n __fish_use_subcommand -a ${name} -d ${quoted(description)}`,
    ...(takesFile ? [`complete -c specta -n "__fish_seen_subcommand_from ${name}" -F`] : []),
    ...choices.map((choice) => `complete -c specta -n "__fish_seen_subcommand_from ${name}" -a ${choice}`),
    ...flags.map(
      (flag) =>
        `complete -c specta -n "__fish_seen_subcommand_from ${name}" -l ${flag.name}${flag.takesFile ? " -r -F" : ""} -d ${quoted(flag.description)}`,
    ),
  ]);
  return ["# fish completion for specta: specta completion fish | source", "complete -c specta -f", ...lines, ""].join(
    "\n",
  );
}

function zsh(words: readonly Words[]): string {
  const cases = words.map(({ name, flags, takesFile, choices }) => {
    const specs = flags.map((flag) => {
      const value = flag.takesFile ? ":file:_files" : "";
      return quoted(`--${flag.name}[${flag.description.replace(/[[\]:]/g, "\\$&")}]${value}`);
    });
    if (takesFile) specs.push(quoted("1:file:_files"));
    if (choices.length > 0) specs.push(quoted(`1:word:(${choices.join(" ")})`));
    return `    ${name}) _arguments ${specs.join(" ")} ;;`;
  });
  return `#compdef specta
# zsh completion for specta: specta completion zsh > "\${fpath[1]}/_specta"
_specta() {
  local -a commands
  commands=(${words.map(({ name, description }) => quoted(`${name}:${description}`)).join(" ")})
  if (( CURRENT == 2 )); then
    _describe command commands
    return
  fi
  local command=$words[2]
  shift words
  (( CURRENT-- ))
  case $command in
${cases.join("\n")}
  esac
}
# Sourced, it registers itself; loaded from fpath, it is called for the first completion already.
if [[ $funcstack[1] == _specta ]]; then _specta "$@"; else compdef _specta specta; fi
`;
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
