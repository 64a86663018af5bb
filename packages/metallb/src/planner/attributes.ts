import type { PathAttributes } from "#bgp";
import type { BgpAdvertisement } from "#config";

/**
 * Path attributes made once each: equal sets are one object, so that packing is grouping by identity.
 * What one prefix gets from several advertisements is merged: communities are united, and the local
 * preference is that of the first advertisement by name which sets one.
 */
export class AttributeTable {
  private readonly interned = new Map<string, PathAttributes>();

  of(advertisements: Iterable<BgpAdvertisement>): PathAttributes {
    const all = [...advertisements].sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
    const communities = [...new Set(all.flatMap((each) => each.communities))].sort((a, b) => a - b);
    const large = new Map(
      all.flatMap((each) => each.largeCommunities).map((community) => [community.join(":"), community]),
    );
    const largeCommunities = [...large.values()].sort((a, b) => a[0] - b[0] || a[1] - b[1] || a[2] - b[2]);
    const localPref = all.find((each) => each.localPref !== null)?.localPref ?? null;
    const key = JSON.stringify([localPref, communities, largeCommunities]);
    let attributes = this.interned.get(key);
    if (!attributes) {
      attributes = { localPref, communities, largeCommunities };
      this.interned.set(key, attributes);
    }
    return attributes;
  }
}
