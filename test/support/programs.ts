import { execFile, spawn } from "node:child_process";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";

/** Where a program runs: a place of a lab's network, or this machine itself. */
export interface Where {
  command(argv: readonly string[]): readonly string[];
}
export const HERE: Where = { command: (argv) => argv };

/** A file of the project. */
export const projectFile = (path: string): string => fileURLToPath(new URL(`../../${path}`, import.meta.url));

/** Runs a program to its end and returns what it printed; rejects with its own words. */
export function runIn(where: Where, ...argv: readonly string[]): Promise<string> {
  return runWith(where, argv, {});
}

export interface RunOptions {
  readonly input?: string;
  readonly env?: NodeJS.ProcessEnv;
}

export function runWith(where: Where, argv: readonly string[], { input = "", env }: RunOptions): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const [program = "", ...args] = where.command(argv);
  const options = { timeout: 60_000, maxBuffer: 64 * 1024 * 1024, ...(env === undefined ? {} : { env }) };
  const child = execFile(program, args, options, (error, stdout, stderr) => {
    if (error === null) resolve(stdout);
    else reject(new Error(`${argv.join(" ")}: ${stderr.trim() || stdout.trim() || error.message}`));
  });
  child.stdin?.on("error", () => {});
  child.stdin?.end(input);
  return promise;
}

/** A program that runs beside the test. */
export interface Program {
  readonly pid: number;
  /** All that it wrote, both streams; for the words of a failure. */
  output(): string;
  /** Null while it runs. */
  exitCode(): number | null;
  /** SIGTERM, or the given one; resolves with the exit code (null: ended by a signal). */
  stop(signal?: NodeJS.Signals): Promise<number | null>;
}

/** Starts a program and resolves once it runs. */
export async function startProgram(
  where: Where,
  argv: readonly string[],
  env: NodeJS.ProcessEnv = process.env,
): Promise<Program> {
  const [program = "", ...args] = where.command(argv);
  const child = spawn(program, args, { env, stdio: ["ignore", "pipe", "pipe"] });
  let text = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (part: string) => {
      text = (text + part).slice(-1_000_000);
    });
  }
  const ended = Promise.withResolvers<number | null>();
  child.once("exit", (code) => ended.resolve(code));
  await new Promise<void>((resolve, reject) => {
    child.once("spawn", resolve);
    child.once("error", reject);
  });
  return {
    pid: child.pid ?? 0,
    output: () => text,
    exitCode: () => child.exitCode,
    async stop(signal = "SIGTERM") {
      if (child.exitCode === null && child.signalCode === null) child.kill(signal);
      const insist = setTimeout(() => child.kill("SIGKILL"), 15_000);
      const code = await ended.promise;
      clearTimeout(insist);
      return code;
    },
  };
}

/**
 * Asks again, every 50 ms, until the answer satisfies; returns it. Rejects after `limit` milliseconds
 * with the last answer, or the last error, in its words.
 */
export async function eventually<T>(
  ask: () => Promise<T> | T,
  satisfies: (answer: T) => boolean,
  options: { readonly what: string; readonly limit?: number },
): Promise<T> {
  const deadline = performance.now() + (options.limit ?? 30_000);
  for (;;) {
    let last: string;
    try {
      const answer = await ask();
      if (satisfies(answer)) return answer;
      last = typeof answer === "string" ? answer : String(JSON.stringify(answer));
    } catch (error) {
      last = error instanceof Error ? error.message : String(error);
    }
    if (performance.now() > deadline) throw new Error(`${options.what}; at last: ${last.slice(0, 2_000)}`);
    await pause(50);
  }
}
