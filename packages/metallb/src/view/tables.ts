import type { Timestamp } from "#net";
import { bfdText, timerText } from "./sessions.ts";
import { spanText } from "./times.ts";
import type { NodeView, OwnerView, Picture, PoolView, ProcessView, ServiceView, SessionView } from "./view.ts";

/** A table as people read it. */
export interface ShownTable {
  readonly head: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

/** The tables that every source can fill. `now`: milliseconds since 1970. */
export const tablesOf = (view: Picture, now: Timestamp) => ({
  sessions: {
    head: ["SESSION OF", "PEER", "STATE", "SINCE", "PREFIXES", "BFD", "WHY"],
    rows: view.nodes.flatMap((node) => node.sessions.map((session) => sessionRow(node, session, now))),
  },
  services: { head: ["SERVICE", "ADDRESS", "POOL", "ANNOUNCED"], rows: view.services.flatMap(serviceRows) },
  pools: { head: ["POOL", "ADDRESSES", "AUTO-ASSIGN", "USED", "FREE"], rows: view.pools.map(poolRow) },
  layer2: {
    head: ["SERVICE", "ADDRESS", "OWNER", "INTERFACES", "FAILOVER"],
    rows: view.layer2.map(({ service, address, node, interfaces, failover }) => [
      service,
      address,
      node,
      interfaces.join(",") || "all",
      failoverText(failover, now),
    ]),
  },
  nodes: {
    head: ["NODE", "ADDRESS", "SPEAKER"],
    rows: view.nodes.map((node) => [node.name, node.address, processText(node.speaker)]),
  },
});

/** Such as `0.31 s from node-2, 5m12s ago`; empty where there was none. */
export const failoverText = (failover: OwnerView["failover"], now: Timestamp): string =>
  failover === undefined
    ? ""
    : `${(failover.milliseconds / 1_000).toFixed(2)} s from ${failover.from}, ${spanText(now - failover.at)} ago`;

export function processText({ running, title, restarts, lastEnding }: ProcessView): string {
  if (!running) return `not running (${[title, lastEnding].filter((part) => part !== "").join(": ")})`;
  if (restarts === 0) return title;
  return `${title}, restarted ${restarts}×${lastEnding === "" ? "" : ` (${lastEnding})`}`;
}

function sessionRow(node: NodeView, session: SessionView, now: Timestamp): readonly string[] {
  const { established, router, speaker, since, announcedPrefixes, reason, shortcomings } = session;
  const sides = router === "" || speaker === "" ? [router || speaker || "unknown"] : [speaker, `router: ${router}`];
  return [
    node.name,
    session.peer,
    established ? "Established" : sides.join(", "),
    since === null ? "" : `${spanText(now - since)} ago`,
    announcedPrefixes === null ? "" : String(announcedPrefixes),
    bfdText(session.bfd),
    [established ? "" : reason, timerText(session, now), ...shortcomings].filter((text) => text !== "").join("; "),
  ];
}

/** One row, and one more for each pool that refused it. */
function serviceRows(service: ServiceView): readonly (readonly string[])[] {
  const { key, addresses, pool, pending, foreign, announcedFrom, refusals } = service;
  if (foreign !== "") return [[key, addresses.join(",") || "none", pool, `not ours: ${foreign}`]];
  const refused = service.refusedBy.map(({ pool: by, reason }) => ["", "", by, reason]);
  if (addresses.length === 0) return [[key, "pending", "", pending], ...refused];
  const reasons = refusals.map(({ nodes, reason }) => `${nodes.join(", ")}: ${reason}`);
  const announced = announcedFrom.length === 0 ? "nowhere" : announcedFrom.join(", ");
  return [
    [key, addresses.join(","), pool, [announced, ...reasons].join("; ")],
    ...(pending === "" ? [] : [["", "lacks one", "", pending]]),
    ...refused,
  ];
}

const poolRow = (pool: PoolView): readonly string[] => [
  pool.name,
  pool.addresses.join(","),
  pool.autoAssign ? "yes" : "no",
  pool.used ?? "?",
  pool.free ?? "?",
];
