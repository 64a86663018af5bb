import {
  addressBits,
  ByteReader,
  ByteWriter,
  ipFromBytes,
  ipToBytes,
  isLinkLocal6,
  type Mac,
  macFromBytes,
  macToBytes,
  type Prefix,
  prefixOf,
} from "#net";

// What our speakers say of themselves in memberlist's meta field: a mark, and the interfaces that they
// answer on.

const MARK = Uint8Array.of(0x6d, 0x74, 0x73, 0x32);
/** memberlist takes no longer one. */
const MAX_META = 512;
const FLAG = { told: 1, all: 2 } as const;
const CAN = { arp: 1, ndp: 2 } as const;
const FAMILY_6 = 0x80;

/** An interface that a speaker answers on: up, with a carrier, and not excluded. */
export interface SpeakerLink {
  readonly name: string;
  readonly mac: Mac;
  readonly arp: boolean;
  readonly ndp: boolean;
  /** Subnets that the host is in there. */
  readonly subnets: readonly Prefix[];
}

export interface SpeakerMeta {
  /** Null: it does not know yet. */
  readonly links: readonly SpeakerLink[] | null;
  /** False: it has more than fit. */
  readonly isWhole: boolean;
}

/** Null: not known yet. What does not fit is left out, and the reader can tell. */
export function encodeMeta(links: readonly SpeakerLink[] | null): Uint8Array {
  const body = new ByteWriter(MAX_META);
  let count = 0;
  for (const link of links ?? []) {
    const octets = encodeLink(link);
    if (MARK.length + 2 + body.length + octets.length > MAX_META) break;
    body.put(octets);
    count += 1;
  }
  const flags = (links === null ? 0 : FLAG.told) | (count === (links?.length ?? 0) ? FLAG.all : 0);
  return new ByteWriter(MAX_META).put(MARK).u8(flags).u8(count).put(body.bytes()).bytes();
}

function encodeLink({ name, mac, arp, ndp, subnets }: SpeakerLink): Uint8Array {
  const said = subnets.filter(({ ip, length }) => length < addressBits(ip.family) && !isLinkLocal6(ip)).slice(0, 16);
  const text = new TextEncoder().encode(name).subarray(0, 15);
  const writer = new ByteWriter(64)
    .put(macToBytes(mac))
    .u8((arp ? CAN.arp : 0) | (ndp ? CAN.ndp : 0))
    .u8(text.length)
    .put(text)
    .u8(said.length);
  for (const { ip, length } of said) {
    if (ip.family === 4) writer.u8(length);
    else writer.u8(FAMILY_6).u8(length);
    writer.put(ipToBytes(ip).subarray(0, Math.ceil(length / 8)));
  }
  return writer.bytes();
}

/** Whether the member is a speaker of ours, which sends heartbeats. */
export const isOurs = (meta: Uint8Array): boolean => MARK.every((octet, i) => meta[i] === octet);

/** Null: not a speaker of ours, or broken. */
export function readMeta(meta: Uint8Array): SpeakerMeta | null {
  if (!isOurs(meta)) return null;
  const reader = new ByteReader(meta, MARK.length);
  const flags = reader.u8();
  const count = reader.u8();
  const links: SpeakerLink[] = [];
  for (let i = 0; i < count && !reader.failed; i += 1) {
    const link = readLink(reader);
    if (link === null) return null;
    links.push(link);
  }
  if (reader.failed) return null;
  return { links: (flags & FLAG.told) === 0 ? null : links, isWhole: (flags & FLAG.all) !== 0 };
}

function readLink(reader: ByteReader): SpeakerLink | null {
  const mac = macFromBytes(reader.view(6));
  const can = reader.u8();
  const name = new TextDecoder().decode(reader.view(reader.u8()));
  const subnets: Prefix[] = [];
  for (let left = reader.u8(); left > 0 && !reader.failed; left -= 1) {
    const subnet = readSubnet(reader);
    if (subnet === null) return null;
    subnets.push(subnet);
  }
  if (reader.failed || !mac.ok) return null;
  return { name, mac: mac.value, arp: (can & CAN.arp) !== 0, ndp: (can & CAN.ndp) !== 0, subnets };
}

function readSubnet(reader: ByteReader): Prefix | null {
  const first = reader.u8();
  const length = first === FAMILY_6 ? reader.u8() : first;
  const octets = new Uint8Array(first === FAMILY_6 ? 16 : 4);
  if (length > octets.length * 8) return null;
  octets.set(reader.view(Math.ceil(length / 8)));
  const read = ipFromBytes(octets);
  return read.ok ? prefixOf(read.value, length) : null;
}

/** The MAC addresses that a member answers with; none when it is not ours. */
export const macsOf = (meta: Uint8Array): readonly Mac[] => readMeta(meta)?.links?.map(({ mac }) => mac) ?? [];
