import { err, ok, type Result } from "#net";

const NANOSECONDS: Readonly<Record<string, number>> = {
  ns: 1,
  us: 1e3,
  µs: 1e3,
  μs: 1e3,
  ms: 1e6,
  s: 1e9,
  m: 6e10,
  h: 3.6e12,
};

const PART = /^(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|\u03bcs|ms|s|m|h)/;

/**
 * Reads a duration as Go's `time.ParseDuration` does ("90s", "1m30s", "1.5h", "0") and gives seconds.
 * Negative ones are refused: none of our fields can be.
 */
export function parseDuration(text: string): Result<number> {
  const refused = err(`"${text.slice(0, 40)}" is not a duration such as 90s or 1m30s`);
  if (text.length > 40) return refused;
  let rest = text.startsWith("+") ? text.slice(1) : text;
  if (rest === "0") return ok(0);
  if (rest === "") return refused;
  let nanoseconds = 0;
  while (rest !== "") {
    const match = PART.exec(rest);
    if (!match) return refused;
    nanoseconds += Number(match[1]) * (NANOSECONDS[match[2] as string] as number);
    rest = rest.slice(match[0].length);
  }
  return Number.isSafeInteger(Math.round(nanoseconds / 1e3)) ? ok(nanoseconds / 1e9) : refused;
}
