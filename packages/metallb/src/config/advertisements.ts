import type { BGPAdvertisement, L2Advertisement as L2Resource, Labels } from "#api";
import { byName, sameItems } from "./age.ts";
import { type CommunityLists, type CommunityValue, listCommunities } from "./communities.ts";
import type { BgpAdvertisement, L2Advertisement, LabelPredicate } from "./config.ts";
import { distinct } from "./distinct.ts";
import { type ProblemList, quoted } from "./problems.ts";
import { anyOf, textOf } from "./selectors.ts";
import { parseCommunities, readServiceAttributes } from "./service-attributes.ts";

/** An advertisement, and the pools that it speaks of. */
export interface Attachable<A> {
  readonly name: string;
  readonly advertisement: A;
  readonly named: ReadonlySet<string>;
  /** Null: by name alone. */
  readonly selects: LabelPredicate | null;
  /** What tells its node selectors apart; null: all nodes. */
  readonly nodesText: string | null;
}

/** What the texts of an advertisement stand for where they are aliases, in their order. */
export interface Aliases {
  readonly own: readonly (CommunityValue | null)[];
  /** Those that Services may add. */
  readonly services: readonly (CommunityValue | null)[];
}

export function aliasesOf({ spec }: BGPAdvertisement, aliases: ReadonlyMap<string, CommunityValue>): Aliases {
  const resolve = (texts: readonly string[] = []) => texts.map((text) => aliases.get(text) ?? null);
  return { own: resolve(spec.communities), services: resolve(spec.serviceAttributes?.communities) };
}

/** Reads one advertisement. What is wrong in it says nothing, and the rest counts: no route that stands is withdrawn. */
export function readBgpAdvertisement(
  { name, creationTimestamp, spec }: BGPAdvertisement,
  aliases: Aliases,
  problems: ProblemList,
): Attachable<BgpAdvertisement> {
  const nodes = anyOf(spec.nodeSelectors, "spec.nodeSelectors", problems);
  if (spec.nodeSelectors?.length) problems.concerns(nodes);
  distinct(spec.peers, "spec.peers", problems);
  const selection = readSelection(spec, problems);
  const services = anyOf(spec.serviceSelectors, "spec.serviceSelectors", problems);
  const hasServiceSelectors = (spec.serviceSelectors ?? []).length > 0;
  const advertisement = {
    name,
    created: creationTimestamp,
    ...readAggregation(spec, hasServiceSelectors, problems),
    localPref: readLocalPref(spec, problems),
    ...readCommunities(spec.communities ?? [], aliases.own, problems),
    med: spec.med ?? null,
    asPathPrepend: spec.asPathPrepend ?? null,
    weighsEndpoints: readWeighing(spec, problems),
    fromServices: readServiceAttributes(spec, aliases.services, problems),
    peers: spec.peers && spec.peers.length > 0 ? new Set(spec.peers) : null,
    nodes,
    services,
    hasServiceSelectors,
  };
  return { name, advertisement, ...selection, nodesText: textOf(spec.nodeSelectors) };
}

const LENGTH = 32;
const LENGTH_V6 = 128;

function readAggregation(
  { aggregationLength, aggregationLengthV6 }: BGPAdvertisement["spec"],
  hasServiceSelectors: boolean,
  problems: ProblemList,
): Pick<BgpAdvertisement, "aggregationLength" | "aggregationLengthV6"> {
  const path = "spec.aggregationLength";
  const [fits, fitsV6] = [within(aggregationLength, LENGTH), within(aggregationLengthV6, LENGTH_V6)];
  if (!fits) problems.add("invalidAggregationLength", path, `invalid aggregation length ${aggregationLength} for IPv4`);
  if (!fitsV6)
    problems.add("invalidAggregationLength", `${path}V6`, `invalid aggregation length ${aggregationLengthV6} for IPv6`);
  const mixed = hasServiceSelectors && (aggregationLength !== LENGTH || aggregationLengthV6 !== LENGTH_V6);
  if (mixed)
    problems.add(
      "selectorsWithAggregation",
      "spec.serviceSelectors",
      "serviceSelectors and aggregationLength are mutually exclusive",
    );
  return {
    aggregationLength: fits && !mixed ? aggregationLength : LENGTH,
    aggregationLengthV6: fitsV6 && !mixed ? aggregationLengthV6 : LENGTH_V6,
  };
}

const within = (length: number, most: number): boolean => length >= 0 && length <= most;

/** Upstream's 0 means "not set". */
function readLocalPref({ localPref = 0 }: BGPAdvertisement["spec"], problems: ProblemList): number | null {
  if (localPref < 0) problems.add("invalidLocalPref", "spec.localPref", `invalid local preference ${localPref}`);
  return localPref > 0 ? localPref : null;
}

/** An aggregate speaks of many Services, each with a weight of its own. */
function readWeighing(
  { linkBandwidth, aggregationLength, aggregationLengthV6 }: BGPAdvertisement["spec"],
  problems: ProblemList,
): boolean {
  if (linkBandwidth === undefined) return false;
  const rollsUp = aggregationLength !== LENGTH || aggregationLengthV6 !== LENGTH_V6;
  if (rollsUp)
    problems.add(
      "weightOfAggregate",
      "spec.linkBandwidth",
      "linkBandwidth weighs single addresses, and this advertisement rolls them up: it is sent without",
    );
  return !rollsUp;
}

function readCommunities(
  texts: readonly string[],
  aliases: readonly (CommunityValue | null)[],
  problems: ProblemList,
): CommunityLists {
  return listCommunities(parseCommunities(texts, aliases, "spec.communities", problems).values());
}

const PLACEMENT = "metallb.io/l2-placement";
const FENCING = "metallb.io/l2-fencing";

/** One of the words; the first where the annotation is missing or says something else. */
function word<W extends string>(
  { annotations }: L2Resource,
  name: string,
  words: readonly [W, ...W[]],
  problems: ProblemList,
): W {
  const text = annotations[name] ?? words[0];
  const found = words.find((each) => each === text);
  if (found === undefined)
    problems.add(
      "invalidAnnotation",
      `metadata.annotations[${name}]`,
      `${quoted(text)} is none of ${words.join(", ")}`,
    );
  return found ?? words[0];
}

export function readL2Advertisement(resource: L2Resource, problems: ProblemList): Attachable<L2Advertisement> {
  const { name, spec } = resource;
  const selection = readSelection(spec, problems);
  const advertisement = {
    name,
    nodes: anyOf(spec.nodeSelectors, "spec.nodeSelectors", problems),
    services: anyOf(spec.serviceSelectors, "spec.serviceSelectors", problems),
    hasServiceSelectors: (spec.serviceSelectors ?? []).length > 0,
    interfaces: spec.interfaces && spec.interfaces.length > 0 ? new Set(spec.interfaces) : null,
    preferences: (spec.preferredNodeSelectors ?? []).map(({ weight, preference }, i) => ({
      weight,
      nodes: anyOf([preference], `spec.preferredNodeSelectors[${i}].preference`, problems),
    })),
    placement: word(resource, PLACEMENT, ["hash", "balanced"], problems),
    fencing: word(resource, FENCING, ["none", "majority", "lease"], problems),
  };
  return { name, advertisement, ...selection, nodesText: textOf(spec.nodeSelectors) };
}

/** Named or selected; all when it says neither. */
function readSelection(
  { ipAddressPools = [], ipAddressPoolSelectors = [] }: BGPAdvertisement["spec"] | L2Resource["spec"],
  problems: ProblemList,
): Pick<Attachable<unknown>, "named" | "selects"> {
  distinct(ipAddressPools, "spec.ipAddressPools", problems);
  const selected = anyOf(ipAddressPoolSelectors, "spec.ipAddressPoolSelectors", problems);
  const byNameAlone = ipAddressPools.length > 0 && ipAddressPoolSelectors.length === 0;
  return { named: new Set(ipAddressPools), selects: byNameAlone ? null : selected };
}

/** Finds the advertisements of a pool without looking at those that name other pools alone. */
export class AttachableIndex<A> {
  private readonly naming = new Map<string, Attachable<A>[]>();
  private readonly selecting: readonly Attachable<A>[];
  private readonly last: { list: readonly Attachable<A>[] } = { list: [] };

  /** `all`: by name. */
  constructor(all: readonly Attachable<A>[]) {
    this.selecting = all.filter(({ selects }) => selects !== null);
    for (const each of all)
      if (each.selects === null)
        for (const pool of each.named) {
          const others = this.naming.get(pool);
          if (others) others.push(each);
          else this.naming.set(pool, [each]);
        }
  }

  /** By name, each once. Pools in a row that have the same advertisements get one list. */
  of(pool: string, labels: Labels): readonly Attachable<A>[] {
    const selecting = this.selecting.filter(({ named, selects }) => named.has(pool) || selects?.(labels));
    const naming = this.naming.get(pool);
    const list = naming ? [...naming, ...selecting].sort(byName) : selecting;
    const { list: before } = this.last;
    if (sameItems(before, list)) return before;
    this.last.list = list;
    return list;
  }
}
