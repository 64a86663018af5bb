import { decodeIPAddressPool } from "#api";
import type { Config, Pool, Problem } from "#config";
import { parseRange, RangeSet } from "#net";

export function compilePools(objects: Iterable<unknown>): { config: Pick<Config, "pools">; problems: Problem[] } {
  const pools: Pool[] = [];
  for (const object of objects) {
    const decoded = decodeIPAddressPool(object);
    if (!decoded.ok) continue;
    const ranges = decoded.value.spec.addresses.flatMap((text) => {
      const range = parseRange(text);
      return range.ok ? [range.value] : [];
    });
    pools.push({
      name: decoded.value.name,
      ranges,
      addresses: RangeSet.of(ranges),
      families: new Set(ranges.map(({ family }) => family)),
      autoAssign: decoded.value.spec.autoAssign,
      avoidBuggyIPs: decoded.value.spec.avoidBuggyIPs,
      allocation: null,
      bgpAdvertisements: [],
      l2Advertisements: [],
    });
  }
  return { config: { pools }, problems: [] };
}
