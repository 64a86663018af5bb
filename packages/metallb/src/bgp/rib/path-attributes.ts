import { ByteWriter, type Ip, ipToBytes } from "#net";
import { AS_TRANS, ATTRIBUTE, FLAG } from "../packet/constants.ts";
import type { Asn, PathAttributes } from "../settings.ts";

/** What the octets of attributes depend on besides the route's own. */
export interface AttributeContext {
  readonly localAs: Asn;
  readonly internal: boolean;
  readonly fourOctetAs: boolean;
  /** Null: it goes in MP_REACH_NLRI. */
  readonly nextHop: Ip | null;
  /** RFC 8326: the peer is to prefer every other way, before this one goes. */
  readonly leaving: boolean;
}

/** RFC 4271 section 5.1.5 leaves it open; this is what routers assume. */
const DEFAULT_LOCAL_PREF = 100;
/** RFC 8326 section 4.1. */
const GRACEFUL_SHUTDOWN = 0xffff0000;
/** More prepends are of no use, and a path has at most 255 members in a segment. */
const MAX_PREPEND = 32;

interface WrittenAttribute {
  readonly type: number;
  readonly flags: number;
  /** Writes the value; nothing written: the attribute is left out. */
  readonly write: (writer: ByteWriter, route: PathAttributes, context: AttributeContext) => void;
}

const WELL_KNOWN = FLAG.transitive;
const TRANSITIVE = FLAG.optional | FLAG.transitive;
/** An attribute of no octets is written too: an empty AS_PATH says that the route is of the own AS. */
const ALWAYS = new Set<number>([ATTRIBUTE.asPath]);

/** Every attribute besides MP_REACH_NLRI, in the order of their type codes (RFC 4271 appendix F.3). */
const TABLE: readonly WrittenAttribute[] = [
  { type: ATTRIBUTE.origin, flags: WELL_KNOWN, write: (writer) => void writer.u8(0) },
  {
    type: ATTRIBUTE.asPath,
    flags: WELL_KNOWN,
    write: (writer, route, context) => {
      if (!context.internal) path(writer, route, context, context.fourOctetAs);
    },
  },
  {
    type: ATTRIBUTE.nextHop,
    flags: WELL_KNOWN,
    write: (writer, _, { nextHop }) => {
      if (nextHop) writer.put(ipToBytes(nextHop));
    },
  },
  {
    type: ATTRIBUTE.multiExitDisc,
    flags: FLAG.optional,
    write: (writer, { med }) => {
      if (med != null) writer.u32(med);
    },
  },
  {
    type: ATTRIBUTE.localPref,
    flags: WELL_KNOWN,
    write: (writer, { localPref }, { internal, leaving }) => {
      if (internal) writer.u32(leaving ? 0 : (localPref ?? DEFAULT_LOCAL_PREF));
    },
  },
  {
    type: ATTRIBUTE.communities,
    flags: TRANSITIVE,
    write: (writer, { communities }, { leaving }) => {
      for (const community of communities) if (!leaving || community < GRACEFUL_SHUTDOWN) writer.u32(community);
      if (leaving) writer.u32(GRACEFUL_SHUTDOWN);
      for (const community of communities) if (leaving && community > GRACEFUL_SHUTDOWN) writer.u32(community);
    },
  },
  {
    // draft-ietf-idr-link-bandwidth: not transitive, two octets of AS, octets a second as a float.
    type: ATTRIBUTE.extendedCommunities,
    flags: TRANSITIVE,
    write: (writer, { linkBandwidth }, { localAs }) => {
      if (linkBandwidth == null) return;
      const float = new DataView(new ArrayBuffer(4));
      float.setFloat32(0, linkBandwidth);
      writer
        .u8(0x40)
        .u8(0x04)
        .u16(localAs > 0xffff ? AS_TRANS : localAs)
        .u32(float.getUint32(0));
    },
  },
  {
    // RFC 6793 section 4.2.2: the peer speaks two octets, and the path holds what does not fit them.
    type: ATTRIBUTE.as4Path,
    flags: TRANSITIVE,
    write: (writer, route, context) => {
      if (!context.internal && !context.fourOctetAs && context.localAs > 0xffff) path(writer, route, context, true);
    },
  },
  {
    type: ATTRIBUTE.largeCommunities,
    flags: TRANSITIVE,
    write: (writer, { largeCommunities }) => {
      for (const [a, b, c] of largeCommunities) writer.u32(a).u32(b).u32(c);
    },
  },
];

/** One AS_SEQUENCE: the own AS, once and as often again as is asked for. */
function path(
  writer: ByteWriter,
  { asPathPrepend }: PathAttributes,
  { localAs }: AttributeContext,
  four: boolean,
): void {
  const times = 1 + Math.min(asPathPrepend ?? 0, MAX_PREPEND);
  writer.u8(2).u8(times);
  for (let i = 0; i < times; i++)
    if (four) writer.u32(localAs);
    else writer.u16(localAs > 0xffff ? AS_TRANS : localAs);
}

/** The attributes of a route as they stand in an UPDATE, without MP_REACH_NLRI. */
export function encodeAttributes(route: PathAttributes, context: AttributeContext): Uint8Array {
  const writer = new ByteWriter(64);
  const value = new ByteWriter(64);
  for (const { type, flags, write } of TABLE) {
    value.truncate();
    write(value, route, context);
    const { length } = value;
    if (length === 0 && !ALWAYS.has(type)) continue;
    if (length > 255)
      writer
        .u8(flags | FLAG.extended)
        .u8(type)
        .u16(length);
    else writer.u8(flags).u8(type).u8(length);
    writer.put(value.view());
  }
  return writer.bytes();
}

/** More than all besides communities and a prefix takes: header, lengths, the other attributes. */
const ROOM_BESIDE_COMMUNITIES = 320;

/** Whether they leave room for a prefix in a message of the length. */
export const attributesFit = ({ communities, largeCommunities }: PathAttributes, limit: number): boolean =>
  communities.length * 4 + largeCommunities.length * 12 + ROOM_BESIDE_COMMUNITIES <= limit;

export function sameAttributes(a: PathAttributes, b: PathAttributes): boolean {
  return (
    a.localPref === b.localPref &&
    (a.med ?? null) === (b.med ?? null) &&
    (a.asPathPrepend ?? 0) === (b.asPathPrepend ?? 0) &&
    (a.linkBandwidth ?? null) === (b.linkBandwidth ?? null) &&
    a.communities.length === b.communities.length &&
    a.communities.every((community, i) => community === b.communities[i]) &&
    a.largeCommunities.length === b.largeCommunities.length &&
    a.largeCommunities.every((large, i) => large.every((part, k) => part === b.largeCommunities[i]?.[k]))
  );
}
