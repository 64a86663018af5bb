import type { NeighborEffect } from "../events.ts";
import type { HeldAddress } from "./held-address.ts";
import type { Link } from "./link.ts";

/** Joins and leaves the groups in which the address is asked for, where it is spoken for and nowhere else. */
export function* groupChanges(address: HeldAddress, links: Iterable<Link>): Generator<NeighborEffect> {
  if (address.ip.family === 4) return;
  for (const link of links) {
    const wanted = address.state !== "withdrawn" && address.speaksOn(link);
    const group = wanted ? link.want(address.ip.value) : link.drop(address.ip.value);
    if (group === null) continue;
    yield { kind: "groups", link: link.index, join: wanted ? [group] : [], leave: wanted ? [] : [group] };
  }
}
