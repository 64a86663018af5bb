import { RE2JS } from "re2js";

/**
 * Patterns come from definitions that anybody with rights may write, and values from everybody else:
 * they are read by RE2, as Kubernetes does, which takes time linear in the value for every pattern.
 */

const MAX_KEPT = 1_000;
const kept = new Map<string, RE2JS | string>();

/** The compiled pattern, or in words why it is none. */
function compile(pattern: string): RE2JS | string {
  const known = kept.get(pattern);
  if (known !== undefined) return known;
  let made: RE2JS | string;
  try {
    made = RE2JS.compile(pattern);
  } catch (error) {
    made = error instanceof Error ? error.message : "invalid";
  }
  if (kept.size >= MAX_KEPT) kept.clear();
  kept.set(pattern, made);
  return made;
}

/** What is wrong with the pattern; null when nothing is. */
export function patternProblem(pattern: string): string | null {
  const compiled = compile(pattern);
  return typeof compiled === "string" ? compiled : null;
}

/** Whether the pattern occurs in the value. One that cannot be read occurs nowhere. */
export function matchesPattern(pattern: string, value: string): boolean {
  const compiled = compile(pattern);
  return typeof compiled !== "string" && compiled.test(value);
}

/** Every occurrence of the pattern in the value, at most `limit`. @throws Error when it is no pattern */
export function findPattern(pattern: string, value: string, limit: number): string[] {
  const compiled = compile(pattern);
  if (typeof compiled === "string") throw new Error(compiled);
  const found: string[] = [];
  const matcher = compiled.matcher(value);
  while (found.length < limit && matcher.find()) found.push(matcher.group() ?? "");
  return found;
}
