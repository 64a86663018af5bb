import { ANNOTATIONS, annotation, type EndpointSlice, type Node, type Service } from "#api";
import type { L2Advertisement } from "#config";
import { formatIp, type Ip } from "#net";
import { ableOf, someLeftOut } from "./layer2-abilities.ts";
import { sameNode, unfit } from "./node-facts.ts";
import type { Layer2Verdict, LeftOut, SpeakerLinks, World } from "./plan.ts";
import type { Facts, ReasonCode } from "./reasons.ts";
import type { Holding } from "./service-class.ts";

export interface Layer2Options {
  readonly nodeName: string;
  readonly ignoreExcludeLabel: boolean;
  /** SHA-256 of a text in UTF-8: 32 octets. */
  readonly sha256: (text: string) => Uint8Array;
}

interface Elected {
  readonly owner: string | null;
  readonly leftOut: readonly LeftOut[];
}

const NOBODY: readonly LeftOut[] = [];

/** Nodes that an advertisement lets announce, with how much it prefers each. */
type Candidates = ReadonlyMap<string, number>;

const refuse = (reason: ReasonCode, facts: Facts = {}): Layer2Verdict => ({ announced: false, reason, facts });

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
    if (advertisements.size === 0) return false;
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

  decide(service: Service, slices: Iterable<EndpointSlice>, holding: Holding): Layer2Verdict {
    if ("reason" in holding) return { announced: false, ...holding };
    const { pool, ips } = holding;
    const { nodeName: node, ignoreExcludeLabel } = this.options;
    const facts = { pool: pool.name, node };
    if (pool.l2Advertisements.length === 0) return refuse("noL2Advertisement", { pool: pool.name });
    const serving = servingNodes(slices);
    if (!serving.any) return refuse("noEndpoints");
    const matching = pool.l2Advertisements.filter(({ services }) => services(service.labels));
    if (annotation(service, ANNOTATIONS.allowSharedIp) !== undefined)
      if (matching.some(({ hasServiceSelectors }) => hasServiceSelectors)) return refuse("sharedIPWithServiceSelector");
    const { own } = this;
    if (!own) return refuse("nodeUnknown", facts);
    const mine = matching.filter(({ nodes }) => nodes(own.labels));
    if (mine.length === 0) return refuse("noMatchingAdvertisement", facts);
    const unable = unfit(own, ignoreExcludeLabel);
    if (unable) return { announced: false, ...unable };
    const local = service.externalTrafficPolicy === "Local";
    if (local && !serving.nodes.has(node)) return refuse("noLocalEndpoints", facts);
    const { owner, leftOut } = this.elect(matching, local ? serving.nodes : null, ips);
    if (owner === null) return refuse("noCandidate");
    if (owner === node)
      return { announced: true, ips: ips.map(formatIp), interfaces: interfacesOf(mine), leftOut: someLeftOut(leftOut) };
    const unfitted = leftOut.find((each) => each.node === node);
    return unfitted ? refuse(unfitted.reason, unfitted.facts) : refuse("ownedByOther", { owner });
  }

  /** The node that wins among the candidates of all these advertisements; `among`: no other may. */
  private elect(
    advertisements: readonly L2Advertisement[],
    among: ReadonlySet<string> | null,
    ips: readonly Ip[],
  ): Elected {
    const scores = new Map<string, number>();
    for (const advertisement of advertisements)
      for (const [node, score] of this.candidates.get(advertisement) ?? [])
        if (among === null || among.has(node)) scores.set(node, (scores.get(node) ?? 0) + score);
    const address = ips[0] ? formatIp(ips[0]) : "";
    const { speakers } = this;
    const first = this.best([...scores], address);
    if (first !== null && this.drained.has(first)) this.leaveOutDrained(scores);
    const winner = scores.size === 0 || first === null || scores.has(first) ? first : this.best([...scores], address);
    if (winner === null || !speakers?.has(winner)) return { owner: winner, leftOut: NOBODY };
    const { able, leftOut } = ableOf(scores.keys(), speakers, ips, (node) => this.interfacesAt(advertisements, node));
    if (able.size === 0 || able.has(winner)) return { owner: winner, leftOut };
    return {
      owner: this.best(
        [...scores].filter(([node]) => able.has(node)),
        address,
      ),
      leftOut,
    };
  }

  /** MetalLB's own speakers know of no drain and answer only where they win, so they inherit nothing. */
  private leaveOutDrained(scores: Map<string, number>): void {
    const { speakers, drained } = this;
    const inherits = (node: string): boolean => speakers === null || speakers.has(node);
    const heirs = [...scores.keys()].filter((node) => !drained.has(node) && inherits(node));
    if (heirs.length === 0 || ![...drained].some((node) => scores.has(node) && inherits(node))) return;
    for (const node of [...scores.keys()]) if (!heirs.includes(node)) scores.delete(node);
  }

  /** Highest score, then least hash. */
  private best(scores: readonly (readonly [node: string, score: number])[], address: string): string | null {
    const best = scores.reduce((most, [, score]) => Math.max(most, score), 0);
    const equals = scores.filter(([, score]) => score === best).map(([node]) => node);
    if (equals.length <= 1) return equals[0] ?? null;
    const hashed = equals.map((node) => ({ node, hash: this.options.sha256(`${node}#${address}`) }));
    return hashed.reduce((a, b) => (compareOctets(b.hash, a.hash) < 0 ? b : a)).node;
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

/** Nodes with an endpoint that can serve, and whether there is any such endpoint, with a node or without. */
function servingNodes(slices: Iterable<EndpointSlice>): { readonly any: boolean; readonly nodes: ReadonlySet<string> } {
  const nodes = new Set<string>();
  let any = false;
  for (const { endpoints } of slices)
    for (const { serving, nodeName } of endpoints) {
      if (!serving) continue;
      any = true;
      if (nodeName !== null) nodes.add(nodeName);
    }
  return { any, nodes };
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

function compareOctets(a: Uint8Array, b: Uint8Array): number {
  for (const [i, octet] of a.entries()) if (octet !== b[i]) return octet - (b[i] ?? 0);
  return 0;
}
