import type { Pool } from "#config";
import type { IpRange } from "#net";

/** Whether two versions of a pool give, and keep, the same addresses for the same Services. */
export function samePool(a: Pool, b: Pool): boolean {
  if (a === b) return true;
  return (
    a.autoAssign === b.autoAssign &&
    a.avoidBuggyIPs === b.avoidBuggyIPs &&
    a.frozen === b.frozen &&
    a.unreadable === b.unreadable &&
    // Selectors are compiled functions: only the same object says the same.
    a.allocation === b.allocation &&
    a.terms === b.terms &&
    sameRanges(a.ranges, b.ranges) &&
    sameRanges(a.addresses.ranges, b.addresses.ranges)
  );
}

const sameRanges = (a: readonly IpRange[], b: readonly IpRange[]): boolean =>
  a === b ||
  (a.length === b.length &&
    a.every(({ family, first, last }, i) => {
      const other = b[i];
      return other?.family === family && other.first === first && other.last === last;
    }));
