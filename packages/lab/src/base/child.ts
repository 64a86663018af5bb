import { execFile, spawn } from "node:child_process";
import { diesWithUs } from "./programs.ts";

/** How a program ended, in words: `exit code 1`, `signal SIGKILL`. */
export type Ending = string;

/** A program that the lab started and answers for. */
export interface Child {
  readonly name: string;
  readonly pid: number;
  /** Settles when the program has ended, for whatever reason. */
  readonly ended: Promise<Ending>;
  /** The ending, or null while it runs. */
  ending(): Ending | null;
  /** The last lines that it wrote, oldest first. */
  tail(): readonly string[];
  /** Asks it to end, then insists. Resolves when it is gone. Safe to call twice. */
  stop(): Promise<void>;
}

export interface ChildOptions {
  readonly name: string;
  readonly argv: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
  /** Told of each line of output. */
  readonly onLine?: (line: string) => void;
  /** How long it may take to end after SIGTERM, in milliseconds. */
  readonly grace?: number;
}

const TAIL_LINES = 50;
const LINE_CHARACTERS = 2_000;

/** Starts a program. Rejects when it cannot be started at all. */
export function startChild(options: ChildOptions): Promise<Child> {
  const { promise, resolve, reject } = Promise.withResolvers<Child>();
  const [program, ...args] = diesWithUs(options.argv);
  if (program === undefined) throw new Error(`${options.name}: no program to start`);
  const process_ = spawn(program, args, {
    stdio: ["ignore", "pipe", "pipe"],
    env: options.env ?? process.env,
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    // A group of its own: Ctrl-C at the terminal reaches the lab alone, which then ends things in order.
    detached: true,
  });
  const tail: string[] = [];
  let rest = "";
  const take = (text: string) => {
    const lines = (rest + text).split("\n");
    rest = (lines.pop() ?? "").slice(-LINE_CHARACTERS);
    for (const line of lines) {
      if (line === "") continue;
      tail.push(line.slice(0, LINE_CHARACTERS));
      if (tail.length > TAIL_LINES) tail.shift();
      options.onLine?.(line);
    }
  };
  process_.stdout.setEncoding("utf8").on("data", take);
  process_.stderr.setEncoding("utf8").on("data", take);

  let ending: Ending | null = null;
  const ended = new Promise<Ending>((settle) => {
    process_.once("exit", (code, signal) => {
      ending = signal === null ? `exit code ${code}` : `signal ${signal}`;
      settle(ending);
    });
  });
  process_.once("error", (error) => reject(new Error(`${options.name} cannot be started: ${error.message}`)));
  process_.once("spawn", () => {
    const pid = process_.pid;
    if (pid === undefined) return;
    resolve({
      name: options.name,
      pid,
      ended,
      ending: () => ending,
      tail: () => (rest === "" ? tail : [...tail, rest]),
      async stop() {
        if (ending !== null) return;
        process_.kill("SIGTERM");
        // A stopped (frozen) process acts on signals only once it goes on.
        process_.kill("SIGCONT");
        const insist = setTimeout(() => process_.kill("SIGKILL"), options.grace ?? 3_000);
        await ended;
        clearTimeout(insist);
      },
    });
  });
  return promise;
}

/** Runs a short program to its end. Rejects with its own words when it fails. */
export function run(
  argv: readonly string[],
  options: { readonly timeout?: number; readonly input?: string } = {},
): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const [program, ...args] = argv;
  if (program === undefined) throw new Error("no program to run");
  const child = execFile(
    program,
    args,
    { timeout: options.timeout ?? 10_000, maxBuffer: 256 * 1024 * 1024 },
    (error, stdout, stderr) => {
      if (error === null) resolve(stdout);
      else reject(new Error(`${argv.join(" ")}: ${stderr.trim() || error.message}`));
    },
  );
  child.stdin?.on("error", () => {});
  child.stdin?.end(options.input ?? "");
  return promise;
}

/** Asks again until the answer is not null. Rejects with `late` after `limit` milliseconds. */
export async function until<T>(
  ask: () => Promise<T | null> | T | null,
  options: { readonly limit: number; readonly late: () => string; readonly pause?: number },
): Promise<T> {
  const deadline = performance.now() + options.limit;
  for (;;) {
    const answer = await ask();
    if (answer !== null) return answer;
    if (performance.now() > deadline) throw new Error(options.late());
    await new Promise((resolve) => setTimeout(resolve, options.pause ?? 25));
  }
}
