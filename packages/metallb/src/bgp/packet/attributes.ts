import { type ByteReader, type Ip, ip, ipFromBytes } from "#net";
import type { AddressFamily, Asn, LargeCommunity } from "../settings.ts";
import { ATTRIBUTE, FLAG } from "./constants.ts";
import { familyOf } from "./family.ts";
import { type PrefixRun, readPrefixes } from "./prefixes.ts";

/** What the reading of an UPDATE depends on. */
export interface UpdateContext {
  /** RFC 6793: AS numbers are four octets on this session. */
  readonly fourOctetAs: boolean;
  /** Whether the peer is of the own AS: only then LOCAL_PREF counts (RFC 7606 section 7.5). */
  readonly internal: boolean;
}

/** What the attributes of one UPDATE say so far. */
export interface AttributeDraft extends UpdateContext {
  readonly seen: Set<number>;
  origin: number | null;
  asPath: readonly Asn[];
  as4Path: readonly Asn[] | null;
  nextHop: Ip | null;
  multiExitDisc: number | null;
  localPref: number | null;
  communities: readonly number[];
  largeCommunities: readonly LargeCommunity[];
  reach: { readonly prefixes: PrefixRun; readonly nextHop: Ip } | null;
  unreach: PrefixRun | null;
  unreachFamily: AddressFamily | null;
}

export const emptyDraft = ({ fourOctetAs, internal }: UpdateContext): AttributeDraft => ({
  fourOctetAs,
  internal,
  seen: new Set(),
  origin: null,
  asPath: [],
  as4Path: null,
  nextHop: null,
  multiExitDisc: null,
  localPref: null,
  communities: [],
  largeCommunities: [],
  reach: null,
  unreach: null,
  unreachFamily: null,
});

/**
 * What a malformed attribute does (RFC 7606 section 2): its routes count as withdrawn, or it alone is
 * not looked at. None ends the session: where MP_REACH_NLRI or MP_UNREACH_NLRI cannot be read, RFC 7606
 * section 5.3 lets a speaker ignore the family instead, and this one keeps no routes anyway.
 */
type Handling = "treat-as-withdraw" | "discard";

interface AttributeRule {
  readonly name: string;
  /** The optional and transitive bits that it must have. */
  readonly flags: number;
  readonly malformed: Handling;
  /** RFC 7606 section 3.g: with two lists of prefixes there is no telling which counts. */
  readonly once?: true;
  /** Writes the value into the draft; false: malformed. */
  read(draft: AttributeDraft, value: ByteReader): boolean;
}

const WELL_KNOWN = FLAG.transitive;
const TRANSITIVE = FLAG.optional | FLAG.transitive;
const NON_TRANSITIVE = FLAG.optional;

/** RFC 7606 section 7, RFC 6793 section 6, RFC 8092 section 5. */
const RULES: Readonly<Record<number, AttributeRule>> = {
  [ATTRIBUTE.origin]: {
    name: "ORIGIN",
    flags: WELL_KNOWN,
    malformed: "treat-as-withdraw",
    read: (draft, value) => {
      draft.origin = value.u8();
      return exactly(value) && draft.origin <= 2;
    },
  },
  [ATTRIBUTE.asPath]: {
    name: "AS_PATH",
    flags: WELL_KNOWN,
    malformed: "treat-as-withdraw",
    read: (draft, value) => {
      const path = readAsPath(value, draft.fourOctetAs);
      draft.asPath = path ?? [];
      return path !== null;
    },
  },
  [ATTRIBUTE.nextHop]: {
    name: "NEXT_HOP",
    flags: WELL_KNOWN,
    malformed: "treat-as-withdraw",
    read: (draft, value) => {
      draft.nextHop = ip(4, BigInt(value.u32()));
      return exactly(value);
    },
  },
  [ATTRIBUTE.multiExitDisc]: {
    name: "MULTI_EXIT_DISC",
    flags: NON_TRANSITIVE,
    malformed: "treat-as-withdraw",
    read: (draft, value) => {
      draft.multiExitDisc = value.u32();
      return exactly(value);
    },
  },
  [ATTRIBUTE.localPref]: {
    name: "LOCAL_PREF",
    flags: WELL_KNOWN,
    malformed: "treat-as-withdraw",
    read: (draft, value) => {
      // RFC 7606 section 7.5: of an external peer it is not looked at, not even for its length.
      if (!draft.internal) return true;
      draft.localPref = value.u32();
      return exactly(value);
    },
  },
  [ATTRIBUTE.atomicAggregate]: {
    name: "ATOMIC_AGGREGATE",
    flags: WELL_KNOWN,
    malformed: "discard",
    read: (_, value) => exactly(value),
  },
  [ATTRIBUTE.aggregator]: {
    name: "AGGREGATOR",
    flags: TRANSITIVE,
    malformed: "discard",
    read: (draft, value) => value.remaining === (draft.fourOctetAs ? 8 : 6) && readAs(value, draft.fourOctetAs) !== 0,
  },
  [ATTRIBUTE.communities]: {
    name: "COMMUNITIES",
    flags: TRANSITIVE,
    malformed: "treat-as-withdraw",
    read: (draft, value) => {
      const sound = value.remaining > 0 && value.remaining % 4 === 0;
      const communities: number[] = [];
      while (sound && value.remaining > 0) communities.push(value.u32());
      draft.communities = communities;
      return sound;
    },
  },
  [ATTRIBUTE.mpReach]: {
    name: "MP_REACH_NLRI",
    flags: NON_TRANSITIVE,
    malformed: "discard",
    once: true,
    read: readReach,
  },
  [ATTRIBUTE.mpUnreach]: {
    name: "MP_UNREACH_NLRI",
    flags: NON_TRANSITIVE,
    malformed: "discard",
    once: true,
    read: readUnreach,
  },
  [ATTRIBUTE.extendedCommunities]: {
    name: "EXTENDED COMMUNITIES",
    flags: TRANSITIVE,
    malformed: "treat-as-withdraw",
    read: (_, value) => value.remaining > 0 && value.remaining % 8 === 0,
  },
  [ATTRIBUTE.as4Path]: {
    name: "AS4_PATH",
    flags: TRANSITIVE,
    malformed: "discard",
    read: (draft, value) => {
      // RFC 6793 section 6: between speakers of four octets it must not be there, and is not looked at.
      if (!draft.fourOctetAs) draft.as4Path = readAsPath(value, true);
      return draft.fourOctetAs || draft.as4Path !== null;
    },
  },
  [ATTRIBUTE.as4Aggregator]: {
    name: "AS4_AGGREGATOR",
    flags: TRANSITIVE,
    malformed: "discard",
    read: (_, value) => value.remaining === 8 && readAs(value, true) !== 0,
  },
  [ATTRIBUTE.largeCommunities]: {
    name: "LARGE_COMMUNITIES",
    flags: TRANSITIVE,
    malformed: "treat-as-withdraw",
    read: (draft, value) => {
      const sound = value.remaining > 0 && value.remaining % 12 === 0;
      const communities: LargeCommunity[] = [];
      while (sound && value.remaining > 0) communities.push([value.u32(), value.u32(), value.u32()]);
      draft.largeCommunities = communities;
      return sound;
    },
  },
};

type AttributeOutcome =
  | { readonly kind: "read" }
  | { readonly kind: "discard" | "treat-as-withdraw"; readonly what: string }
  /** It stands twice, and must not. */
  | { readonly kind: "reset" };

const READ: AttributeOutcome = { kind: "read" };

/** Reads one attribute into the draft. Unknown optional ones are passed over (RFC 4271 section 5). */
export function readAttribute(draft: AttributeDraft, flags: number, type: number, value: ByteReader): AttributeOutcome {
  const rule = RULES[type];
  if (draft.seen.has(type)) {
    // RFC 7606 section 3.g: of others the first counts.
    if (rule?.once) return { kind: "reset" };
    return { kind: "discard", what: `${nameOf(type)} stands twice` };
  }
  draft.seen.add(type);
  if (!rule)
    return (flags & FLAG.optional) !== 0
      ? READ
      : { kind: "treat-as-withdraw", what: `well-known attribute ${type} is not recognized` };
  if (!rule.read(draft, value)) return { kind: rule.malformed, what: `${rule.name} is malformed` };
  // RFC 7606 section 3.c.
  return (flags & TRANSITIVE) === rule.flags
    ? READ
    : { kind: "treat-as-withdraw", what: `the flags of ${rule.name} are wrong` };
}

/** Names of what an announcement must have (RFC 4271 section 5) and lacks. */
export const missingOf = (draft: AttributeDraft, types: readonly number[]): readonly string[] =>
  types.filter((type) => !draft.seen.has(type)).map(nameOf);

const nameOf = (type: number): string => RULES[type]?.name ?? `attribute ${type}`;

const exactly = (value: ByteReader): boolean => !value.failed && value.remaining === 0;

/** The members of all segments in order; null: malformed (RFC 7606 section 7.2). */
function readAsPath(value: ByteReader, fourOctetAs: boolean): readonly Asn[] | null {
  const path: Asn[] = [];
  while (value.remaining > 0) {
    const type = value.u8();
    const count = value.u8();
    // AS_SET, AS_SEQUENCE and those of confederations (RFC 5065).
    if (type < 1 || type > 4 || count === 0 || count * (fourOctetAs ? 4 : 2) > value.remaining) return null;
    for (let i = 0; i < count; i++) {
      const as = readAs(value, fourOctetAs);
      // RFC 7607 section 2.
      if (as === 0) return null;
      path.push(as);
    }
  }
  return path;
}

const readAs = (value: ByteReader, fourOctetAs: boolean): Asn => (fourOctetAs ? value.u32() : value.u16());

function readReach(draft: AttributeDraft, value: ByteReader): boolean {
  const family = familyOf(value.u16(), value.u8());
  const octets = value.view(value.u8());
  value.u8();
  if (value.failed) return false;
  if (!family) return true;
  const nextHop = readNextHop(family, octets);
  const prefixes = readPrefixes(value, family === "ipv4-unicast" ? 4 : 6);
  if (!nextHop || !prefixes) return false;
  draft.reach = { prefixes, nextHop };
  return true;
}

/** Four octets, 16, or 32 of a global and a link-local address (RFC 2545 section 3, RFC 8950 section 4). */
function readNextHop(family: AddressFamily, octets: Uint8Array): Ip | null {
  if (octets.length === 4 && family !== "ipv4-unicast") return null;
  const address = ipFromBytes(octets.length === 32 ? octets.subarray(0, 16) : octets);
  return address.ok ? address.value : null;
}

function readUnreach(draft: AttributeDraft, value: ByteReader): boolean {
  const family = familyOf(value.u16(), value.u8());
  if (value.failed) return false;
  if (!family) return true;
  const prefixes = readPrefixes(value, family === "ipv4-unicast" ? 4 : 6);
  if (!prefixes) return false;
  draft.unreachFamily = family;
  draft.unreach = prefixes;
  return true;
}

/** One attribute and where the next begins; null: the list is cut short. */
export function nextAttribute(list: ByteReader): { flags: number; type: number; value: ByteReader } | null {
  const flags = list.u8();
  const type = list.u8();
  const value = list.sub((flags & FLAG.extended) !== 0 ? list.u16() : list.u8());
  return list.failed || value.failed ? null : { flags, type, value };
}
