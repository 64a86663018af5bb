import type { Node } from "#api";
import type { L2Advertisement } from "#config";
import type { Ip } from "#net";
import { ableOf } from "./layer2-abilities.ts";
import { best, type Scored, type Sha256 } from "./layer2-ranking.ts";
import type { LeftOut, SpeakerLinks } from "./plan.ts";

export interface Elected {
  readonly owner: string | null;
  readonly leftOut: readonly LeftOut[];
  /** All that could have won. */
  readonly field: readonly Scored[];
}

/** Who may vote is told apart by who counts as alive. */
export interface Electors {
  /** Nodes that could announce what selects them. */
  readonly able: readonly Node[];
  /** What our speakers told of their interfaces; null: nothing is known of any. */
  readonly speakers: ReadonlyMap<string, SpeakerLinks> | null;
  /** Nodes that are drained: their addresses go to others, where there are any. */
  readonly drained: ReadonlySet<string>;
}

/** Nodes that an advertisement lets announce, with how much it prefers each. */
type Candidates = ReadonlyMap<string, number>;

const NOBODY: readonly LeftOut[] = [];

/** Candidates by advertisement, and who of them wins. */
export class Electorate {
  private readonly sha256: Sha256;
  private candidates = new Map<L2Advertisement, Candidates>();
  private electors: Electors = { able: [], speakers: null, drained: new Set() };

  constructor(sha256: Sha256) {
    this.sha256 = sha256;
  }

  get speakers(): ReadonlyMap<string, SpeakerLinks> | null {
    return this.electors.speakers;
  }

  /** True when a candidate may differ. */
  refresh(electors: Electors, advertisements: ReadonlySet<L2Advertisement>): boolean {
    const { candidates: before, electors: old } = this;
    let differs =
      electors.speakers !== old.speakers ||
      electors.drained.size !== old.drained.size ||
      !electors.drained.isSubsetOf(old.drained);
    this.electors = electors;
    this.candidates = new Map();
    for (const advertisement of advertisements) {
      const candidates = new Map<string, number>();
      for (const { name, labels } of electors.able)
        if (advertisement.nodes(labels)) candidates.set(name, preference(advertisement, labels));
      differs ||= !sameCandidates(before.get(advertisement), candidates);
      this.candidates.set(advertisement, candidates);
    }
    return differs;
  }

  /** The node that wins among the candidates of all these advertisements; `among`: no other may. */
  elect(
    advertisements: readonly L2Advertisement[],
    among: ReadonlySet<string | null> | null,
    ips: readonly Ip[],
    address: string,
  ): Elected {
    const scores = new Map<string, number>();
    for (const advertisement of advertisements)
      for (const [node, score] of this.candidates.get(advertisement) ?? [])
        if (among === null || among.has(node)) scores.set(node, (scores.get(node) ?? 0) + score);
    const { sha256 } = this;
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
    const { speakers, drained } = this.electors;
    if (drained.size === 0) return scored;
    const isOurs = (node: string): boolean => speakers === null || speakers.has(node);
    const isGiven = winner !== null && drained.has(winner);
    if (isGiven && !isOurs(winner)) return scored;
    const heirs = scored.filter(([node]) => !drained.has(node) && (!isGiven || isOurs(node)));
    return heirs.length > 0 && heirs.length < scored.length ? heirs : scored;
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

/** The union; null: all, as soon as one advertisement names none. */
export function interfacesOf(advertisements: readonly L2Advertisement[]): readonly string[] | null {
  const names = new Set<string>();
  for (const { interfaces } of advertisements) {
    if (interfaces === null) return null;
    for (const name of interfaces) names.add(name);
  }
  return [...names].sort();
}
