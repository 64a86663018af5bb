import type { Pool } from "#config";
import type { IpRange } from "#net";

/** Whether two states of a pool say the same to a speaker: who may give out an address does not matter here. */
export const samePool = (a: Pool, b: Pool): boolean =>
  a === b ||
  (a.name === b.name &&
    sameList(a.bgpAdvertisements, b.bgpAdvertisements) &&
    sameList(a.l2Advertisements, b.l2Advertisements) &&
    sameList(a.addresses.ranges, b.addresses.ranges, sameRange));

const sameRange = (a: IpRange, b: IpRange): boolean =>
  a.family === b.family && a.first === b.first && a.last === b.last;

const sameList = <T>(a: readonly T[], b: readonly T[], same: (a: T, b: T) => boolean = Object.is): boolean =>
  a === b || (a.length === b.length && a.every((each, i) => same(each, b[i] as T)));
