import { describe, expect, it } from "vitest";
import { withOwnAttributes } from "#config";
import { bgpAdvertisement, community, compiled, pool } from "./testing.ts";

const A = "metallb.io/bgp-";

/** The advertisement as it speaks of a Service with these annotations. */
function spoken(spec: object, annotations: Record<string, string>) {
  const { config } = compiled({
    pools: [pool("a", ["192.0.2.0/24"])],
    communities: [community("c", [{ name: "near", value: "65000:7" }])],
    bgpAdvertisements: [bgpAdvertisement("x", spec)],
  });
  const [advertisement] = config.pools[0]?.bgpAdvertisements ?? [];
  if (!advertisement) throw new Error("no advertisement");
  return { before: advertisement, ...withOwnAttributes(advertisement, annotations) };
}

const RANGE = { minimum: 10, maximum: 20 };
const ALL = {
  communities: ["1:1"],
  serviceAttributes: {
    communities: ["near", "1:2", "large:1:2:3"],
    localPref: RANGE,
    med: { maximum: 4_294_967_295 },
    asPathPrepend: { maximum: 3 },
  },
};

describe("what a Service sets for itself", () => {
  it("counts as far as the advertisement lets it, by alias and by value", () => {
    const annotations = {
      [`${A}communities`]: "near, large:1:2:3,65000:7",
      [`${A}local-pref`]: "20",
      [`${A}med`]: "4294967295",
      [`${A}as-path-prepend`]: "0",
    };
    const { advertisement, refused } = spoken(ALL, annotations);
    expect(refused).toEqual([]);
    expect(advertisement).toMatchObject({
      communities: [0x10001, 0xfde80007],
      largeCommunities: [[1, 2, 3]],
      localPref: 20,
      med: 4_294_967_295,
      asPathPrepend: 0,
    });
  });

  it.each([
    ["communities", "1:3", '"1:3" is not among the communities that Services may add'],
    ["communities", "1:1", '"1:1" is not among the communities that Services may add'],
    ["communities", "x".repeat(2_001), "it is longer than 2000 characters"],
    ["local-pref", "9", "9 is not between 10 and 20"],
    ["local-pref", "21", "21 is not between 10 and 20"],
    ["local-pref", "0x14", '"0x14" is not a number'],
    ["med", "4294967296", "4294967296 is not between 0 and 4294967295"],
    ["med", "-1", '"-1" is not a number'],
    ["med", "", '"" is not a number'],
    ["as-path-prepend", "4", "4 is not between 0 and 3"],
  ])("%s %s is left out and told", (name, text, why) => {
    const { before, advertisement, refused } = spoken(ALL, { [A + name]: text });
    expect(advertisement).toBe(before);
    expect(refused).toEqual([{ annotation: A + name, why }]);
  });

  it("is nothing where the advertisement lets it set nothing, or not this", () => {
    const silent = spoken({}, { [`${A}med`]: "1" });
    expect([silent.advertisement === silent.before, silent.refused]).toEqual([true, []]);
    const { refused } = spoken({ serviceAttributes: {} }, { [`${A}med`]: "1", [`${A}communities`]: "near" });
    expect(refused.map(({ annotation, why }) => [annotation, why])).toEqual([
      [`${A}med`, "the advertisement does not let Services set it"],
      [`${A}communities`, '"near" is not among the communities that Services may add'],
    ]);
  });

  it("takes what is right beside what is wrong", () => {
    const { advertisement, refused } = spoken(ALL, { [`${A}communities`]: "1:2,1:3", [`${A}med`]: "5" });
    expect(advertisement).toMatchObject({ communities: [0x10001, 0x10002], med: 5 });
    expect(refused).toHaveLength(1);
  });
});
