import type { TableChange } from "#bgp";
import type { Ip } from "#net";
import type { PlanDifference } from "#planner";
import type { BgpDifference } from "./engine-registry.ts";

/**
 * Routes of one part: about what one UPDATE holds (810 IPv4 prefixes, RFC 4271 section 4.3), which an
 * engine takes in a few milliseconds.
 */
export const PART_ROUTES = 800;

/** Cuts a difference into parts for the BGP engine, in the order in which they must be taken. */
export function* bgpParts(
  difference: PlanDifference,
  fallbackRouterId: Ip,
  farewell: string | null = null,
): Generator<BgpDifference> {
  const nothing: BgpDifference = { routes: [], peersSet: [], peersRemoved: [], fallbackRouterId };
  const { peersSet, peersRemoved } = difference;
  for (const routes of cut(difference.routes)) yield { ...nothing, routes };
  if (peersSet.length + peersRemoved.length > 0)
    yield { ...nothing, peersSet, peersRemoved, ...(farewell === null ? {} : { farewell }) };
  for (const routes of cut(difference.routesAfter)) yield { ...nothing, routes };
}

/** Small changes of several tables go together; a large one is cut. */
function* cut(changes: readonly TableChange[]): Generator<readonly TableChange[]> {
  let part: TableChange[] = [];
  let room = PART_ROUTES;
  for (const { table, announce, withdraw } of changes) {
    for (let at = 0, end = announce.length + withdraw.length; at < end; ) {
      const until = at + room;
      // New routes first, then withdrawals: positions count through both lists.
      const taken: TableChange = {
        table,
        announce: announce.slice(at, until),
        withdraw: withdraw.slice(Math.max(0, at - announce.length), Math.max(0, until - announce.length)),
      };
      const size = taken.announce.length + taken.withdraw.length;
      part.push(taken);
      room -= size;
      at += size;
      if (room > 0) continue;
      yield part;
      part = [];
      room = PART_ROUTES;
    }
  }
  if (part.length > 0) yield part;
}
