import { formatPrefix, type Ip, prefixOf } from "#net";
import { best, type Sha256 } from "./layer2-ranking.ts";

/** A balanced Service. */
export interface Placeable {
  /** The first of its addresses. */
  readonly ip: Ip;
  /** The nodes that could announce it, in the order of the election: without a placement the first does. */
  readonly field: readonly string[];
  /** Where it is placed; null: nowhere, or where it cannot be announced. */
  readonly placed: string | null;
}

/** Addresses are counted per subnet: so long are the prefixes of LANs nearly everywhere. */
const SUBNET = { 4: 24, 6: 64 } as const;

/**
 * Where those Services are to be placed that are nowhere: each at the node that has fewest of the subnet, so that
 * nodes which stay differ by one at most. What is placed stays. Of equal nodes the one that announces it already.
 */
export function placements(all: ReadonlyMap<string, Placeable>): ReadonlyMap<string, string> {
  const subnets = new Map<string, Map<string, number>>();
  const countsOf = ({ ip }: Placeable): Map<string, number> => {
    const subnet = formatPrefix(prefixOf(ip, SUBNET[ip.family]));
    const counts = subnets.get(subnet) ?? new Map<string, number>();
    subnets.set(subnet, counts);
    return counts;
  };
  const homeless: [string, Placeable][] = [];
  for (const [key, each] of all)
    if (each.placed === null) homeless.push([key, each]);
    else countsOf(each).set(each.placed, (countsOf(each).get(each.placed) ?? 0) + 1);
  const placed = new Map<string, string>();
  for (const [key, each] of homeless.sort(([a], [b]) => (a < b ? -1 : 1))) {
    const counts = countsOf(each);
    const fewest = Math.min(...each.field.map((node) => counts.get(node) ?? 0));
    const node = each.field.find((name) => (counts.get(name) ?? 0) === fewest);
    if (node === undefined) continue;
    counts.set(node, fewest + 1);
    placed.set(key, node);
  }
  return placed;
}

/** The one member that places; null: nobody is alive. */
export const placerOf = (members: Iterable<string>, sha256: Sha256): string | null =>
  best(
    Array.from(members, (name) => [name, 0] as const),
    "metallb.io/l2-placement",
    sha256,
  );
