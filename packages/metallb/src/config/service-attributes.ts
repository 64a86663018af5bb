import { ATTRIBUTE_ANNOTATIONS, type BGPAdvertisement, type Labels } from "#api";
import { ok } from "#net";
import { type CommunityValue, formatCommunity, listCommunities, parseCommunity } from "./communities.ts";
import type { BgpAdvertisement, Bounds, ServiceAttributes } from "./config.ts";
import { distinct } from "./distinct.ts";
import { type ProblemList, quoted } from "./problems.ts";

/** More do not fit the one-octet length that upstream writes; kept as its bound. */
const MAX_COMMUNITIES = 63;

/** Communities by the text that stands for them; what is wrong is told and left out. */
export function parseCommunities(
  texts: readonly string[],
  aliases: readonly (CommunityValue | null)[],
  path: string,
  problems: ProblemList,
): ReadonlyMap<string, CommunityValue> {
  distinct(texts, path, problems);
  if (texts.length > MAX_COMMUNITIES)
    problems.add("invalidCommunity", path, `max supported communities is ${MAX_COMMUNITIES}`);
  const values = new Map<string, CommunityValue>();
  for (const [i, text] of texts.slice(0, MAX_COMMUNITIES).entries()) {
    const alias = aliases[i] ?? null;
    const parsed = alias === null ? parseCommunity(text) : ok(alias);
    if (parsed.ok) values.set(text, parsed.value);
    else problems.add("invalidCommunity", `${path}[${i}]`, parsed.error, !text.includes(":"));
  }
  return values;
}

/** What the advertisement lets Services set. */
export function readServiceAttributes(
  { serviceAttributes }: BGPAdvertisement["spec"],
  aliases: readonly (CommunityValue | null)[],
  problems: ProblemList,
): ServiceAttributes | null {
  if (!serviceAttributes) return null;
  const path = "spec.serviceAttributes";
  const named = parseCommunities(serviceAttributes.communities ?? [], aliases, `${path}.communities`, problems);
  const bounds = (name: "localPref" | "med" | "asPathPrepend"): Bounds | null => {
    const range = serviceAttributes[name];
    if (!range) return null;
    if (range.minimum <= range.maximum) return range;
    problems.add("invalidBounds", `${path}.${name}`, `minimum ${range.minimum} is above maximum ${range.maximum}`);
    return null;
  };
  return {
    communities: new Map([...named, ...[...named.values()].map((value) => [formatCommunity(value), value] as const)]),
    localPref: bounds("localPref"),
    med: bounds("med"),
    asPathPrepend: bounds("asPathPrepend"),
  };
}

/** A value that an advertisement did not take from a Service. */
export interface RefusedAttribute {
  readonly annotation: string;
  readonly why: string;
}

export interface OwnAttributes {
  /** The advertisement as it speaks of this Service; the same object where the Service sets nothing. */
  readonly advertisement: BgpAdvertisement;
  readonly refused: readonly RefusedAttribute[];
}

/** The annotations that a Service sets attributes with, as one text; empty: none. Equal texts mean the same. */
export function attributeText(annotations: Labels): string {
  let text = "";
  for (const name of Object.values(ATTRIBUTE_ANNOTATIONS)) {
    const value = annotations[name];
    if (value !== undefined) text += `${name}=${JSON.stringify(value)}`;
  }
  return text;
}

/** A sentence about them does not repeat a text of a quarter of a megabyte. */
const MAX_TEXT = 2_000;

/** The advertisement with what a Service may set and sets. What it may not set, or writes wrongly, changes nothing. */
export function withOwnAttributes(advertisement: BgpAdvertisement, annotations: Labels): OwnAttributes {
  const { fromServices: allowed } = advertisement;
  if (!allowed) return { advertisement, refused: [] };
  const refused: RefusedAttribute[] = [];
  const own: Partial<Pick<BgpAdvertisement, "localPref" | "med" | "asPathPrepend">> = {};
  const one = (name: keyof typeof own): number | undefined => {
    const annotation = ATTRIBUTE_ANNOTATIONS[name];
    const text = annotations[annotation];
    if (text === undefined) return undefined;
    const why = complaint(text, allowed[name]);
    if (why === null) return Number(text);
    refused.push({ annotation, why });
    return undefined;
  };
  const [localPref, med, asPathPrepend] = [one("localPref"), one("med"), one("asPathPrepend")];
  const added = ownCommunities(annotations, allowed, refused);
  if (localPref === undefined && med === undefined && asPathPrepend === undefined && added.length === 0)
    return { advertisement, refused };
  return {
    refused,
    advertisement: {
      ...advertisement,
      ...listCommunities([...advertisement.communities, ...advertisement.largeCommunities, ...added]),
      localPref: localPref ?? advertisement.localPref,
      med: med ?? advertisement.med,
      asPathPrepend: asPathPrepend ?? advertisement.asPathPrepend,
    },
  };
}

function complaint(text: string, bounds: Bounds | null): string | null {
  if (!bounds) return "the advertisement does not let Services set it";
  if (!/^\d{1,10}$/.test(text)) return `${quoted(text)} is not a number`;
  const value = Number(text);
  return value >= bounds.minimum && value <= bounds.maximum
    ? null
    : `${value} is not between ${bounds.minimum} and ${bounds.maximum}`;
}

function ownCommunities(
  annotations: Labels,
  allowed: ServiceAttributes,
  refused: RefusedAttribute[],
): readonly CommunityValue[] {
  const annotation = ATTRIBUTE_ANNOTATIONS.communities;
  const text = annotations[annotation];
  if (text === undefined) return [];
  if (text.length > MAX_TEXT) {
    refused.push({ annotation, why: `it is longer than ${MAX_TEXT} characters` });
    return [];
  }
  const parts = text.split(",").map((part) => part.trim());
  const added: CommunityValue[] = [];
  for (const part of parts.filter((each) => each !== "")) {
    const value = allowed.communities.get(part);
    if (value !== undefined) added.push(value);
    else refused.push({ annotation, why: `${quoted(part)} is not among the communities that Services may add` });
  }
  return added;
}
