import { ANNOTATIONS, annotation, type EndpointSlice, L2_NODE, type Node, type Service } from "#api";
import type { L2Advertisement } from "#config";
import { formatIp, type Ip } from "#net";
import { ableOf, someLeftOut } from "./layer2-abilities.ts";
import type { Placeable } from "./layer2-placement.ts";
import { best, ranked, type Scored, type Sha256 } from "./layer2-ranking.ts";
import { sameNode, unfit } from "./node-facts.ts";
import type { Layer2Verdict, LeftOut, SpeakerLinks, World } from "./plan.ts";
import type { Facts, ReasonCode } from "./reasons.ts";
import type { Held } from "./service-class.ts";

export interface Layer2Options {
  readonly nodeName: string;
  readonly ignoreExcludeLabel: boolean;
  readonly sha256: Sha256;
}

interface Elected {
  readonly owner: string | null;
  readonly leftOut: readonly LeftOut[];
  /** All that could have won. */
  readonly field: readonly Scored[];
}

/** What is decided of a Service. */
export interface Layer2Decision {
  readonly verdict: Layer2Verdict;
  /** Nodes whose end would make this node announce it, now or next: their silence must be noticed at once. */
  readonly watches: readonly string[];
  /** Of a balanced Service. */
  readonly placeable?: Placeable;
}

/** In a cluster of so many candidates each watches all others anyway. */
export const WATCH_ALL = 16;

const NOBODY: readonly LeftOut[] = [];

/** Nodes that an advertisement lets announce, with how much it prefers each. */
type Candidates = ReadonlyMap<string, number>;

const NOTHING: readonly string[] = [];

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
  private candidates = new Map<L2Advertisement, Candidates>();
  private speakers: ReadonlyMap<string, SpeakerLinks> | null = null;
  /** Nodes that are drained: their addresses go to others, where there are any. */
  private drained: ReadonlySet<string> = new Set();
  private watchesAll = true;
  private hasMajority = true;

  constructor(options: Layer2Options) {
    this.options = options;
  }

  /** Takes nodes, live members and advertisements as they are now; true when a candidate may differ. */
  refresh(world: World, advertisements: ReadonlySet<L2Advertisement>): boolean {
    const { nodeName, ignoreExcludeLabel } = this.options;
    const own = world.nodes.get(nodeName) ?? this.own;
    const before = this.candidates;
    this.candidates = new Map();
    let differs = !sameNode(own, this.own);
    this.own = own;
    const members = world.members ?? null;
    const speakers = members === null ? null : (world.speakers ?? null);
    differs ||= speakers !== this.speakers;
    this.speakers = speakers;
    const drained = new Set([...world.nodes.values()].flatMap(({ name, drain }) => (drain === null ? [] : [name])));
    differs ||= drained.size !== this.drained.size || !drained.isSubsetOf(this.drained);
    this.drained = drained;
    const watchesAll = members === null || members.size <= WATCH_ALL;
    differs ||= watchesAll !== this.watchesAll;
    this.watchesAll = watchesAll;
    const { hasMajority = true } = world;
    differs ||= hasMajority !== this.hasMajority;
    this.hasMajority = hasMajority;
    const able = [...world.nodes.values()].filter(
      (node) => (members === null || members.has(node.name)) && !unfit(node, ignoreExcludeLabel),
    );
    for (const advertisement of advertisements) {
      const candidates = new Map<string, number>();
      for (const { name, labels } of able)
        if (advertisement.nodes(labels)) candidates.set(name, preference(advertisement, labels));
      differs ||= !sameCandidates(before.get(advertisement), candidates);
      this.candidates.set(advertisement, candidates);
    }
    return differs;
  }

  /** Of a Service whose pool an advertisement speaks of. */
  decide(service: Service, slices: Iterable<EndpointSlice>, { pool, ips }: Held): Layer2Decision {
    const { nodeName: node, ignoreExcludeLabel } = this.options;
    const facts = { pool: pool.name, node };
    const serving = servingNodes(slices);
    if (serving.size === 0) return refuse("noEndpoints");
    const matching = pool.l2Advertisements.filter(({ services }) => services(service.labels));
    if (annotation(service, ANNOTATIONS.allowSharedIp) !== undefined)
      if (matching.some(({ hasServiceSelectors }) => hasServiceSelectors)) return refuse("sharedIPWithServiceSelector");
    const { own } = this;
    if (!own) return refuse("nodeUnknown", facts);
    const mine = matching.filter(({ nodes }) => nodes(own.labels));
    if (mine.length === 0) return refuse("noMatchingAdvertisement", facts);
    const unable = unfit(own, ignoreExcludeLabel);
    if (unable) return refuse(unable.reason, unable.facts);
    if (!this.hasMajority && matching.some(({ fencing }) => fencing === "majority")) return refuse("noMajority", facts);
    const local = service.externalTrafficPolicy === "Local";
    if (local && !serving.has(node)) return refuse("noLocalEndpoints", facts);
    const address = ips[0] ? formatIp(ips[0]) : "";
    const elected = this.elect(matching, local ? serving : null, ips, address);
    const placeable = this.placeable(service, matching, elected, ips);
    const owner = placeable?.placed ?? elected.owner;
    return { ...this.seen(elected, owner, address, ips, mine), ...(placeable ? { placeable } : {}) };
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

  /** The node that wins among the candidates of all these advertisements; `among`: no other may. */
  private elect(
    advertisements: readonly L2Advertisement[],
    among: ReadonlySet<string | null> | null,
    ips: readonly Ip[],
    address: string,
  ): Elected {
    const scores = new Map<string, number>();
    for (const advertisement of advertisements)
      for (const [node, score] of this.candidates.get(advertisement) ?? [])
        if (among === null || among.has(node)) scores.set(node, (scores.get(node) ?? 0) + score);
    const { sha256 } = this.options;
    const scored = [...scores];
    const first = best(scored, address, sha256);
    const all = this.withoutDrained(scored, first);
    const winner = all === scored ? first : best(all, address, sha256);
    const { speakers } = this;
    if (winner === null || !speakers?.has(winner)) return { owner: winner, leftOut: NOBODY, field: all };
    const { able, leftOut } = ableOf(
      all.map(([node]) => node),
      speakers,
      ips,
      (node) => this.interfacesAt(advertisements, node),
    );
    if (able.size === 0) return { owner: winner, leftOut, field: all };
    const field = all.filter(([node]) => able.has(node));
    return { owner: able.has(winner) ? winner : best(field, address, sha256), leftOut, field };
  }

  /** MetalLB's own speakers know of no drain: one that wins answers, and none inherits from one of ours. */
  private withoutDrained(scored: readonly Scored[], winner: string | null): readonly Scored[] {
    const { speakers, drained } = this;
    if (drained.size === 0) return scored;
    const isOurs = (node: string): boolean => speakers === null || speakers.has(node);
    const isGiven = winner !== null && drained.has(winner);
    if (isGiven && !isOurs(winner)) return scored;
    const heirs = scored.filter(([node]) => !drained.has(node) && (!isGiven || isOurs(node)));
    return heirs.length > 0 && heirs.length < scored.length ? heirs : scored;
  }

  /**
   * Of a balanced Service: where it may be and is placed. Null: it is not balanced, or speakers of MetalLB's own take
   * part, who know no placement. One that may share its address must be where the others are: it is not balanced.
   */
  private placeable(
    service: Service,
    advertisements: readonly L2Advertisement[],
    { field }: Elected,
    ips: readonly Ip[],
  ): Placeable | null {
    const [ip] = ips;
    if (!ip || !advertisements.some(({ placement }) => placement === "balanced")) return null;
    if (annotation(service, ANNOTATIONS.allowSharedIp)) return null;
    const { speakers } = this;
    if (speakers !== null && !field.every(([name]) => speakers.has(name))) return null;
    const named = service.annotations[L2_NODE];
    const placed = field.some(([name]) => name === named) ? (named ?? null) : null;
    return { ip, field: ranked(field, formatIp(ip), this.options.sha256), placed };
  }

  /** Where not all watch all: the owner, when this node is the next two in line, and the one before it. */
  private watches(field: readonly Scored[], owner: string, address: string): readonly string[] {
    if (this.watchesAll) return NOTHING;
    const [first, second] = ranked(field, address, this.options.sha256).filter((node) => node !== owner);
    const { nodeName } = this.options;
    if (nodeName === first) return [owner];
    return nodeName === second && first !== undefined ? [owner, first] : NOTHING;
  }

  /** What the advertisements that select the node name; null: all. */
  private interfacesAt(advertisements: readonly L2Advertisement[], node: string): ReadonlySet<string> | null {
    const selecting = advertisements.filter((each) => this.candidates.get(each)?.has(node));
    const [only] = selecting;
    if (selecting.length === 1 && only) return only.interfaces;
    const names = interfacesOf(selecting);
    return names && new Set(names);
  }
}

const preference = ({ preferences }: L2Advertisement, labels: Node["labels"]): number =>
  preferences.reduce((sum, { weight, nodes }) => sum + (nodes(labels) ? weight : 0), 0);

const sameCandidates = (a: Candidates | undefined, b: Candidates): boolean =>
  a?.size === b.size && [...b].every(([node, score]) => a.get(node) === score);

/** The nodes of the endpoints that can serve; null: of one without a node. */
function servingNodes(slices: Iterable<EndpointSlice>): ReadonlySet<string | null> {
  const nodes = new Set<string | null>();
  for (const { endpoints } of slices) for (const { serving, nodeName } of endpoints) if (serving) nodes.add(nodeName);
  return nodes;
}

/** The union; null: all, as soon as one advertisement names none. */
function interfacesOf(advertisements: readonly L2Advertisement[]): readonly string[] | null {
  const names = new Set<string>();
  for (const { interfaces } of advertisements) {
    if (interfaces === null) return null;
    for (const name of interfaces) names.add(name);
  }
  return [...names].sort();
}
