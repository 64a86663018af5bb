/** Exit codes of every command: done and well, failed or something is down, asked wrongly, the cluster cannot be read. */
export const DONE = 0;
export const FAILED = 1;
export const USAGE = 2;
export const UNREACHABLE = 3;

/** The cluster could not be asked: which, and why. */
export class Unreachable extends Error {
  override readonly name = "Unreachable";
}
