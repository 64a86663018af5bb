import { writeSync } from "node:fs";
import type { Duration, Instant } from "#net";

/** How long a full pipe is waited for, milliseconds; whoever does not read for longer loses lines. */
const PATIENCE = 200;

/** Writes to a file descriptor at once; null when all was taken, else what the system said. */
export type Write = (fd: number, octets: Buffer) => number;

/**
 * Log lines to standard output. A disk that is full, a reader that is gone or a pipe that nobody empties costs
 * lines and never the process: what was lost is told as soon as lines are taken again.
 */
export function stdoutSink(
  write: Write = writeSync,
  now: () => Instant = () => performance.now(),
): (line: string) => void {
  let lost = 0;
  /** The reader is slow: until then it is not waited for again. */
  let impatientUntil = Number.NEGATIVE_INFINITY;
  const put = (line: string): boolean => {
    let rest = Buffer.from(line);
    const until = now() + PATIENCE;
    while (rest.length > 0) {
      try {
        rest = rest.subarray(write(1, rest));
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "EAGAIN") return false;
        if (now() < impatientUntil || now() >= until) {
          impatientUntil = now() + 10 * PATIENCE;
          return false;
        }
        pause(5);
      }
    }
    return true;
  };
  return (line) => {
    if (
      lost > 0 &&
      put(
        `${JSON.stringify({ level: "warn", ts: new Date().toISOString(), op: "log", lines: lost, msg: "log lines were lost: standard output took none" })}\n`,
      )
    )
      lost = 0;
    if (!put(line)) lost++;
  };
}

const cell = new Int32Array(new SharedArrayBuffer(4));
const pause = (milliseconds: Duration): void => void Atomics.wait(cell, 0, 0, milliseconds);
