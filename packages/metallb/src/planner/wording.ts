/** So many are named. */
const NAMED = 8;

/** The first names, and how many more there are. */
export const listed = (names: readonly string[]): string =>
  names.length <= NAMED ? names.join(", ") : `${names.slice(0, NAMED).join(", ")} and ${names.length - NAMED} more`;

/**
 * A few names, or of many how many there are about, rounded down to one digit: a text of thousands of
 * nodes that changed with each of them would be written thousands of times.
 */
export function aboutMany(names: readonly string[], what = "nodes"): string {
  if (names.length <= NAMED) return [...names].sort().join(", ");
  const digit = 10 ** Math.floor(Math.log10(names.length));
  const about = Math.max(NAMED, Math.floor(names.length / digit) * digit);
  return `more than ${about === names.length ? about - 1 : about} ${what}`;
}
