import type { Node } from "#api";
import type { AddressFamily, PathAttributes, PeerSettings } from "#bgp";
import { type Family, formatIp, type Ip } from "#net";
import type { AttributeTable, Speaking } from "./attributes.ts";
import { unfit } from "./node-facts.ts";
import type { BgpVerdict, DrainPhase, Refused } from "./plan.ts";
import { type Holders, lengthOfKey, type PrefixKey } from "./prefix-holders.ts";
import type { Reason } from "./reasons.ts";
import type { ClassSpec, ServiceClass, ServiceClasses } from "./service-class.ts";

/** A table of routes, and the advertisements for named peers whose routes stand in it beside those for all. */
export interface Table {
  readonly name: string;
  readonly named: ReadonlySet<string>;
}

export interface BgpContextParts {
  readonly nodeName: string;
  /** Null: the API has never known it. */
  readonly node: Node | null;
  readonly ignoreExcludeLabel: boolean;
  readonly drain: DrainPhase;
  readonly peers: ReadonlyMap<string, PeerSettings>;
  readonly tables: ReadonlyMap<string, Table>;
  readonly classes: ServiceClasses;
  readonly attributes: AttributeTable;
}

/** What comes of a class of Services on this node. */
export interface ClassEffect {
  /** Null: at least one family is announced. */
  readonly refused: Reason | null;
  /** Advertisements that count here. */
  readonly active: readonly Speaking[];
  /** What is to be known of its Services besides. */
  readonly notes: readonly Reason[];
  readonly four: FamilyEffect;
  readonly six: FamilyEffect;
  /** Two effects with equal texts make equal verdicts of equal addresses. */
  readonly text: string;
  /** By table, family and length: made when first asked for. */
  readonly attributes: Map<Table, Map<number, PathAttributes | null>>;
}

/** Names of the peers that carry the family, sorted; or why none does; or null when the class has no such address. */
export type FamilyEffect = readonly string[] | Reason | null;

const isCarried = (effect: FamilyEffect): effect is readonly string[] => Array.isArray(effect);

const familyOf = ({ four, six }: ClassEffect, family: Family): FamilyEffect => (family === 4 ? four : six);

/** Own node, peers and tables at one time: gives of each class of Services what is announced, where and how. */
export class BgpContext {
  readonly parts: BgpContextParts;
  private readonly effects = new WeakMap<ServiceClass, ClassEffect>();
  private readonly includes = new WeakMap<Speaking, boolean>();

  constructor(parts: BgpContextParts) {
    this.parts = parts;
  }

  effect(of: ServiceClass): ClassEffect {
    let effect = this.effects.get(of);
    if (!effect) {
      effect = this.work(of.spec);
      this.effects.set(of, effect);
    }
    return effect;
  }

  /** What the classes that hold a prefix have of it. */
  effectsOf(holders: Holders): readonly ClassEffect[] {
    const effects: ClassEffect[] = [];
    for (const id of holders) effects.push(this.effect(this.parts.classes.at(id)));
    return effects;
  }

  /** What the table has for a prefix that these classes hold; null: nothing. Equal attributes are one object. */
  attributesOf(table: Table, key: PrefixKey, effects: readonly ClassEffect[]): PathAttributes | null {
    const length = lengthOfKey(key);
    const six = typeof key === "bigint";
    if (effects.length === 1) return this.ofOne(table, effects[0] as ClassEffect, length, six);
    const all = new Set(effects.flatMap((effect) => speaking(effect, table, length, six)));
    return all.size === 0 ? null : this.parts.attributes.of(all);
  }

  private ofOne(table: Table, effect: ClassEffect, length: number, six: boolean): PathAttributes | null {
    let known = effect.attributes.get(table);
    if (!known) {
      known = new Map();
      effect.attributes.set(table, known);
    }
    const place = six ? 256 + length : length;
    let attributes = known.get(place);
    if (attributes === undefined) {
      const all = speaking(effect, table, length, six);
      attributes = all.length === 0 ? null : this.parts.attributes.of(all);
      known.set(place, attributes);
    }
    return attributes;
  }

  private work(spec: ClassSpec): ClassEffect {
    if (spec.kind === "refused") return refusal(spec.reason);
    const { nodeName, node, ignoreExcludeLabel } = this.parts;
    const { pool, endpoints } = spec;
    const facts = { pool: pool.name, node: nodeName };
    if (!node) return refusal({ reason: "nodeUnknown", facts: { node: nodeName } });
    if (pool.bgpAdvertisements.length === 0) return refusal({ reason: "noAdvertisement", facts: { pool: pool.name } });
    if (!pool.bgpAdvertisements.some((each) => this.isHere(each, node))) return refusal({ reason: "notOwner", facts });
    const active = spec.advertisements.filter((each) => this.isHere(each, node));
    if (active.length === 0) return refusal({ reason: "noMatchingAdvertisement", facts });
    const unable = unfit(node, ignoreExcludeLabel);
    if (unable) return refusal(unable);
    if (endpoints !== "ok") return refusal({ reason: endpoints, facts: { node: nodeName } });
    const { drain } = this.parts;
    if ((drain === "withdrawn" || drain === "closed") && !spec.isLast)
      return refusal({ reason: "nodeDraining", facts: { node: nodeName } });
    return this.carry(spec, active);
  }

  private carry(
    { has4, has6, ignored, isLast }: Extract<ClassSpec, { kind: "held" }>,
    active: readonly Speaking[],
  ): ClassEffect {
    const four = has4 ? this.peersOf("ipv4-unicast", "IPv4", active) : null;
    const six = has6 ? this.peersOf("ipv6-unicast", "IPv6", active) : null;
    if (!isCarried(four) && !isCarried(six)) return refusal((four ?? six) as Reason);
    const notes = [...ignored, ...this.drainNotes(isLast)];
    const text = JSON.stringify([four, six, notes]);
    return { refused: null, active, notes, four, six, text, attributes: new Map() };
  }

  private drainNotes(isLast: boolean): readonly Reason[] {
    const { drain, nodeName: node } = this.parts;
    if (drain === "none") return [];
    return [{ reason: isLast ? "lastAnnouncer" : "nodeLeaving", facts: { node } }];
  }

  private peersOf(family: AddressFamily, name: string, active: readonly Speaking[]): FamilyEffect {
    const named = [...this.parts.peers.values()].filter((peer) =>
      active.some(({ peers }) => peers === null || peers.has(peer.name)),
    );
    const carrying = named.filter(({ families }) => families.includes(family)).map((peer) => peer.name);
    const facts = { node: this.parts.nodeName };
    if (carrying.length > 0) return carrying.sort();
    return named.length === 0
      ? { reason: "noPeer", facts }
      : { reason: "noPeerOfFamily", facts: { ...facts, family: name } };
  }

  private isHere(advertisement: Speaking, node: Node): boolean {
    let here = this.includes.get(advertisement);
    if (here === undefined) {
      here = advertisement.nodes(node.labels);
      this.includes.set(advertisement, here);
    }
    return here;
  }
}

const refusal = (reason: Reason): ClassEffect => ({
  refused: reason,
  active: [],
  notes: [],
  four: null,
  six: null,
  text: JSON.stringify(reason),
  attributes: new Map(),
});

/** Advertisements of a class that speak of prefixes of this length in the table. */
const speaking = (
  { active, four, six }: ClassEffect,
  { named }: Table,
  length: number,
  isSix: boolean,
): readonly Speaking[] =>
  isCarried(isSix ? six : four)
    ? active.filter(
        ({ name, peers, aggregationLength, aggregationLengthV6 }) =>
          (isSix ? aggregationLengthV6 : aggregationLength) === length && (peers === null || named.has(name)),
      )
    : [];

/** Whether two effects make the same routes. */
export function sameRoutes(a: ClassEffect, b: ClassEffect): boolean {
  return (
    isCarried(a.four) === isCarried(b.four) &&
    isCarried(a.six) === isCarried(b.six) &&
    a.active.length === b.active.length &&
    a.active.every((each, i) => each === b.active[i])
  );
}

/** What is said of a Service of a class with these addresses. */
export function bgpVerdict(effect: ClassEffect, ips: readonly Ip[]): BgpVerdict {
  if (effect.refused) return { announced: false, ...effect.refused };
  const lacking: (Refused & { readonly ips: readonly string[] })[] = [];
  const peers = new Set<string>();
  for (const family of [4, 6] as const) {
    const carrying = familyOf(effect, family);
    if (isCarried(carrying)) for (const peer of carrying) peers.add(peer);
    else if (carrying)
      lacking.push({
        announced: false,
        ...carrying,
        ips: ips.filter((each) => each.family === family).map(formatIp),
      });
  }
  const { notes } = effect;
  return {
    announced: true,
    ips: ips.filter(({ family }) => isCarried(familyOf(effect, family))).map(formatIp),
    peers: [...peers].sort(),
    lacking,
    ...(notes.length > 0 ? { notes } : {}),
  };
}
