import { type Family, rangeToPrefixes } from "#net";
import type { Attachable } from "./advertisements.ts";
import { byAge } from "./age.ts";
import type { BgpAdvertisement } from "./config.ts";
import type { BarePool } from "./pools.ts";
import { type ProblemCode, ProblemList } from "./problems.ts";

/** What is wrong between an advertisement and a pool, or another advertisement. */
export interface Refusal {
  readonly of: Attachable<BgpAdvertisement>;
  readonly code: ProblemCode;
  readonly path: string;
  /** `pools`: those that it is about, quoted. */
  readonly message: (pools: string) => string;
}

export interface AttachedBgp {
  readonly advertisements: readonly BgpAdvertisement[];
  readonly refusals: readonly Refusal[];
}

type Shape = Pick<BarePool, "families"> & { readonly narrowest: Narrowest };

/** Of each IP version the length of the most specific entry: a CIDR's own, or a range's widest CIDR. */
type Narrowest = Readonly<Partial<Record<Family, number>>>;

const BOTH: ReadonlySet<Family> = new Set<Family>([4, 6]);

/**
 * Joins the advertisements of a pool with what the pool allows. One that rolls up too far does so only as
 * far as it may; of two values of one attribute the older advertisement's counts, which the planner sees to
 * where prefixes, peers and nodes meet. So nothing that is wrong withdraws a route.
 */
export class BgpAttacher {
  /** Pools that are alike have the same answer. */
  private readonly known = new Map<readonly Attachable<BgpAdvertisement>[], Map<string, AttachedBgp>>();

  attach(pool: BarePool, candidates: readonly Attachable<BgpAdvertisement>[]): AttachedBgp {
    // What cannot be read may have been of either family.
    const families = pool.unreadable ? BOTH : pool.families;
    const shape: Shape = { families, narrowest: narrowestOf(pool) };
    const key = JSON.stringify([[...families], shape.narrowest]);
    let answers = this.known.get(candidates);
    if (!answers) {
      answers = new Map();
      this.known.set(candidates, answers);
    }
    let answer = answers.get(key);
    if (!answer) {
      answer = attach(shape, candidates);
      answers.set(key, answer);
    }
    return answer;
  }
}

function attach(shape: Shape, candidates: readonly Attachable<BgpAdvertisement>[]): AttachedBgp {
  const refusals: Refusal[] = [];
  const attached = candidates.map((of) => {
    const advertisement = clamp(of, shape.narrowest, refusals);
    return advertisement === of.advertisement ? of : { ...of, advertisement };
  });
  refusals.push(...conflicts(attached, shape.families));
  return { advertisements: attached.map(({ advertisement }) => advertisement), refusals };
}

function narrowestOf({ addresses, ranges, frozen }: BarePool): Narrowest {
  const narrowest: Partial<Record<Family, number>> = {};
  for (const range of frozen === null ? ranges : addresses.ranges) {
    let widest = 128;
    for (const { length } of rangeToPrefixes(range)) widest = Math.min(widest, length);
    narrowest[range.family] = Math.max(widest, narrowest[range.family] ?? 0);
  }
  return narrowest;
}

const clamped = new WeakMap<BgpAdvertisement, Map<string, BgpAdvertisement>>();

/** A roll-up must not reach beyond what the operator owns, which is no more than the widest CIDR of each entry. */
function clamp(of: Attachable<BgpAdvertisement>, narrowest: Narrowest, refusals: Refusal[]): BgpAdvertisement {
  const { advertisement } = of;
  const [least, leastV6] = [narrowest[4] ?? 0, narrowest[6] ?? 0];
  const { aggregationLength: length, aggregationLengthV6: lengthV6 } = advertisement;
  const tell = (wanted: number, allowed: number, path: string) =>
    refusals.push({
      of,
      code: "invalidAggregationLength",
      path,
      message: (pools) =>
        `invalid aggregation length ${wanted}: prefix ${allowed} in this pool is more specific than the aggregation length for addresses of pool ${pools}; they are announced as /${allowed}`,
    });
  if (length < least) tell(length, least, "spec.aggregationLength");
  if (lengthV6 < leastV6) tell(lengthV6, leastV6, "spec.aggregationLengthV6");
  if (length >= least && lengthV6 >= leastV6) return advertisement;
  const lengths = { aggregationLength: Math.max(length, least), aggregationLengthV6: Math.max(lengthV6, leastV6) };
  let versions = clamped.get(advertisement);
  if (!versions) {
    versions = new Map();
    clamped.set(advertisement, versions);
  }
  const key = `${lengths.aggregationLength} ${lengths.aggregationLengthV6}`;
  let version = versions.get(key);
  if (!version) {
    version = { ...advertisement, ...lengths };
    versions.set(key, version);
  }
  return version;
}

/** What an advertisement says once, not in a list. Null: it says nothing, which conflicts for the local preference alone. */
type Single = "localPref" | "med" | "asPathPrepend";

const SINGLE: readonly Single[] = ["localPref", "med", "asPathPrepend"];

/**
 * Advertisements that would give one prefix another value of an attribute than an older one does. Whether two
 * different node selectors meet on a node only the nodes tell, and which Services two advertisements
 * share only the Services: those are the planner's to find.
 */
function conflicts(attached: readonly Attachable<BgpAdvertisement>[], families: ReadonlySet<Family>): Refusal[] {
  const candidates = attached.filter(({ advertisement }) => !advertisement.hasServiceSelectors);
  return SINGLE.flatMap((attribute) => {
    const values = new Set(candidates.map(({ advertisement }) => advertisement[attribute]));
    if (attribute !== "localPref") values.delete(null);
    if (values.size < 2) return [];
    const sorted = candidates.toSorted((a, b) => byAge(a.advertisement, b.advertisement));
    return sorted.flatMap((of, i) => {
      const older = sorted.slice(0, i).find((other) => conflict(of, other, families, attribute))?.advertisement;
      return older ? [refusal(of, older, attribute)] : [];
    });
  });
}

function refusal(of: Attachable<BgpAdvertisement>, older: BgpAdvertisement, attribute: Single): Refusal {
  const [own, theirs] = [of.advertisement[attribute], older[attribute]];
  const counts = (pools: string) => `by the older advertisement "${older.name}", which counts for pool ${pools}`;
  return attribute === "localPref"
    ? {
        of,
        code: "conflictingLocalPref",
        path: "spec.localPref",
        // The spelling is upstream's, whose users search for it.
        message: (pools) =>
          `invalid local preference ${own ?? 0}: local preferernce ${theirs ?? 0} was already set for the same type of BGP update ${counts(pools)}`,
      }
    : {
        of,
        code: "conflictingAttribute",
        path: `spec.${attribute}`,
        message: (pools) =>
          `${attribute} ${own} does not count: ${theirs} is set for the same prefixes ${counts(pools)}`,
      };
}

function conflict(
  { advertisement: a, nodesText: nodesOfA }: Attachable<BgpAdvertisement>,
  { advertisement: b, nodesText: nodesOfB }: Attachable<BgpAdvertisement>,
  families: ReadonlySet<Family>,
  attribute: Single,
): boolean {
  return (
    a[attribute] !== b[attribute] &&
    (attribute === "localPref" || (a[attribute] !== null && b[attribute] !== null)) &&
    ((families.has(4) && a.aggregationLength === b.aggregationLength) ||
      (families.has(6) && a.aggregationLengthV6 === b.aggregationLengthV6)) &&
    (a.peers === null || b.peers === null || !a.peers.isDisjointFrom(b.peers)) &&
    (nodesOfA === null || nodesOfB === null || nodesOfA === nodesOfB)
  );
}

/** The problems of all pools, by advertisement. */
export function attachmentProblems(attached: Iterable<readonly [pool: string, AttachedBgp]>): ProblemList[] {
  const pools = new Map<AttachedBgp, string[]>();
  for (const [pool, each] of attached) {
    if (each.refusals.length === 0) continue;
    const names = pools.get(each);
    if (names) names.push(pool);
    else pools.set(each, [pool]);
  }
  const lists = new Map<string, ProblemList>();
  for (const [{ refusals }, names] of pools)
    for (const { of, code, path, message } of refusals) {
      let list = lists.get(of.name);
      if (!list) {
        list = new ProblemList("BGPAdvertisement", of.name, of.advertisement.nodes);
        lists.set(of.name, list);
      }
      list.add(code, path, message(someOf(names)));
    }
  return [...lists.values()];
}

const SOME = 5;

function someOf(names: readonly string[]): string {
  const quoted = names.slice(0, SOME).map((name) => `"${name}"`);
  return `${quoted.join(", ")}${names.length > SOME ? ` and ${names.length - SOME} more` : ""}`;
}
