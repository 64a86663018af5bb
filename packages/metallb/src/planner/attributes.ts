import type { PathAttributes } from "#bgp";
import { type BgpAdvertisement, byAge } from "#config";

/**
 * Path attributes made once each: equal sets are one object, so that packing is grouping by identity.
 * What one prefix gets from several advertisements is merged: communities are united, and the local
 * preference is that of the oldest advertisement, so that a younger one takes no route away.
 */
export class AttributeTable {
  private readonly interned = new Map<string, PathAttributes>();

  of(advertisements: Iterable<BgpAdvertisement>): PathAttributes {
    const all = [...advertisements].sort(byAge);
    const communities = [...new Set(all.flatMap((each) => each.communities))].sort((a, b) => a - b);
    const large = new Map(
      all.flatMap((each) => each.largeCommunities).map((community) => [community.join(":"), community]),
    );
    const largeCommunities = [...large.values()].sort((a, b) => a[0] - b[0] || a[1] - b[1] || a[2] - b[2]);
    const localPref = all[0]?.localPref ?? null;
    const key = JSON.stringify([localPref, communities, largeCommunities]);
    let attributes = this.interned.get(key);
    if (!attributes) {
      attributes = { localPref, communities, largeCommunities };
      this.interned.set(key, attributes);
    }
    return attributes;
  }
}
