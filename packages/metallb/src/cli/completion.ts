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
    case "$word" in -*) ;; *) case " ${trails(words)} " in *" \${path:+\${path}_}$word "*) path="\${path:+\${path}_}$word" ;; esac ;; esac
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

/** Of zsh's own kind: what it lends to bash's scripts knows nothing of words that are functions of the line. */
const zsh = (words: readonly Words[]): string => `#compdef metallb kubectl-metallb
_metallb_names() {
  local -a given names
  local at
  for ((at = 2; at < CURRENT; at++)); do
    case "\${words[at]}" in --kubeconfig|--context|-n|--namespace) given+=("\${words[at]}" "\${words[at+1]}") ;; esac
  done
  names=(\${(f)"$("\${words[1]}" names "$1" "\${given[@]}" 2>/dev/null)"})
  compadd -a names
}
_metallb() {
  local trail="" word
  local -a below options
  for word in "\${(@)words[2,CURRENT-1]}"; do
    case "$word" in -*) continue ;; esac
    case " ${trails(words)} " in *" \${trail:+\${trail}_}$word "*) trail="\${trail:+\${trail}_}$word" ;; esac
  done
  case "\${words[CURRENT-1]}" in
    -o|--output) compadd ${FORMATS.join(" ")}; return ;;
    --context|-n|--namespace|--port) return ;;
    --*file|--kubeconfig) _files; return ;;
  esac
  case "$trail" in
${words.map(zshCase).join("\n")}
  esac
  if [[ "\${words[CURRENT]}" == -* ]]; then _describe -o option options; return; fi
  (( \${#below} )) && _describe command below
}
if [ "\${funcstack[1]}" = _metallb ]; then _metallb; else compdef _metallb metallb kubectl-metallb; fi`;

/** A line of the switch over where one is: what may follow, each with what it is about. */
function zshCase({ path, commands, options, named }: Words): string {
  const described = ({ name, about }: { readonly name: string; readonly about: string }): string =>
    `'${name}${about === "" ? "" : `:${about.replaceAll("\\", "\\\\").replaceAll("'", "'\\''")}`}'`;
  const other = named === null ? (commands.length === 0 ? " _files" : "") : ` _metallb_names ${named}`;
  const argument = other === "" ? "" : ` [[ "\${words[CURRENT]}" == -* ]] ||${other};`;
  const sets = `below=(${commands.map(described).join(" ")}); options=(${options.map(described).join(" ")});`;
  return `    "${path.replaceAll(" ", "_")}") ${sets}${argument} ;;`;
}

const trails = (words: readonly Words[]): string => words.map(({ path }) => path.replaceAll(" ", "_")).join(" ");

function fish(words: readonly Words[]): string {
  const quote = (text: string) => `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
  const lines = words.flatMap(({ path, commands, options, named }) => {
    const when = quote(`__metallb_at ${quote(path.replaceAll(" ", "_"))}`);
    return [
      ...commands.map(({ name, about }) => `complete -c metallb -f -n ${when} -a ${quote(name)} -d ${quote(about)}`),
      ...(named === null ? [] : [`complete -c metallb -f -n ${when} -a '(__metallb_names ${named})'`]),
      ...options.map(({ name, about }) => {
        const values = name === "--output" ? ` -s o -x -a ${quote(FORMATS.join(" "))}` : "";
        return `complete -c metallb -n ${when} -l ${name.slice(2)}${values} -d ${quote(about)}`;
      }),
    ];
  });
  return `# fish completion of metallb and kubectl metallb
function __metallb_at
  set -l trail
  for word in (commandline -opc)[2..]
    string match -q -- '-*' $word; and continue
    set -l next (string join _ $trail $word)
    contains -- $next ${trails(words)}; and set trail $next
  end
  test "$trail" = "$argv[1]"
end
function __metallb_names
  set -l words (commandline -opc)
  set -l given
  for at in (seq 2 (count $words))
    contains -- $words[$at] --kubeconfig --context -n --namespace; and set -a given $words[$at] $words[(math $at + 1)]
  end
  $words[1] names $argv[1] $given 2>/dev/null
end
complete -c kubectl-metallb -w metallb
${lines.join("\n")}`;
}
