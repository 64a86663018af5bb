import type { PathAttributes } from "#bgp";
import { type BgpAdvertisement, byAge, listCommunities } from "#config";

/** An advertisement as it speaks of the Services of one class. */
export interface Speaking extends BgpAdvertisement {
  /** Octets a second; absent: the class has no weight. */
  readonly linkBandwidth?: number;
}

/** A router only compares: one endpoint counts as one megabit a second, since routers show whole ones. */
const OCTETS_PER_ENDPOINT = 125_000;
/** Beyond it a weight says nothing any more; it keeps the float exact. */
const MAX_ENDPOINTS = 100_000;

export const bandwidthOf = (endpoints: number): number => Math.min(endpoints, MAX_ENDPOINTS) * OCTETS_PER_ENDPOINT;

/**
 * Path attributes made once each: equal sets are one object, so that packing is grouping by identity.
 * What one prefix gets from several advertisements is merged: communities are united, and of an attribute that
 * has one value the oldest advertisement that sets it counts, so that a younger one takes no route away. The
 * local preference is the oldest's, set or not, as it conflicts either way.
 */
export class AttributeTable {
  private readonly interned = new Map<string, PathAttributes>();

  of(advertisements: Iterable<Speaking>): PathAttributes {
    const all = [...advertisements].sort((a, b) => byAge(a, b) || byPreference(a, b));
    const { communities, largeCommunities } = listCommunities(
      all.flatMap((each) => [...each.communities, ...each.largeCommunities]),
    );
    const localPref = all[0]?.localPref ?? null;
    const med = firstOf(all, "med");
    const asPathPrepend = firstOf(all, "asPathPrepend");
    const linkBandwidth = Math.max(0, ...all.map((each) => each.linkBandwidth ?? 0));
    const key = JSON.stringify([localPref, communities, largeCommunities, med, asPathPrepend, linkBandwidth]);
    let attributes = this.interned.get(key);
    if (!attributes) {
      attributes = {
        localPref,
        communities,
        largeCommunities,
        ...(med === null ? {} : { med }),
        ...(asPathPrepend === null || asPathPrepend === 0 ? {} : { asPathPrepend }),
        ...(linkBandwidth === 0 ? {} : { linkBandwidth }),
      };
      this.interned.set(key, attributes);
    }
    return attributes;
  }
}

const firstOf = (all: readonly Speaking[], name: "med" | "asPathPrepend"): number | null =>
  all.find((each) => each[name] !== null)?.[name] ?? null;

/** Services that share an address and set the same attribute by annotation: what draws more traffic counts. */
const byPreference = (a: Speaking, b: Speaking): number =>
  (b.localPref ?? 0) - (a.localPref ?? 0) ||
  (a.med ?? 0) - (b.med ?? 0) ||
  (a.asPathPrepend ?? 0) - (b.asPathPrepend ?? 0);
