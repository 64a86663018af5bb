import { type ProblemList, quoted } from "./problems.ts";

/** Tells each entry of a list that stood there before. */
export function distinct(values: readonly string[] | undefined, path: string, problems: ProblemList): void {
  const seen = new Set<string>();
  for (const [i, value] of (values ?? []).entries()) {
    if (seen.has(value))
      problems.add(
        "duplicateEntry",
        `${path}[${i}]`,
        `duplicate definition in ${path.split(".").at(-1)} field: ${quoted(value)}`,
      );
    seen.add(value);
  }
}
