import { ANNOTATIONS, annotation, type EndpointSlice, type Service } from "#api";
import { type BgpAdvertisement, type Config, type L2Advertisement, type Pool, PoolLookup } from "#config";
import { formatIp, type Ip } from "#net";
import { foreign } from "./node-facts.ts";
import { type NodeState, Reach, type Reached } from "./reach.ts";
import { type Reason, sentence } from "./reasons.ts";
import { holdingOf } from "./service-class.ts";
import { aboutMany, listed } from "./wording.ts";

/** A node that announces a Service by layer 2, as its status object says. */
export interface Owner {
  readonly node: string;
  /** Empty: all. */
  readonly interfaces: readonly string[];
}

/** What is to be said of one Service. */
export interface ClusterState {
  readonly service: Service;
  readonly slices: Iterable<EndpointSlice>;
  readonly owners: readonly Owner[];
}

/** By whom a Service is announced, or why not. */
export type ClusterVerdict =
  | { readonly announced: true; readonly message: string }
  | { readonly announced: false; readonly reason: Reason["reason"]; readonly message: string };

type Side = { readonly by: string } | { readonly why: Reason };

interface Endpoints {
  readonly any: boolean;
  /** Null: the policy is Cluster, so that any node may announce it. */
  readonly nodes: ReadonlySet<string> | null;
}

/**
 * What the whole cluster does for each Service, as one observer sees it: configuration, what each
 * speaker tells of its sessions, endpoints, and who says that it owns an address at layer 2. What many
 * Services have in common is worked out once; a node that changes costs one look at each advertisement.
 */
export class ClusterVerdicts {
  private readonly ours: string | null;
  private pools = new PoolLookup({ pools: [] });
  private readonly nodes = new Map<string, NodeState>();
  private reaches = new Map<BgpAdvertisement | L2Advertisement, Reach>();
  /** BGP's part by what it depends on, until something changes. */
  private readonly known = new Map<string, Side>();

  /** `ours`: the class that is served; null: Services without one. */
  constructor(ours: string | null) {
    this.ours = ours;
  }

  configured(config: Config): void {
    this.pools = new PoolLookup(config);
    const before = this.reaches;
    this.reaches = new Map();
    for (const { bgpAdvertisements, l2Advertisements } of config.pools)
      for (const each of [...bgpAdvertisements, ...l2Advertisements]) {
        const reach = before.get(each);
        if (reach) this.reaches.set(each, reach);
      }
    this.known.clear();
  }

  /** Null: the node is gone. */
  setNode(name: string, state: NodeState | null): void {
    if (state) this.nodes.set(name, state);
    else this.nodes.delete(name);
    for (const reach of this.reaches.values()) reach.set(name, state);
    this.known.clear();
  }

  /** Null: the Service is none of ours, or holds no address, which is another condition's business. */
  verdict({ service, slices, owners }: ClusterState): ClusterVerdict | null {
    if (foreign(service, this.ours) !== null) return null;
    const holding = holdingOf(service, this.pools);
    if ("reason" in holding) {
      if (holding.reason === "noIPAllocated") return null;
      return { announced: false, reason: holding.reason, message: sentence(holding) };
    }
    const { pool, ips } = holding;
    const endpoints = endpointsOf(service, slices);
    const bgp = pool.bgpAdvertisements.length === 0 ? null : this.byBgp(service, pool, ips, endpoints);
    const layer2 = this.byLayer2(service, pool, owners, endpoints);
    return joined(ips, pool, bgp, layer2);
  }

  private byBgp(service: Service, pool: Pool, ips: readonly Ip[], endpoints: Endpoints): Side {
    const families = `${ips.some(({ family }) => family === 4) ? 4 : ""}${ips.some(({ family }) => family === 6) ? 6 : ""}`;
    const selected = pool.bgpAdvertisements.map(({ services }) => services(service.labels));
    const key = `${JSON.stringify(pool.name)} ${selected.map(Number).join("")} ${families} ${endpoints.any}`;
    const known = endpoints.nodes === null ? this.known.get(key) : undefined;
    if (known) return known;
    const advertisements = pool.bgpAdvertisements.filter((_, i) => selected[i]);
    const side = bgpSide(pool, this.reachOf(advertisements), families, endpoints);
    // Where the endpoints' nodes count, each Service has a case of its own, and few nodes to look at.
    if (endpoints.nodes === null) this.known.set(key, side);
    return side;
  }

  private byLayer2(service: Service, pool: Pool, owners: readonly Owner[], endpoints: Endpoints): Side | null {
    if (owners.length > 0) {
      const each = owners.map(({ node, interfaces }) =>
        interfaces.length === 0 ? node : `${node} (${listed(interfaces)})`,
      );
      return { by: `by layer 2 from ${listed(each.sort())}` };
    }
    if (pool.l2Advertisements.length === 0) return null;
    const matching = pool.l2Advertisements.filter(({ services }) => services(service.labels));
    const shares = annotation(service, ANNOTATIONS.allowSharedIp) !== undefined;
    if (shares && matching.some(({ hasServiceSelectors }) => hasServiceSelectors))
      return { why: { reason: "sharedIPWithServiceSelector", facts: {} } };
    const candidates = candidatesOf(pool, this.reachOf(matching), endpoints);
    return { why: "reason" in candidates ? candidates : { reason: "noOwner", facts: {} } };
  }

  private reachOf(advertisements: readonly (BgpAdvertisement | L2Advertisement)[]): readonly Reach[] {
    return advertisements.map((each) => {
      let reach = this.reaches.get(each);
      if (!reach) {
        reach = new Reach(each, this.nodes.values());
        this.reaches.set(each, reach);
      }
      return reach;
    });
  }
}

function endpointsOf(service: Service, slices: Iterable<EndpointSlice>): Endpoints {
  const nodes = service.externalTrafficPolicy === "Local" ? new Set<string>() : null;
  let any = false;
  for (const { endpoints } of slices)
    for (const { serving, nodeName } of endpoints) {
      if (!serving) continue;
      any = true;
      if (nodeName !== null) nodes?.add(nodeName);
    }
  return { any, nodes };
}

/** The selected nodes that may announce: with a speaker, fit, and with an endpoint where the policy asks for one. */
function candidatesOf(pool: Pool, reaches: readonly Reach[], { any, nodes }: Endpoints): ReadonlySet<string> | Reason {
  if (any && nodes !== null) {
    const near = [...nodes].filter((name) => reaches.some((reach) => isAble(reach.nodes.get(name)?.state)));
    if (near.length > 0) return new Set(near);
  }
  const facts = { pool: pool.name };
  const selected = new Map(
    reaches.flatMap((reach) => [...reach.nodes.values()].map(({ state }) => [state.name, state] as const)),
  );
  if (selected.size === 0) return { reason: "noNodeSelected", facts };
  if (!any) return { reason: "noEndpoints", facts: {} };
  const all = [...selected.values()];
  const fit = all.filter(({ told }) => told === null || told.unfit === null);
  if (fit.length === 0) return { reason: "nodesExcluded", facts: { ...facts, why: whyExcluded(all) } };
  const near = nodes === null ? fit : fit.filter(({ name }) => nodes.has(name));
  if (near.length === 0) return { reason: "noNodeWithEndpoints", facts: { nodes: aboutMany(namesOf(fit)) } };
  const able = near.filter(isAble);
  if (able.length === 0) return { reason: "noSpeaker", facts: { nodes: aboutMany(namesOf(near)) } };
  return new Set(namesOf(able));
}

const isAble = (state: NodeState | undefined): boolean =>
  state !== undefined && state.told !== null && state.told.unfit === null;

const namesOf = (nodes: readonly NodeState[]): readonly string[] => nodes.map(({ name }) => name);

function whyExcluded(nodes: readonly NodeState[]): string {
  const [first] = nodes;
  const why = first?.told?.unfit ? sentence({ reason: first.told.unfit, facts: { node: first.name } }) : "";
  return nodes.length > 1 ? `${why}, and so on` : why;
}

function bgpSide(pool: Pool, reaches: readonly Reach[], families: string, endpoints: Endpoints): Side {
  const candidates = candidatesOf(pool, reaches, endpoints);
  if ("reason" in candidates) return { why: candidates };
  const peers = new Set<string>();
  const from = new Set<string>();
  const carried = new Set<string>();
  const down: string[] = [];
  let named = false;
  for (const [name, reached] of byNode(reaches, candidates)) {
    named ||= reached.some((each) => each.named.length > 0);
    const up = reached.flatMap((each) => [...each.up]);
    for (const [peer, able] of up)
      for (const family of able)
        if (families.includes(family)) {
          peers.add(peer);
          from.add(name);
          carried.add(family);
        }
    if (up.length === 0)
      for (const peer of new Set(reached.flatMap((each) => each.named))) down.push(`${name} to ${peer}`);
  }
  const nodes = aboutMany([...candidates]);
  if (from.size === 0) {
    if (!named) return { why: { reason: "noPeer", facts: { node: nodes } } };
    if (down.length > 0) return { why: { reason: "noSession", facts: { sessions: aboutMany(down, "sessions") } } };
    const family = families === "6" ? "IPv6" : "IPv4";
    return { why: { reason: "noPeerOfFamily", facts: { node: nodes, family } } };
  }
  const lacking = families
    .split("")
    .filter((family) => !carried.has(family))
    .map((family) => `IPv${family}`);
  const without = lacking.length === 0 ? "" : `, no session carries ${lacking.join(" and ")}`;
  const missing = down.length === 0 ? "" : `, down: ${aboutMany(down, "sessions")}`;
  return { by: `by BGP from ${aboutMany([...from])} to ${aboutMany([...peers], "peers")}${without}${missing}` };
}

/** What each candidate does for any of the advertisements. */
function* byNode(
  reaches: readonly Reach[],
  candidates: ReadonlySet<string>,
): Generator<readonly [string, readonly Reached[]]> {
  for (const name of candidates) yield [name, reaches.flatMap((reach) => reach.nodes.get(name) ?? [])];
}

function joined(ips: readonly Ip[], pool: Pool, bgp: Side | null, layer2: Side | null): ClusterVerdict {
  const sides = [bgp, layer2].filter((side) => side !== null);
  const by = sides.flatMap((side) => ("by" in side ? [side.by] : []));
  if (by.length > 0) return { announced: true, message: `${ips.map(formatIp).join(", ")} ${by.join("; ")}` };
  const whys = sides.flatMap((side) => ("why" in side ? [side.why] : []));
  const [first, second] = whys;
  if (!first) {
    const message = `no BGPAdvertisement and no L2Advertisement speaks of pool ${pool.name}`;
    return { announced: false, reason: "noAdvertisement", message };
  }
  const same = second === undefined || sentence(first) === sentence(second);
  const message = same ? sentence(first) : `BGP: ${sentence(first)}; layer 2: ${sentence(second)}`;
  return { announced: false, reason: first.reason, message };
}
