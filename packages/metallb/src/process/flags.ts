import { err, ok, type Result } from "#net";

/**
 * One flag. The kind of its default is the kind of its values. `env` names a variable that gives the
 * default where it is set and not empty. `later` marks a flag that is accepted and checked for form
 * but does nothing yet; it names the part that will read it.
 */
export interface Flag<V extends string | number | boolean = string | number | boolean> {
  readonly default: V;
  readonly help: string;
  readonly env?: string;
  readonly choices?: readonly string[];
  /** Bounds of a number, both included. */
  readonly range?: readonly [number, number];
  readonly later?: string;
  /** Values outside `choices` or `range` are no error of the command line but of what it asks for: exit code 1, as upstream has it. */
  readonly strictExit?: 1;
}

export type FlagTable = Readonly<Record<string, Flag>>;

type Widen<V> = V extends string ? string : V extends number ? number : boolean;

export type FlagValues<T extends FlagTable> = { readonly [K in keyof T]: Widen<T[K]["default"]> };

export interface Parsed<T extends FlagTable> {
  readonly values: FlagValues<T>;
  /** Flags marked `later` that somebody set, ascending. */
  readonly later: readonly string[];
}

/** Why the command line cannot be used. `help` was asked for: print the usage. */
export interface UsageError {
  readonly help: boolean;
  /** 0 for help, 2 for what Go's package `flag` refuses, 1 for what the process refuses. */
  readonly exitCode: 0 | 1 | 2;
  readonly message: string;
  /** The list of all flags. */
  readonly usage: string;
}

/**
 * Reads a command line by the grammar of Go's package `flag`, which operators' manifests are written in:
 * `-x y`, `--x y`, `-x=y`; a boolean takes its value only by `=`; parsing ends at `--` or at the first
 * word that is not a flag; the last of a repeated flag counts. The texts of errors are Go's.
 */
export function parseFlags<const T extends FlagTable>(
  table: T,
  argv: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): Result<Parsed<T>, UsageError> {
  const fail = (message: string, exitCode: UsageError["exitCode"] = 2) =>
    err({ help: exitCode === 0, exitCode, message, usage: usage(table) });
  const codeOf = (flag: Flag, text: string): UsageError["exitCode"] =>
    flag.strictExit !== undefined && hasForm(flag, text) ? flag.strictExit : 2;
  const values: Record<string, string | number | boolean> = {};
  const later = new Set<string>();
  for (const [name, flag] of Object.entries(table)) {
    const fromEnv = flag.env === undefined ? undefined : env[flag.env];
    values[name] = flag.default;
    if (!fromEnv) continue;
    const value = readValue(flag, fromEnv);
    if (!value.ok)
      return fail(`invalid value "${clip(fromEnv)}" for variable ${flag.env}: ${value.error}`, codeOf(flag, fromEnv));
    values[name] = value.value;
    if (flag.later !== undefined) later.add(name);
  }
  for (let i = 0; i < argv.length; i++) {
    const word = argv[i] as string;
    if (word.length < 2 || !word.startsWith("-") || word === "--") break;
    const body = word.slice(word.startsWith("--") ? 2 : 1);
    if (body === "" || body.startsWith("-") || body.startsWith("=")) return fail(`bad flag syntax: ${clip(word)}`);
    const equals = body.indexOf("=");
    const name = equals < 0 ? body : body.slice(0, equals);
    const flag = Object.hasOwn(table, name) ? table[name] : undefined;
    if (!flag) {
      if (name === "h" || name === "help") return fail("", 0);
      return fail(`flag provided but not defined: -${clip(name)}`);
    }
    let text = equals < 0 ? undefined : body.slice(equals + 1);
    if (text === undefined) text = typeof flag.default === "boolean" ? "true" : argv[++i];
    if (text === undefined) return fail(`flag needs an argument: -${name}`);
    const value = readValue(flag, text);
    if (!value.ok) {
      const boolean = typeof flag.default === "boolean";
      return fail(
        `invalid ${boolean ? "boolean " : ""}value "${clip(text)}" for ${boolean ? "" : "flag "}-${name}: ${value.error}`,
        codeOf(flag, text),
      );
    }
    values[name] = value.value;
    if (flag.later !== undefined && value.value !== flag.default) later.add(name);
  }
  return ok({ values: values as FlagValues<T>, later: [...later].sort() });
}

const clip = (text: string): string => (text.length > 100 ? `${text.slice(0, 100)}…` : text);

const TRUE = new Set(["1", "t", "T", "TRUE", "true", "True"]);
const FALSE = new Set(["0", "f", "F", "FALSE", "false", "False"]);

const INTEGER = /^[+-]?(\d+|0[xX][0-9a-fA-F]+)$/;

/** Whether Go's package `flag` would take the text. */
const hasForm = (flag: Flag, text: string): boolean => typeof flag.default !== "number" || INTEGER.test(text);

function readValue(flag: Flag, text: string): Result<string | number | boolean> {
  if (typeof flag.default === "boolean")
    return TRUE.has(text) ? ok(true) : FALSE.has(text) ? ok(false) : err("parse error");
  if (typeof flag.default === "number") {
    if (!INTEGER.test(text)) return err("parse error");
    const [low, high] = flag.range ?? [Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER];
    const value = text.startsWith("-") ? -Number(text.slice(1)) : Number(text);
    return value >= low && value <= high ? ok(value) : err(`it must be ${low} to ${high}`);
  }
  if (flag.choices && !flag.choices.includes(text)) return err(`it must be one of ${flag.choices.join(", ")}`);
  return ok(text);
}

function usage(table: FlagTable): string {
  const lines = ["Flags:"];
  for (const [name, flag] of Object.entries(table).sort(([a], [b]) => (a < b ? -1 : 1))) {
    const kind = typeof flag.default === "boolean" ? "" : typeof flag.default === "number" ? " int" : " string";
    const notes = [
      ...(flag.default === "" || flag.default === false ? [] : [`default ${flag.default}`]),
      ...(flag.env === undefined ? [] : [`variable ${flag.env}`]),
      ...(flag.later === undefined ? [] : ["accepted, not in use yet"]),
    ];
    lines.push(`  -${name}${kind}`, `    \t${flag.help}${notes.length > 0 ? ` (${notes.join("; ")})` : ""}`);
  }
  return lines.join("\n");
}
