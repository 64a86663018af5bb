import type { Duration } from "#net";

const UNITS = [
  ["d", 86_400],
  ["h", 3_600],
  ["m", 60],
  ["s", 1],
] as const;

/** A span for people, in its two largest units: `3d4h`, `5m12s`, `8s`. */
export function spanText(milliseconds: Duration): string {
  let rest = Math.max(0, Math.floor(milliseconds / 1_000));
  const parts: string[] = [];
  for (const [unit, seconds] of UNITS) {
    const count = Math.floor(rest / seconds);
    rest -= count * seconds;
    if (count > 0) parts.push(`${count}${unit}`);
    else if (parts.length > 0) break;
    if (parts.length === 2) break;
  }
  return parts.join("") || "0s";
}
