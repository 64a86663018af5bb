import { ByteReader, err, type Ip, ip, ipFromBytes, ok, type Prefix, prefixOf, type Result } from "#net";
import type { AddressFamily, Asn, LargeCommunity } from "../settings.ts";
import { ATTRIBUTE, ERROR, FLAG, UPDATE_ERROR } from "./constants.ts";
import { type Notification, notification } from "./notification.ts";
import { familyOf } from "./open.ts";

/** An UPDATE as this project reads it: what a router of the lab learns, and what a speaker counts. */
export interface Update {
  readonly announced: readonly { readonly prefix: Prefix; readonly nextHop: Ip | null }[];
  readonly withdrawn: readonly Prefix[];
  readonly attributes: ReceivedAttributes;
  /** The family whose initial table is complete (RFC 4724 section 2). */
  readonly endOfRib: AddressFamily | null;
  /** RFC 7606: the routes are to be treated as withdrawn; says what was wrong. */
  readonly treatAsWithdraw: string | null;
}

export interface ReceivedAttributes {
  readonly origin: number | null;
  /** AS_SEQUENCE and AS_SET members in order; AS4_PATH already merged in. */
  readonly asPath: readonly Asn[];
  readonly multiExitDisc: number | null;
  readonly localPref: number | null;
  readonly communities: readonly number[];
  readonly largeCommunities: readonly LargeCommunity[];
}

interface Draft {
  origin: number | null;
  asPath: Asn[];
  as4Path: Asn[] | null;
  nextHop: Ip | null;
  multiExitDisc: number | null;
  localPref: number | null;
  communities: number[];
  largeCommunities: LargeCommunity[];
  reach: { prefix: Prefix; nextHop: Ip | null }[];
  unreach: Prefix[];
  unreachFamily: AddressFamily | null;
  hasReach: boolean;
  wrong: string | null;
}

/**
 * Reads the body of an UPDATE. Only broken framing is an error, shaped as the NOTIFICATION to send;
 * a malformed attribute is treated as RFC 7606 says and never resets the session.
 */
export function decodeUpdate(
  body: Uint8Array,
  context: { readonly fourOctetAs: boolean },
): Result<Update, Notification> {
  const broken = err(notification(ERROR.update, UPDATE_ERROR.malformedAttributeList));
  const reader = new ByteReader(body);
  const gone = reader.sub(reader.u16());
  const attributes = reader.sub(reader.u16());
  if (reader.failed) return broken;
  const withdrawn = readPrefixes(gone, 4);
  const nlri = readPrefixes(reader, 4);
  if (!withdrawn || !nlri) return err(notification(ERROR.update, UPDATE_ERROR.invalidNetworkField));
  const draft = emptyDraft();
  const hasAttributes = attributes.remaining > 0;
  while (attributes.remaining > 0) {
    const flags = attributes.u8();
    const type = attributes.u8();
    const value = attributes.sub((flags & FLAG.extended) !== 0 ? attributes.u16() : attributes.u8());
    if (attributes.failed) {
      // RFC 7606 section 4: the list ends early, but where the NLRI begins is known.
      draft.wrong = "the attribute list is cut short";
      break;
    }
    readAttribute(draft, type, value, context.fourOctetAs);
  }
  const announced = [...nlri.map((prefix) => ({ prefix, nextHop: draft.nextHop })), ...draft.reach];
  return ok({
    announced: draft.wrong === null ? announced : [],
    withdrawn: [...withdrawn, ...draft.unreach, ...(draft.wrong === null ? [] : announced.map(({ prefix }) => prefix))],
    attributes: finish(draft),
    endOfRib: endOfRib(draft, hasAttributes, withdrawn.length + nlri.length),
    treatAsWithdraw: draft.wrong,
  });
}

const emptyDraft = (): Draft => ({
  origin: null,
  asPath: [],
  as4Path: null,
  nextHop: null,
  multiExitDisc: null,
  localPref: null,
  communities: [],
  largeCommunities: [],
  reach: [],
  unreach: [],
  unreachFamily: null,
  hasReach: false,
  wrong: null,
});

function endOfRib(draft: Draft, hasAttributes: boolean, prefixes: number): AddressFamily | null {
  if (!hasAttributes) return prefixes === 0 ? "ipv4-unicast" : null;
  return draft.unreachFamily !== null && draft.unreach.length === 0 && !draft.hasReach && prefixes === 0
    ? draft.unreachFamily
    : null;
}

function readAttribute(draft: Draft, type: number, value: ByteReader, fourOctetAs: boolean): void {
  const expect = (length: number, name: string): boolean => {
    if (value.remaining === length) return true;
    draft.wrong = `${name} has ${value.remaining} octets`;
    return false;
  };
  switch (type) {
    case ATTRIBUTE.origin:
      if (expect(1, "ORIGIN")) draft.origin = value.u8();
      if ((draft.origin ?? 0) > 2) draft.wrong = `ORIGIN is ${draft.origin}`;
      return;
    case ATTRIBUTE.asPath:
      draft.asPath = readAsPath(draft, value, fourOctetAs);
      return;
    case ATTRIBUTE.as4Path:
      draft.as4Path = readAsPath(draft, value, true);
      return;
    case ATTRIBUTE.nextHop:
      if (expect(4, "NEXT_HOP")) draft.nextHop = ip(4, BigInt(value.u32()));
      return;
    case ATTRIBUTE.multiExitDisc:
      if (expect(4, "MULTI_EXIT_DISC")) draft.multiExitDisc = value.u32();
      return;
    case ATTRIBUTE.localPref:
      if (expect(4, "LOCAL_PREF")) draft.localPref = value.u32();
      return;
    case ATTRIBUTE.communities:
      if (value.remaining % 4 !== 0) draft.wrong = "COMMUNITIES is not a multiple of four octets";
      while (value.remaining >= 4) draft.communities.push(value.u32());
      return;
    case ATTRIBUTE.largeCommunities:
      if (value.remaining % 12 !== 0) draft.wrong = "LARGE_COMMUNITIES is not a multiple of twelve octets";
      while (value.remaining >= 12) draft.largeCommunities.push([value.u32(), value.u32(), value.u32()]);
      return;
    case ATTRIBUTE.mpReach:
      return readReach(draft, value);
    case ATTRIBUTE.mpUnreach:
      return readUnreach(draft, value);
  }
}

function readAsPath(draft: Draft, value: ByteReader, fourOctetAs: boolean): Asn[] {
  const path: Asn[] = [];
  while (value.remaining > 0) {
    const type = value.u8();
    const count = value.u8();
    if (type < 1 || type > 4 || count * (fourOctetAs ? 4 : 2) > value.remaining) {
      draft.wrong = "AS_PATH is malformed";
      return path;
    }
    for (let i = 0; i < count; i++) path.push(fourOctetAs ? value.u32() : value.u16());
  }
  return path;
}

function readReach(draft: Draft, value: ByteReader): void {
  const [afi, safi] = [value.u16(), value.u8()];
  const nextHopBytes = value.view(value.u8());
  value.u8();
  draft.hasReach = true;
  const family = familyOf(afi, safi);
  if (!family || value.failed) return;
  // Two addresses: global, then link-local (RFC 2545 section 3).
  const address = ipFromBytes(nextHopBytes.length === 32 ? nextHopBytes.subarray(0, 16) : nextHopBytes);
  const prefixes = readPrefixes(value, family === "ipv4-unicast" ? 4 : 6);
  if (!prefixes) draft.wrong = "MP_REACH_NLRI is malformed";
  else draft.reach.push(...prefixes.map((prefix) => ({ prefix, nextHop: address.ok ? address.value : null })));
}

function readUnreach(draft: Draft, value: ByteReader): void {
  const family = familyOf(value.u16(), value.u8());
  if (!family || value.failed) return;
  const prefixes = readPrefixes(value, family === "ipv4-unicast" ? 4 : 6);
  draft.unreachFamily = family;
  if (prefixes) draft.unreach.push(...prefixes);
  else draft.wrong = "MP_UNREACH_NLRI is malformed";
}

/** Null: a length beyond the family, or octets missing. */
function readPrefixes(reader: ByteReader, family: 4 | 6): Prefix[] | null {
  const prefixes: Prefix[] = [];
  const width = family === 4 ? 4 : 16;
  while (reader.remaining > 0) {
    const length = reader.u8();
    const octets = reader.view((length + 7) >> 3);
    if (length > width * 8 || reader.failed) return null;
    let value = 0n;
    for (let i = 0; i < width; i++) value = (value << 8n) | BigInt(octets[i] ?? 0);
    prefixes.push(prefixOf(ip(family, value), length));
  }
  return prefixes;
}

/** RFC 6793 section 4.2.3: the last members of AS_PATH are replaced by AS4_PATH. */
function finish(draft: Draft): ReceivedAttributes {
  const { origin, asPath, as4Path, multiExitDisc, localPref, communities, largeCommunities } = draft;
  const merged =
    as4Path && as4Path.length <= asPath.length
      ? [...asPath.slice(0, asPath.length - as4Path.length), ...as4Path]
      : asPath;
  return { origin, asPath: merged, multiExitDisc, localPref, communities, largeCommunities };
}
