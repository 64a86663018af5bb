import { execFile } from "node:child_process";

/** Runs a program in a place of a lab's network and returns what it printed; rejects with its own words. */
export function runIn(
  place: { command(argv: readonly string[]): readonly string[] },
  ...argv: readonly string[]
): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const [program = "", ...args] = place.command(argv);
  execFile(program, args, { timeout: 30_000, maxBuffer: 64 * 1024 * 1024 }, (error, stdout, stderr) => {
    if (error === null) resolve(stdout);
    else reject(new Error(`${argv.join(" ")}: ${stderr.trim() || error.message}`));
  });
  return promise;
}
