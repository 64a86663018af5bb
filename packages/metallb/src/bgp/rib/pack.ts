import { ByteWriter, type Ip, ipToBytes } from "#net";
import { AFI, ATTRIBUTE, FLAG, HEADER_LENGTH, MESSAGE, SAFI_UNICAST } from "../packet/constants.ts";
import { afiOf } from "../packet/family.ts";
import { beginMessage, endMessage } from "../packet/header.ts";
import type { AddressFamily, Asn, PathAttributes } from "../settings.ts";
import { attributesFit, encodeAttributes } from "./path-attributes.ts";
import { familyOfKey, nlriOctets, type PrefixKey, writeNlri } from "./prefix-key.ts";
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
 * UPDATEs for the entries: withdrawals first, then one run of messages per attribute set, each message
 * as full as the limit allows. Entries of families without a next hop must not be among them. A route
 * whose attributes do not fit one message is withdrawn (RFC 4271 section 9.2).
 */
export function packUpdates(entries: Iterable<Entry>, parameters: PackParameters): Uint8Array[] {
  const withdrawn = emptyGroup();
  const groups = new Map<PathAttributes | null, Group>([[null, withdrawn]]);
  for (const { attributes, key } of entries) {
    let group = groups.get(attributes);
    if (!group) {
      group = attributes && attributesFit(attributes, parameters.limit) ? emptyGroup() : withdrawn;
      groups.set(attributes, group);
    }
    group[familyOfKey(key)].push(key);
  }
  const packer = new Packer(parameters);
  for (const family of FAMILIES) packer.withdraw(family, withdrawn[family]);
  for (const [attributes, group] of groups)
    if (attributes && group !== withdrawn)
      for (const family of FAMILIES) packer.announce(family, attributes, group[family]);
  return packer.finish();
}

const FAMILIES = ["ipv4-unicast", "ipv6-unicast"] as const satisfies readonly AddressFamily[];

type Group = Record<AddressFamily, PrefixKey[]>;

const emptyGroup = (): Group => ({ "ipv4-unicast": [], "ipv6-unicast": [] });

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
  private writer = new ByteWriter(4096);
  private readonly chunks: Uint8Array[] = [];

  constructor(parameters: PackParameters) {
    this.parameters = parameters;
  }

  finish(): Uint8Array[] {
    if (this.writer.length > 0) this.chunks.push(this.writer.bytes());
    return this.chunks;
  }

  withdraw(family: AddressFamily, keys: readonly PrefixKey[]): void {
    if (family === "ipv4-unicast") {
      // Withdrawn length, routes, attribute length.
      this.messages(keys, this.parameters.limit - HEADER_LENGTH - 4, (run, octets) => {
        this.writer.u16(octets);
        this.put(run);
        this.writer.u16(0);
      });
      return;
    }
    this.messages(keys, this.parameters.limit - HEADER_LENGTH - 4 - 7, (run, octets) => {
      this.writer.u16(0).u16(octets + 7);
      this.writer
        .u8(FLAG.optional | FLAG.extended)
        .u8(ATTRIBUTE.mpUnreach)
        .u16(octets + 3)
        .u16(afiOf(family))
        .u8(SAFI_UNICAST);
      this.put(run);
    });
  }

  announce(family: AddressFamily, attributes: PathAttributes, keys: readonly PrefixKey[]): void {
    const nextHop = this.parameters.nextHop[family];
    if (!nextHop || keys.length === 0) return;
    // IPv4 over an IPv4 next hop is written the old way; all else by MP_REACH_NLRI (RFC 4760, RFC 8950).
    const multiprotocol = nextHop.family === 6;
    const common = encodeAttributes(attributes, { ...this.parameters, nextHop: multiprotocol ? null : nextHop });
    if (!multiprotocol) {
      this.messages(keys, this.parameters.limit - HEADER_LENGTH - 4 - common.length, (run) => {
        this.writer.u16(0).u16(common.length).put(common);
        this.put(run);
      });
      return;
    }
    const address = ipToBytes(nextHop);
    const fixed = 4 + 2 + 1 + 1 + address.length + 1;
    this.messages(keys, this.parameters.limit - HEADER_LENGTH - 4 - common.length - fixed, (run, octets) => {
      this.writer.u16(0).u16(common.length + fixed + octets);
      // RFC 7606 section 5.1: MP_REACH_NLRI comes first.
      this.writer
        .u8(FLAG.optional | FLAG.extended)
        .u8(ATTRIBUTE.mpReach)
        .u16(fixed - 4 + octets);
      this.writer.u16(afiOf(family)).u8(SAFI_UNICAST).u8(address.length).put(address).u8(0);
      this.put(run);
      this.writer.put(common);
    });
  }

  /** Cuts the prefixes into runs whose NLRI fit `room` octets and frames a message around each. */
  private messages(
    keys: readonly PrefixKey[],
    room: number,
    body: (run: readonly PrefixKey[], octets: number) => void,
  ): void {
    let from = 0;
    while (from < keys.length) {
      let octets = 0;
      let to = from;
      for (; to < keys.length; to++) {
        const length = nlriOctets(keys[to] as PrefixKey);
        if (octets + length > room) break;
        octets += length;
      }
      if (this.writer.length >= CHUNK) {
        this.chunks.push(this.writer.bytes());
        this.writer.truncate();
      }
      const start = beginMessage(this.writer, MESSAGE.update);
      body(from === 0 && to === keys.length ? keys : keys.slice(from, to), octets);
      endMessage(this.writer, start);
      from = to;
    }
  }

  private put(run: readonly PrefixKey[]): void {
    for (const key of run) writeNlri(this.writer, key);
  }
}
