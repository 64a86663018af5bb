import type { Malformed } from "#config";
import { bad, type Decoded, good } from "./decoded.ts";
import type { KindName } from "./kinds.ts";
import type { Source, Stores } from "./machine.ts";

/** The kinds that the configuration is made of, in today's form. */
export const CONFIGURATION_KINDS = [
  "ipaddresspools",
  "communities",
  "namespaces",
  "bgpadvertisements",
  "l2advertisements",
  "bgppeers",
  "bfdprofiles",
  "secrets",
] as const satisfies readonly KindName[];

/** The kinds of it that allocation depends on. */
export const POOL_KINDS = ["ipaddresspools", "communities", "namespaces"] as const satisfies readonly KindName[];

/** The configuration as custom resources say it; what a process does not read counts as empty. */
export const customResources = (kinds: readonly KindName[] = CONFIGURATION_KINDS): Source => ({
  kinds,
  resources: (stores: Partial<Stores>) => {
    const malformed: Malformed[] = [];
    const decoded = <T>(store: ReadonlyMap<string, Decoded<T>> | undefined): Iterable<T> => {
      if (!store) return [];
      malformed.push(...bad(store.values()));
      return good(store.values());
    };
    return {
      pools: decoded(stores.ipaddresspools),
      communities: decoded(stores.communities),
      bgpAdvertisements: decoded(stores.bgpadvertisements),
      l2Advertisements: decoded(stores.l2advertisements),
      peers: decoded(stores.bgppeers),
      bfdProfiles: decoded(stores.bfdprofiles),
      namespaces: stores.namespaces?.values() ?? [],
      secrets: stores.secrets ?? new Map(),
      malformed,
    };
  },
});
