import type { Command, Option } from "commander";
import { isNamed } from "./names-command.ts";
import { FORMATS } from "./output.ts";

const SHELLS = ["bash", "zsh", "fish"] as const;
type Shell = (typeof SHELLS)[number];

/** What may follow: words of commands and options, by the words before it. */
interface Words {
  readonly path: string;
  readonly commands: readonly { readonly name: string; readonly about: string }[];
  readonly options: readonly { readonly name: string; readonly about: string }[];
  /** The kind of object that its argument names; null: none. */
  readonly named: string | null;
}

export function addCompletionCommand(program: Command): void {
  program
    .command("completion <shell>")
    .description(`print the completion of ${SHELLS.join(", ")}, such as: source <(metallb completion bash)`)
    .action((shell: string, _: object, command: Command) => {
      const known = SHELLS.find((each) => each === shell);
      if (known === undefined) command.error(`error: completion is there for ${SHELLS.join(", ")}, not for '${shell}'`);
      else console.log(completionOf(program, known));
    });
}

/** The script for a shell, made from the commands themselves. */
export function completionOf(program: Command, shell: Shell): string {
  const words = wordsOf(program, "");
  return { bash, zsh, fish }[shell](words);
}

function wordsOf(command: Command, path: string): readonly Words[] {
  const help = command.createHelp();
  const commands = help.visibleCommands(command);
  const own: Words = {
    path,
    commands: [
      ...commands.map((each) => ({ name: each.name(), about: each.description() })),
      ...(command.name() === "completion" ? SHELLS.map((shell) => ({ name: shell, about: "" })) : []),
    ],
    options: help
      .visibleOptions(command)
      .filter((option: Option) => option.long !== undefined)
      .map((option: Option) => ({ name: option.long ?? "", about: option.description })),
    named: command.registeredArguments.map((argument) => argument.name()).find(isNamed) ?? null,
  };
  const below = commands.filter((each) => each.name() !== "help");
  return [own, ...below.flatMap((each) => wordsOf(each, `${path} ${each.name()}`.trim()))];
}

const candidates = ({ commands, options, named }: Words): string =>
  [
    ...commands.map(({ name }) => name),
    ...(named === null ? [] : [`$(_metallb_names ${named})`]),
    ...options.map(({ name }) => name),
  ].join(" ");

/** Names are asked for with the options that tell which cluster is meant. */
const bash = (words: readonly Words[]): string => `# bash completion of metallb and kubectl metallb
_metallb_names() {
  local which=() at
  for ((at = 1; at < COMP_CWORD; at++)); do
    case "\${COMP_WORDS[at]}" in --kubeconfig|--context|-n|--namespace) which+=("\${COMP_WORDS[at]}" "\${COMP_WORDS[at+1]}") ;; esac
  done
  "\${COMP_WORDS[0]}" names "$1" "\${which[@]}" 2>/dev/null
}
_metallb() {
  local path="" word
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case "$word" in -*) ;; *) case " ${words.map(({ path }) => path.replaceAll(" ", "_")).join(" ")} " in *" \${path:+\${path}_}$word "*) path="\${path:+\${path}_}$word" ;; esac ;; esac
  done
  case "\${COMP_WORDS[COMP_CWORD-1]}" in
    -o|--output) COMPREPLY=($(compgen -W "${FORMATS.join(" ")}" -- "\${COMP_WORDS[COMP_CWORD]}")); return ;;
    --context|-n|--namespace|--port) return ;;
  esac
  case "$path" in
${words.map((each) => `    "${each.path.replaceAll(" ", "_")}") COMPREPLY=($(compgen -W "${candidates(each)}" -- "\${COMP_WORDS[COMP_CWORD]}")) ;;`).join("\n")}
  esac
}
complete -o default -F _metallb metallb kubectl-metallb`;

const zsh = (words: readonly Words[]): string => `#compdef metallb kubectl-metallb
autoload -U +X bashcompinit && bashcompinit
${bash(words)}`;

function fish(words: readonly Words[]): string {
  const quote = (text: string) => `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
  const lines = words.flatMap(({ path, commands, options, named }) => {
    const seen = path.split(" ").filter(Boolean);
    const below = commands.map(({ name }) => name).join(" ");
    const inside = seen.map((word) => `__fish_seen_subcommand_from ${word}`);
    const none = below === "" ? [] : [`not __fish_seen_subcommand_from ${below}`];
    const when = quote([...inside, ...none].join("; and ") || "true");
    return [
      ...commands.map(({ name, about }) => `complete -c metallb -f -n ${when} -a ${quote(name)} -d ${quote(about)}`),
      ...(named === null ? [] : [`complete -c metallb -f -n ${when} -a '(metallb names ${named} 2>/dev/null)'`]),
      ...options.map(({ name, about }) => `complete -c metallb -n ${when} -l ${name.slice(2)} -d ${quote(about)}`),
    ];
  });
  return ["# fish completion of metallb", ...lines].join("\n");
}
