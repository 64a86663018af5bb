import { formatIp, formatPrefix, type Ip, prefixOf } from "#net";
import { type Item, Level } from "./layer2-level.ts";
import { best, type Sha256 } from "./layer2-ranking.ts";

/** A balanced Service. */
export interface Placeable {
  /** The first of its addresses. */
  readonly ip: Ip;
  /** The nodes that could announce it, in the order of the election: without a placement the first does. */
  readonly field: readonly string[];
  /** Where it is placed; null: nowhere, or where it cannot be announced. */
  readonly placed: string | null;
  /** It may share its address: those that do are one, and placed together. */
  readonly isShared: boolean;
  /** What is written on it itself; of those that share an address the first counts. */
  readonly written: string | undefined;
}

/** An address that moves, with its Services, first by name. */
export interface Move {
  readonly services: readonly string[];
  readonly ip: Ip;
  readonly from: string;
  readonly to: string;
}

/** Addresses are counted per subnet: so long are the prefixes of LANs nearly everywhere. */
const SUBNET = { 4: 24, 6: 64 } as const;

/**
 * Where those Services are to be placed that are nowhere: each at the node that has fewest of the subnet, so that
 * nodes which stay differ by one at most. What is placed stays. Of equal nodes the one that announces it already.
 * Those that share an address with one that is placed get the same written.
 */
export function placements(all: ReadonlyMap<string, Placeable>): ReadonlyMap<string, string> {
  const placed = new Map<string, string>();
  for (const items of subnetsOf(all).values())
    for (const [item, node] of placedEvenly(items))
      for (const service of item.services) if (all.get(service)?.written !== node) placed.set(service, node);
  return placed;
}

/**
 * Few moves after which no two nodes of a subnet differ by more than one address, as far as those can announce what
 * they would get.
 */
export const levelling = (all: ReadonlyMap<string, Placeable>): readonly Move[] =>
  [...subnetsOf(all).values()].flatMap((items) => {
    const before = new Map(placedEvenly(items));
    const level = new Level(before);
    while (level.passOn());
    return [...before].flatMap(([item, from]) => {
      const to = level.at(item);
      return from === to ? [] : [{ services: item.services, ip: item.ip, from, to }];
    });
  });

/** The one member that places; null: nobody is alive. */
export const placerOf = (members: Iterable<string>, sha256: Sha256): string | null =>
  best(
    Array.from(members, (name) => [name, 0] as const),
    "metallb.io/l2-placement",
    sha256,
  );

/** By name, so that all see them in the same order. */
function subnetsOf(all: ReadonlyMap<string, Placeable>): ReadonlyMap<string, readonly Item[]> {
  const subnets = new Map<string, Item[]>();
  const shared = new Map<string, Item>();
  for (const [key, { ip, field, placed, isShared }] of [...all].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const address = formatIp(ip);
    const known = isShared ? shared.get(address) : undefined;
    if (known) {
      known.services.push(key);
      continue;
    }
    const item = { services: [key], ip, field, placed };
    if (isShared) shared.set(address, item);
    const subnet = formatPrefix(prefixOf(ip, SUBNET[ip.family]));
    const items = subnets.get(subnet) ?? [];
    subnets.set(subnet, items);
    items.push(item);
  }
  return subnets;
}

/** All that can be anywhere, where they are or are to be. */
function placedEvenly(items: readonly Item[]): readonly (readonly [Item, string])[] {
  const counts = new Map<string, number>();
  for (const { placed } of items) if (placed !== null) counts.set(placed, (counts.get(placed) ?? 0) + 1);
  return items.flatMap((item) => {
    if (item.placed !== null) return [[item, item.placed]];
    const fewest = Math.min(...item.field.map((node) => counts.get(node) ?? 0));
    const node = item.field.find((name) => (counts.get(name) ?? 0) === fewest);
    if (node === undefined) return [];
    counts.set(node, fewest + 1);
    return [[item, node]];
  });
}
