import { ByteWriter, type Ip, ipToBytes } from "#net";
import { AFI, ATTRIBUTE, FLAG, HEADER_LENGTH, MESSAGE, SAFI_UNICAST } from "../packet/constants.ts";
import { afiOf } from "../packet/family.ts";
import { beginMessage, endMessage } from "../packet/header.ts";
import type { AddressFamily, Asn, PathAttributes } from "../settings.ts";
import { attributesFit, encodeAttributes } from "./path-attributes.ts";
import { type PrefixKey, writeNlri } from "./prefix-key.ts";
import type { Entry } from "./route-table.ts";

/** Everything about a session that the octets of its UPDATEs depend on. */
export interface PackParameters {
  readonly localAs: Asn;
  readonly internal: boolean;
  readonly fourOctetAs: boolean;
  readonly nextHop: Readonly<Record<AddressFamily, Ip | null>>;
  /** Longest message, RFC 4271 or RFC 8654. */
  readonly limit: number;
  /** RFC 8326: every route says that it will go. */
  readonly leaving: boolean;
}

/** Sessions with equal text send equal octets. */
export const packKey = (
  { localAs, internal, fourOctetAs, nextHop, limit, leaving }: PackParameters,
  families: readonly AddressFamily[],
): string =>
  [
    localAs,
    internal,
    fourOctetAs,
    nextHop["ipv4-unicast"]?.value,
    nextHop["ipv6-unicast"]?.value,
    limit,
    leaving,
    ...families,
  ].join();

/** How many octets of UPDATEs make one chunk: enough for one system call to be worth it. */
const CHUNK = 256 * 1024;

/**
 * UPDATEs for the entries: one run of messages per attribute set, then withdrawals, so that a peer has the
 * new way before the old one goes (where an aggregate replaces its parts, say); each message as full as the
 * limit allows. Entries of families without a next hop must not be among them. A route
 * whose attributes do not fit one message is withdrawn (RFC 4271 section 9.2).
 */
export function packUpdates(entries: Iterable<Entry>, parameters: PackParameters): Uint8Array[] {
  const withdrawn = emptyGroup();
  const groups = new Map<PathAttributes | null, Group>([[null, withdrawn]]);
  let group = withdrawn;
  let latest: PathAttributes | null = null;
  for (const { attributes, key } of entries) {
    if (attributes !== latest) {
      latest = attributes;
      group =
        groups.get(attributes) ??
        (attributes && attributesFit(attributes, parameters.limit) ? emptyGroup() : withdrawn);
      groups.set(attributes, group);
    }
    if (typeof key === "number") group.four.push(key);
    else group.six.push(key);
  }
  const packer = new Packer(parameters);
  for (const [attributes, { four, six }] of groups) {
    if (!attributes || four === withdrawn.four) continue;
    packer.announce("ipv4-unicast", attributes, four);
    packer.announce("ipv6-unicast", attributes, six);
  }
  packer.withdraw("ipv4-unicast", withdrawn.four);
  packer.withdraw("ipv6-unicast", withdrawn.six);
  return packer.finish();
}

interface Group {
  readonly four: number[];
  readonly six: bigint[];
}

const emptyGroup = (): Group => ({ four: [], six: [] });

/** RFC 4724 section 2. */
export function endOfRib(family: AddressFamily): Uint8Array {
  const writer = new ByteWriter(32);
  const start = beginMessage(writer, MESSAGE.update);
  if (family === "ipv4-unicast") writer.u16(0).u16(0);
  else writer.u16(0).u16(6).u8(FLAG.optional).u8(ATTRIBUTE.mpUnreach).u8(3).u16(AFI.ipv6).u8(SAFI_UNICAST);
  endMessage(writer, start);
  return writer.bytes();
}

class Packer {
  private readonly parameters: PackParameters;
  private readonly writer = new ByteWriter(4096);
  private readonly chunks: Uint8Array[] = [];

  constructor(parameters: PackParameters) {
    this.parameters = parameters;
  }

  finish(): Uint8Array[] {
    if (this.writer.length > 0) this.chunks.push(this.writer.bytes());
    return this.chunks;
  }

  withdraw(family: AddressFamily, keys: readonly PrefixKey[]): void {
    const { writer } = this;
    if (family === "ipv4-unicast") {
      // Withdrawn length, routes, attribute length.
      this.messages(
        keys,
        this.parameters.limit - HEADER_LENGTH - 4,
        () => writer.u16(0),
        (at, octets) => {
          writer.patchU16(at - 2, octets);
          writer.u16(0);
        },
      );
      return;
    }
    this.messages(
      keys,
      this.parameters.limit - HEADER_LENGTH - 4 - 7,
      () => {
        writer.u16(0).u16(0);
        writer
          .u8(FLAG.optional | FLAG.extended)
          .u8(ATTRIBUTE.mpUnreach)
          .u16(0)
          .u16(afiOf(family))
          .u8(SAFI_UNICAST);
      },
      (at, octets) => {
        writer.patchU16(at - 9, octets + 7);
        writer.patchU16(at - 5, octets + 3);
      },
    );
  }

  announce(family: AddressFamily, attributes: PathAttributes, keys: readonly PrefixKey[]): void {
    const { writer } = this;
    const nextHop = this.parameters.nextHop[family];
    if (!nextHop || keys.length === 0) return;
    // IPv4 over an IPv4 next hop is written the old way; all else by MP_REACH_NLRI (RFC 4760, RFC 8950).
    const multiprotocol = nextHop.family === 6;
    const common = encodeAttributes(attributes, { ...this.parameters, nextHop: multiprotocol ? null : nextHop });
    if (!multiprotocol) {
      this.messages(
        keys,
        this.parameters.limit - HEADER_LENGTH - 4 - common.length,
        () => writer.u16(0).u16(common.length).put(common),
        () => {},
      );
      return;
    }
    const address = ipToBytes(nextHop);
    const fixed = 4 + 2 + 1 + 1 + address.length + 1;
    this.messages(
      keys,
      this.parameters.limit - HEADER_LENGTH - 4 - common.length - fixed,
      () => {
        writer.u16(0).u16(0);
        // RFC 7606 section 5.1: MP_REACH_NLRI comes first.
        writer
          .u8(FLAG.optional | FLAG.extended)
          .u8(ATTRIBUTE.mpReach)
          .u16(0);
        writer.u16(afiOf(family)).u8(SAFI_UNICAST).u8(address.length).put(address).u8(0);
      },
      (at, octets) => {
        writer.patchU16(at - fixed - 2, common.length + fixed + octets);
        writer.patchU16(at - fixed + 2, fixed - 4 + octets);
        writer.put(common);
      },
    );
  }

  /**
   * A message around each run of prefixes whose NLRI fit `room` octets. `head` writes what is before them, `tail`, which
   * is told where they begin and how long they are, what is after them, and the lengths that `head` left open.
   */
  private messages(
    keys: readonly PrefixKey[],
    room: number,
    head: () => void,
    tail: (at: number, octets: number) => void,
  ): void {
    const { writer } = this;
    for (let from = 0; from < keys.length; ) {
      if (writer.length >= CHUNK) {
        this.chunks.push(writer.bytes());
        writer.truncate();
      }
      const start = beginMessage(writer, MESSAGE.update);
      head();
      const at = writer.length;
      from = writeNlri(writer, keys, from, room);
      tail(at, writer.length - at);
      endMessage(writer, start);
    }
  }
}
