import { err, ok, type Result } from "#net";
import { ETHERNET_HEADER, ETHERTYPE, ethertypeOf, isGroupMac, isNoMac } from "./ethernet.ts";
import { icmpv6Checksum } from "./icmpv6-checksum.ts";
import { ALL_NODES, isMulticast6, multicastMac, readIp6, solicitedNodeGroup, writeIp6 } from "./ipv6-address.ts";

const TYPE = { solicitation: 135, advertisement: 136 } as const;
const OPTION = { sourceLinkLayer: 1, targetLinkLayer: 2 } as const;
const FLAG = { router: 0x80, solicited: 0x40, override: 0x20 } as const;
const IPV6_HEADER = 40;
const NEXT_HEADER_ICMPV6 = 58;
/** RFC 4861 section 7.1: what came through a router is refused. */
const HOP_LIMIT = 255;
/** Type, code, checksum, reserved or flags, target. */
const MESSAGE = 24;

interface NdpFrame {
  readonly ethernetDestination: Uint8Array;
  readonly ethernetSource: Uint8Array;
  /** IPv6 addresses are numbers, as `Ip.value`. */
  readonly source: bigint;
  readonly destination: bigint;
  readonly target: bigint;
  /** The source (solicitation) or target (advertisement) link-layer address option; null: not there. */
  readonly linkLayer: Uint8Array | null;
}

/** RFC 4861 section 4.3. */
export interface NeighborSolicitation extends NdpFrame {
  readonly kind: "solicitation";
}

/** RFC 4861 section 4.4. */
export interface NeighborAdvertisement extends NdpFrame {
  readonly kind: "advertisement";
  readonly router: boolean;
  readonly solicited: boolean;
  readonly override: boolean;
}

export type NdpMessage = NeighborSolicitation | NeighborAdvertisement;

export type NdpProblem =
  | "short"
  | "not IPv6"
  | "not ICMPv6"
  | "came through a router"
  | "not neighbour discovery"
  | "wrong checksum"
  | "broken option"
  | "target is a group"
  | "solicited, but sent to a group"
  | "no station sent it"
  | "broken probe";

/** Reads a frame and checks all that RFC 4861 sections 7.1.1 and 7.1.2 ask; the octets stay in the frame. */
export function decodeNdp(frame: Uint8Array): Result<NdpMessage, NdpProblem> {
  if (ethertypeOf(frame) !== ETHERTYPE.ipv6) return err("not IPv6");
  const packet = frame.subarray(ETHERNET_HEADER);
  // Octets that are not there read as 0 here, and make the frame too short below.
  const length = ((packet[4] as number) << 8) | (packet[5] as number);
  if ((packet[0] as number) >> 4 !== 6) return err("not IPv6");
  if (packet[6] !== NEXT_HEADER_ICMPV6) return err("not ICMPv6");
  if (packet[7] !== HOP_LIMIT) return err("came through a router");
  if (length < MESSAGE || IPV6_HEADER + length > packet.length) return err("short");
  const type = packet[IPV6_HEADER];
  if ((type !== TYPE.solicitation && type !== TYPE.advertisement) || packet[IPV6_HEADER + 1] !== 0)
    return err("not neighbour discovery");
  if (icmpv6Checksum(packet, length) !== 0) return err("wrong checksum");
  const target = readIp6(packet, IPV6_HEADER + 8);
  if (isMulticast6(target)) return err("target is a group");
  const linkLayer = linkLayerOption(
    packet.subarray(IPV6_HEADER + MESSAGE, IPV6_HEADER + length),
    type === TYPE.solicitation ? OPTION.sourceLinkLayer : OPTION.targetLinkLayer,
  );
  if (linkLayer === undefined) return err("broken option");
  const common = {
    ethernetDestination: frame.subarray(0, 6),
    ethernetSource: frame.subarray(6, 12),
    source: readIp6(packet, 8),
    destination: readIp6(packet, 24),
    target,
    linkLayer,
  };
  const station = linkLayer ?? common.ethernetSource;
  if (isGroupMac(station) || isNoMac(station)) return err("no station sent it");
  if (type === TYPE.solicitation) {
    const isProbe = common.source === 0n;
    // Section 7.1.1: a probe goes to the solicited-node group and names no link-layer address.
    if (isProbe && (linkLayer !== null || common.destination !== solicitedNodeGroup(target)))
      return err("broken probe");
    return ok({ kind: "solicitation", ...common });
  }
  const flags = packet[IPV6_HEADER + 4] as number;
  const solicited = (flags & FLAG.solicited) !== 0;
  if (solicited && isMulticast6(common.destination)) return err("solicited, but sent to a group");
  return ok({
    kind: "advertisement",
    ...common,
    router: (flags & FLAG.router) !== 0,
    solicited,
    override: (flags & FLAG.override) !== 0,
  });
}

/** Null: not there; undefined: an option of length 0 or beyond the end, which makes the message void. */
function linkLayerOption(options: Uint8Array, wanted: number): Uint8Array | null | undefined {
  let found: Uint8Array | null = null;
  for (let at = 0; at < options.length; ) {
    const length = (options[at + 1] ?? 0) * 8;
    if (length === 0 || at + length > options.length) return undefined;
    if (options[at] === wanted && found === null) found = options.subarray(at + 2, at + 8);
    at += length;
  }
  return found;
}

export function encodeNdp(message: NdpMessage): Uint8Array {
  const length = MESSAGE + (message.linkLayer === null ? 0 : 8);
  const frame = new Uint8Array(ETHERNET_HEADER + IPV6_HEADER + length);
  frame.set(message.ethernetDestination, 0);
  frame.set(message.ethernetSource, 6);
  frame[12] = ETHERTYPE.ipv6 >> 8;
  frame[13] = ETHERTYPE.ipv6 & 0xff;
  const packet = frame.subarray(ETHERNET_HEADER);
  packet[0] = 0x60;
  packet[5] = length;
  packet[6] = NEXT_HEADER_ICMPV6;
  packet[7] = HOP_LIMIT;
  writeIp6(packet, 8, message.source);
  writeIp6(packet, 24, message.destination);
  const at = IPV6_HEADER;
  packet[at] = TYPE[message.kind];
  if (message.kind === "advertisement")
    packet[at + 4] =
      (message.router ? FLAG.router : 0) |
      (message.solicited ? FLAG.solicited : 0) |
      (message.override ? FLAG.override : 0);
  writeIp6(packet, at + 8, message.target);
  if (message.linkLayer !== null) {
    packet[at + MESSAGE] = message.kind === "solicitation" ? OPTION.sourceLinkLayer : OPTION.targetLinkLayer;
    packet[at + MESSAGE + 1] = 1;
    packet.set(message.linkLayer, at + MESSAGE + 2);
  }
  const sum = icmpv6Checksum(packet, length);
  packet[at + 2] = sum >> 8;
  packet[at + 3] = sum & 0xff;
  return frame;
}

/**
 * The answer to a solicitation (RFC 4861 section 7.2.4). One without source, from a host that is
 * about to take the address, is answered to all nodes and unsolicited. Without the option the answer
 * goes to the station that asked: a unicast probe may leave it out. It comes from the address itself,
 * as a kernel's does: ndisc6 takes no other. Override is clear, as MetalLB has it and as RFC 4861 has it for
 * addresses that a node answers for without having them: what a new owner tells everybody stands.
 */
export function ndpReply(
  { source, target, linkLayer, ethernetSource }: NeighborSolicitation,
  mac: Uint8Array,
): Uint8Array {
  const probe = source === 0n;
  return encodeNdp({
    kind: "advertisement",
    ethernetDestination: probe ? multicastMac(ALL_NODES) : (linkLayer ?? ethernetSource),
    ethernetSource: mac,
    source: target,
    destination: probe ? ALL_NODES : source,
    target,
    linkLayer: mac,
    router: false,
    solicited: !probe,
    override: probe,
  });
}

/** RFC 4861 section 7.2.6: tells all nodes, and the routers among them (RFC 9131), of a new owner. */
export const unsolicitedNa = (target: bigint, mac: Uint8Array): Uint8Array =>
  encodeNdp({
    kind: "advertisement",
    ethernetDestination: multicastMac(ALL_NODES),
    ethernetSource: mac,
    source: target,
    destination: ALL_NODES,
    target,
    linkLayer: mac,
    router: false,
    solicited: false,
    override: true,
  });

/** RFC 4862 section 5.4.2: asks who has the address without claiming it. */
export function dadSolicitation(target: bigint, mac: Uint8Array): Uint8Array {
  const group = solicitedNodeGroup(target);
  return encodeNdp({
    kind: "solicitation",
    ethernetDestination: multicastMac(group),
    ethernetSource: mac,
    source: 0n,
    destination: group,
    target,
    linkLayer: null,
  });
}
