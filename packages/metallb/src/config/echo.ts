import type { BfdProfile, Peer, Pool } from "./config.ts";
import { ProblemList } from "./problems.ts";

/**
 * Upstream's rule: where IPv6 addresses are announced to a peer, its BFD profile must not ask for echo, which
 * FRR has for IPv4 alone. It is told of the pool, and nothing is withdrawn for it.
 */
export function echoProblems(
  pools: readonly Pool[],
  peers: readonly Peer[],
  profiles: readonly BfdProfile[],
): readonly ProblemList[] {
  const echoing = new Set(profiles.filter(({ echoMode }) => echoMode).map(({ name }) => name));
  if (echoing.size === 0) return [];
  const asking = peers.filter(({ bfdProfile }) => bfdProfile !== null && echoing.has(bfdProfile));
  if (asking.length === 0) return [];
  return pools
    .filter(({ families }) => families.has(6))
    .map((pool) => {
      const list = new ProblemList("IPAddressPool", pool.name);
      for (const { name, peers: told } of pool.bgpAdvertisements)
        for (const peer of asking)
          if (told === null || told.has(peer.name))
            list.add(
              "invalidBFDProfile",
              "spec.addresses",
              `pool ${pool.name} has bgpadvertisement ${name} which references peer ${peer.name} which has bfd echo enabled, which is not possible`,
            );
      return list;
    })
    .filter((list) => !list.isEmpty);
}
