import { allocatedFrom, type EndpointSlice, type Node, type Service } from "#api";
import type { BgpAdvertisement, Pool, PoolLookup } from "#config";
import { formatIp, type Ip, ipEquals, type Prefix, parseIp, prefixOf, unmap } from "#net";
import type { Facts, ReasonCode } from "./reasons.ts";

/** What this node knows of itself. */
export interface NodeFacts {
  readonly name: string;
  /** Null: the API does not know the node. */
  readonly node: Node | null;
  readonly ignoreExcludeLabel: boolean;
  /** Names of the peers that this node keeps sessions with. */
  readonly peers: ReadonlySet<string>;
}

/** One route that a Service wants: a prefix with the attributes of one advertisement. */
export interface WantedRoute {
  readonly prefix: Prefix;
  readonly advertisement: BgpAdvertisement;
}

export type BgpDecision =
  | {
      readonly announced: true;
      readonly ips: readonly string[];
      readonly peers: readonly string[];
      readonly routes: readonly WantedRoute[];
    }
  | { readonly announced: false; readonly reason: ReasonCode; readonly facts: Facts };

const EXCLUDE_LABEL = "node.kubernetes.io/exclude-from-external-load-balancers";

const refuse = (reason: ReasonCode, facts: Facts = {}): BgpDecision => ({ announced: false, reason, facts });

/**
 * Whether and how this node announces one Service by BGP. The first rule that says no gives the
 * reason. Costs what the Service has: addresses, endpoints, advertisements of its pool.
 */
export function decideBgp(
  service: Service,
  slices: Iterable<EndpointSlice>,
  pools: PoolLookup,
  at: NodeFacts,
): BgpDecision {
  if (service.type !== "LoadBalancer") return refuse("notLoadBalancer");
  const texts = service.ingress.flatMap(({ ip }) => (ip === null ? [] : [ip]));
  if (texts.length === 0) return refuse("noIPAllocated");
  const ips: Ip[] = [];
  for (const text of texts) {
    const parsed = parseIp(text);
    if (!parsed.ok) return refuse("invalidIP", { ip: text.slice(0, 60) });
    ips.push(unmap(parsed.value));
  }
  const pool = pools.carrying(ips, allocatedFrom(service));
  if (!pool) return refuse("ipNotAllowed", { ips: texts.join(", ") });
  const advertisements = matchingAdvertisements(service, pool, at);
  if (!Array.isArray(advertisements)) return advertisements;
  if (at.node?.networkUnavailable) return refuse("nodeNetworkUnavailable", { node: at.name });
  if (!at.ignoreExcludeLabel && at.node && EXCLUDE_LABEL in at.node.labels)
    return refuse("nodeLabeledExcludeBalancers", { node: at.name });
  const endpoints = endpointReason(service, slices, at);
  if (endpoints) return endpoints;
  return announce(ips, advertisements, at);
}

function matchingAdvertisements(service: Service, pool: Pool, at: NodeFacts): BgpDecision | BgpAdvertisement[] {
  const facts = { pool: pool.name, node: at.name };
  if (!at.node) return refuse("nodeUnknown", facts);
  if (pool.bgpAdvertisements.length === 0) return refuse("noAdvertisement", facts);
  const { labels } = at.node;
  const here = pool.bgpAdvertisements.filter((advertisement) => advertisement.nodes(labels));
  if (here.length === 0) return refuse("notOwner", facts);
  const matching = here.filter((advertisement) => advertisement.services(service.labels));
  return matching.length === 0 ? refuse("noMatchingAdvertisement", facts) : matching;
}

function endpointReason(service: Service, slices: Iterable<EndpointSlice>, at: NodeFacts): BgpDecision | null {
  const local = service.externalTrafficPolicy === "Local";
  for (const { endpoints } of slices)
    for (const { serving, hasAddress, nodeName } of endpoints)
      if (serving && hasAddress && (!local || nodeName === at.name)) return null;
  return refuse(local ? "noLocalEndpoints" : "noEndpoints", { node: at.name });
}

function announce(ips: readonly Ip[], advertisements: readonly BgpAdvertisement[], at: NodeFacts): BgpDecision {
  const peers = new Set<string>();
  for (const { peers: named } of advertisements)
    for (const peer of at.peers) if (named === null || named.has(peer)) peers.add(peer);
  if (peers.size === 0) return refuse("noPeer", { node: at.name });
  const distinct = ips.filter((address, i) => ips.findIndex((other) => ipEquals(address, other)) === i);
  const routes = distinct.flatMap((address) =>
    advertisements.map((advertisement) => ({
      prefix: prefixOf(
        address,
        address.family === 4 ? advertisement.aggregationLength : advertisement.aggregationLengthV6,
      ),
      advertisement,
    })),
  );
  return { announced: true, ips: distinct.map(formatIp), peers: [...peers].sort(), routes };
}
