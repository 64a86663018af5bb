import { ANNOTATIONS, annotation, type EndpointSlice, L2_NODE, type Node, type Service } from "#api";
import type { L2Advertisement } from "#config";
import { formatIp, type Ip } from "#net";
import { someLeftOut } from "./layer2-abilities.ts";
import { type Elected, Electorate, interfacesOf } from "./layer2-electorate.ts";
import type { Placeable } from "./layer2-placement.ts";
import { ranked, type Scored, type Sha256 } from "./layer2-ranking.ts";
import type { Layer2Sharers } from "./layer2-sharers.ts";
import { sameNode, unfit } from "./node-facts.ts";
import type { Layer2Verdict, LeaseHolders, World } from "./plan.ts";
import type { Facts, ReasonCode } from "./reasons.ts";
import type { Held } from "./service-class.ts";

export interface Layer2Options {
  readonly nodeName: string;
  readonly ignoreExcludeLabel: boolean;
  readonly sha256: Sha256;
}

/** What is decided of a Service. */
export interface Layer2Decision {
  readonly verdict: Layer2Verdict;
  /** Nodes whose end would make this node announce it, now or next: their silence must be noticed at once. */
  readonly watches: readonly string[];
  /** Of a balanced Service. */
  readonly placeable?: Placeable;
  /** It may be announced only while this node holds its Lease. Absent: it is not fenced so. */
  readonly fenced?: boolean;
}

/** In a cluster of so many candidates each watches all others anyway. */
export const WATCH_ALL = 16;

const NOTHING: readonly string[] = [];
const NO_LEASES: LeaseHolders = { holders: new Set(), speakers: new Map(), why: "nobody keeps Leases here" };

const refuse = (reason: ReasonCode, facts: Facts = {}): Layer2Decision => ({
  verdict: { announced: false, reason, facts },
  watches: NOTHING,
});

/**
 * The layer-2 election: every speaker works out from the same objects and the same live members which
 * one node answers for a Service's addresses. Best is who is preferred most, then whose SHA-256 of
 * `node#address` is least (contract 6.5); the first address decides for all of them. MetalLB's own speakers elect
 * among all candidates. Where their winner is a speaker of ours that said that it cannot answer, another of ours
 * does: so speakers of both kinds agree on who answers.
 */
export class Layer2Election {
  private readonly options: Layer2Options;
  private own: Node | null = null;
  /** Of the speakers that are alive, and of those that hold their Lease. */
  private readonly members: Electorate;
  private readonly leased: Electorate;
  private leases: LeaseHolders | null = null;
  /** Whether an advertisement that selects the own node wants it to hold a Lease. */
  wantsLease = false;
  private watchesAll = true;
  private hasMajority = true;

  constructor(options: Layer2Options) {
    this.options = options;
    this.members = new Electorate(options.sha256);
    this.leased = new Electorate(options.sha256);
  }

  /** Takes nodes, live members and advertisements as they are now; true when a candidate may differ. */
  refresh(world: World, advertisements: ReadonlySet<L2Advertisement>): boolean {
    const { nodeName, ignoreExcludeLabel } = this.options;
    const own = world.nodes.get(nodeName) ?? this.own;
    let differs = !sameNode(own, this.own);
    this.own = own;
    const members = world.members ?? null;
    const watchesAll = members === null || members.size <= WATCH_ALL;
    differs ||= watchesAll !== this.watchesAll;
    this.watchesAll = watchesAll;
    const { hasMajority = true } = world;
    differs ||= hasMajority !== this.hasMajority;
    this.hasMajority = hasMajority;
    const fenced = [...advertisements].filter(({ fencing }) => fencing === "lease");
    this.wantsLease = own !== null && fenced.some(({ nodes }) => nodes(own.labels));
    const leases = fenced.length === 0 ? null : (world.leases ?? NO_LEASES);
    differs ||= leases !== this.leases;
    this.leases = leases;
    const fit = [...world.nodes.values()].filter((node) => !unfit(node, ignoreExcludeLabel));
    const drained = new Set([...world.nodes.values()].flatMap(({ name, drain }) => (drain === null ? [] : [name])));
    const able = members === null ? fit : fit.filter(({ name }) => members.has(name));
    const speakers = members === null ? null : (world.speakers ?? null);
    differs = this.members.refresh({ able, speakers, drained }, advertisements) || differs;
    if (leases === null) return differs;
    const holders = fit.filter(({ name }) => leases.holders.has(name));
    return this.leased.refresh({ able: holders, speakers: leases.speakers, drained }, advertisements) || differs;
  }

  /** Of a Service whose pool an advertisement speaks of. */
  decide(
    service: Service,
    slices: Iterable<EndpointSlice>,
    { pool, ips }: Held,
    sharers: Layer2Sharers,
  ): Layer2Decision {
    const { nodeName: node } = this.options;
    const facts = { pool: pool.name, node };
    const serving = servingNodes(slices);
    if (serving.size === 0) return refuse("noEndpoints");
    const matching = pool.l2Advertisements.filter(({ services }) => services(service.labels));
    if (annotation(service, ANNOTATIONS.allowSharedIp) !== undefined)
      if (matching.some(({ hasServiceSelectors }) => hasServiceSelectors)) return refuse("sharedIPWithServiceSelector");
    const { own } = this;
    if (!own) return refuse("nodeUnknown", facts);
    const { leases } = this;
    const fenced = leases !== null && matching.some(({ fencing }) => fencing === "lease");
    const local = service.externalTrafficPolicy === "Local";
    const mine = matching.filter(({ nodes }) => nodes(own.labels));
    const refused = this.refusal(own, matching, mine, fenced, local ? serving : null, facts);
    const isBalanced = matching.some(({ placement }) => placement === "balanced");
    // One member places what others announce, too; not one that may know less than they do.
    const isBlind = this.isInMinority(matching) || (fenced && !leases.holders.has(node));
    if (refused && (!isBalanced || isBlind)) return refused;
    const address = ips[0] ? formatIp(ips[0]) : "";
    const electorate = fenced ? this.leased : this.members;
    const elected = electorate.elect(matching, local ? serving : null, ips, address);
    const placeable = isBalanced ? this.placeable(service, elected, ips, electorate.speakers, sharers) : null;
    if (refused) return { ...refused, ...(placeable ? { placeable } : {}) };
    const owner = placeable?.placed ?? elected.owner;
    const decision = this.seen(elected, owner, address, ips, mine);
    return { ...decision, ...(placeable ? { placeable } : {}), ...(fenced ? { fenced, watches: NOTHING } : {}) };
  }

  /** Why this node is none that could announce it. */
  private refusal(
    own: Node,
    matching: readonly L2Advertisement[],
    mine: readonly L2Advertisement[],
    fenced: boolean,
    among: ReadonlySet<string | null> | null,
    facts: Facts,
  ): Layer2Decision | null {
    const { leases } = this;
    const { nodeName: node, ignoreExcludeLabel } = this.options;
    if (mine.length === 0) return refuse("noMatchingAdvertisement", facts);
    const unable = unfit(own, ignoreExcludeLabel);
    if (unable) return refuse(unable.reason, unable.facts);
    if (this.isInMinority(matching)) return refuse("noMajority", facts);
    if (fenced && leases !== null && !leases.holders.has(node)) return refuse("noLease", { ...facts, why: leases.why });
    return among !== null && !among.has(node) ? refuse("noLocalEndpoints", facts) : null;
  }

  private isInMinority(matching: readonly L2Advertisement[]): boolean {
    return !this.hasMajority && matching.some(({ fencing }) => fencing === "majority");
  }

  /** What the owner means for this node. */
  private seen(
    { field, leftOut }: Elected,
    owner: string | null,
    address: string,
    ips: readonly Ip[],
    mine: readonly L2Advertisement[],
  ): Layer2Decision {
    const { nodeName: node } = this.options;
    if (owner === null) return refuse("noCandidate");
    if (owner === node) {
      const [addresses, interfaces] = [ips.map(formatIp), interfacesOf(mine)];
      return {
        verdict: { announced: true, ips: addresses, interfaces, leftOut: someLeftOut(leftOut) },
        watches: NOTHING,
      };
    }
    const unfitted = leftOut.find((each) => each.node === node);
    if (unfitted) return refuse(unfitted.reason, unfitted.facts);
    return { ...refuse("ownedByOther", { owner }), watches: this.watches(field, owner, address) };
  }

  /**
   * Of a balanced Service: where it may be and is placed. Null: speakers of MetalLB's own take part, who know no
   * placement.
   */
  private placeable(
    service: Service,
    { field }: Elected,
    ips: readonly Ip[],
    speakers: Electorate["speakers"],
    sharers: Layer2Sharers,
  ): Placeable | null {
    const [ip] = ips;
    if (!ip) return null;
    if (speakers !== null && !field.every(([name]) => speakers.has(name))) return null;
    const isShared = sharers.addressOf(service.key) !== null;
    const written = service.annotations[L2_NODE];
    const named = isShared ? sharers.placeOf(service.key) : written;
    const placed = field.some(([name]) => name === named) ? (named ?? null) : null;
    return { ip, field: ranked(field, formatIp(ip), this.options.sha256), placed, isShared, written };
  }

  /** Where not all watch all: the owner, when this node is the next two in line, and the one before it. */
  private watches(field: readonly Scored[], owner: string, address: string): readonly string[] {
    if (this.watchesAll) return NOTHING;
    const [first, second] = ranked(field, address, this.options.sha256).filter((node) => node !== owner);
    const { nodeName } = this.options;
    if (nodeName === first) return [owner];
    return nodeName === second && first !== undefined ? [owner, first] : NOTHING;
  }
}

/** The nodes of the endpoints that can serve; null: of one without a node. */
function servingNodes(slices: Iterable<EndpointSlice>): ReadonlySet<string | null> {
  const nodes = new Set<string | null>();
  for (const { endpoints } of slices) for (const { serving, nodeName } of endpoints) if (serving) nodes.add(nodeName);
  return nodes;
}
