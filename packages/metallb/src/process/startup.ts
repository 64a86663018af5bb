import { BUILD } from "./build.ts";
import { type FlagTable, type FlagValues, parseFlags } from "./flags.ts";
import { createLogger, type Logger, type LogLevel } from "./logger.ts";
import { keepNoFreePages } from "./memory-keeper.ts";
import { shutdownSignal } from "./signals.ts";
import { laterNotice } from "./tables.ts";

/** What a process has once its command line is read. */
export interface Startup<T extends FlagTable> {
  readonly flags: FlagValues<T>;
  readonly log: Logger;
  /** Aborts when a signal asks the process to end. */
  readonly stop: AbortSignal;
}

/**
 * Reads the command line and says hello, or gives the exit code: 0 when help or the version was asked for, 1 or 2
 * when the command line is wrong; what there is to say has been said then.
 */
export function startUp<
  const T extends FlagTable & { readonly "log-level": { readonly default: string; readonly help: string } },
>(
  name: "controller" | "speaker",
  table: T,
  argv: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): Startup<T> | number {
  if (argv.length === 1 && /^--?version$/.test(argv[0] ?? "")) {
    const { version, commit, branch } = BUILD;
    process.stdout.write(`metallb-${name} ${version} (commit ${commit}, branch ${branch}, Node ${process.version})\n`);
    return 0;
  }
  const parsed = parseFlags(table, argv, env);
  if (!parsed.ok) {
    const { help, exitCode, message, usage } = parsed.error;
    (help ? process.stdout : process.stderr).write(`${help ? "" : `${message}\n`}${usage}\n`);
    return exitCode;
  }
  keepNoFreePages();
  const { values: flags, later } = parsed.value;
  const log = createLogger(String(flags["log-level"]) as LogLevel);
  const stop = shutdownSignal();
  log.info(`MetalLB ${name} starting version ${BUILD.version}`, { op: "startup", ...BUILD, runtime: process.version });
  const notice = laterNotice(later);
  if (notice) log.info(notice, { op: "startup" });
  const mode = env.METALLB_BGP_TYPE ?? "";
  if (mode !== "" && mode !== "native")
    log.info(
      "METALLB_BGP_TYPE chooses no implementation: one engine has what every mode had, and metrics have the labels of this one",
      { op: "startup", mode },
    );
  return { flags, log, stop };
}
