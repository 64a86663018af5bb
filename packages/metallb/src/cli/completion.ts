import type { Command, Option } from "commander";

const SHELLS = ["bash", "zsh", "fish"] as const;
type Shell = (typeof SHELLS)[number];

/** What may follow: words of commands and options, by the words before it. */
interface Words {
  readonly path: string;
  readonly commands: readonly { readonly name: string; readonly about: string }[];
  readonly options: readonly { readonly name: string; readonly about: string }[];
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
  };
  const below = commands.filter((each) => each.name() !== "help");
  return [own, ...below.flatMap((each) => wordsOf(each, `${path} ${each.name()}`.trim()))];
}

const candidates = ({ commands, options }: Words): string =>
  [...commands, ...options].map(({ name }) => name).join(" ");

const bash = (words: readonly Words[]): string => `# bash completion of metallb and kubectl metallb
_metallb() {
  local path="" word
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case "$word" in -*) ;; *) case " ${words.map(({ path }) => path.replaceAll(" ", "_")).join(" ")} " in *" \${path:+\${path}_}$word "*) path="\${path:+\${path}_}$word" ;; esac ;; esac
  done
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
  const lines = words.flatMap(({ path, commands, options }) => {
    const seen = path.split(" ").filter(Boolean);
    const below = commands.map(({ name }) => name).join(" ");
    const inside = seen.map((word) => `__fish_seen_subcommand_from ${word}`);
    const none = below === "" ? [] : [`not __fish_seen_subcommand_from ${below}`];
    const when = quote([...inside, ...none].join("; and ") || "true");
    return [
      ...commands.map(({ name, about }) => `complete -c metallb -f -n ${when} -a ${quote(name)} -d ${quote(about)}`),
      ...options.map(({ name, about }) => `complete -c metallb -n ${when} -l ${name.slice(2)} -d ${quote(about)}`),
    ];
  });
  return ["# fish completion of metallb", ...lines].join("\n");
}
