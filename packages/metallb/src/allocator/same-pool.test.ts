import { describe, expect, it } from "vitest";
import type { Pool } from "#config";
import { ip, RangeSet } from "#net";
import { samePool } from "./same-pool.ts";
import { pinned, pool } from "./testing.ts";

const made = (rest: Partial<Pool> = {}): Pool => pool("p", ["1.0.0.0/30", "fd00::/126"], rest);
const [four, six] = made().ranges as [Pool["ranges"][number], Pool["ranges"][number]];

describe("two versions of a pool", () => {
  it("are the same when they say the same, whatever object says it and what is advertised of it", () => {
    const advertised = made({ bgpAdvertisements: [], l2Advertisements: [] });
    for (const other of [made(), advertised]) expect(samePool(made(), other)).toBe(true);
    const one = made({ allocation: pinned({}) });
    expect([samePool(one, one), samePool(one, { ...one })]).toEqual([true, true]);
  });

  it.each<[string, Partial<Pool>]>([
    ["autoAssign", { autoAssign: false }],
    ["avoidBuggyIPs", { avoidBuggyIPs: true }],
    ["frozen", { frozen: "invalid" }],
    ["unreadable", { unreadable: true }],
    ["allocation", { allocation: pinned({}) }],
    ["terms", { terms: { reserved: new Map(), quotas: new Map() } }],
    ["fewer ranges", { ranges: [four] }],
    ["ranges in another order", { ranges: [six, four] }],
    ["a range of the other family", { ranges: [{ ...four, family: 6 }, six] }],
    ["a range that begins later", { ranges: [{ ...four, first: four.first + 1n }, six] }],
    ["a range that ends later", { ranges: [four, { ...six, last: six.last + 1n }] }],
    ["addresses", { addresses: RangeSet.of([{ family: 4, first: ip(4, 1n).value, last: 1n }]) }],
  ])("are not the same with other %s", (_, rest) => {
    // What else follows from the ranges stays, so that one thing alone differs.
    const { addresses, families } = made();
    const changed = { ...made(), addresses, families, ...rest };
    expect([samePool(made(), changed), samePool(changed, made())]).toEqual([false, false]);
  });
});
