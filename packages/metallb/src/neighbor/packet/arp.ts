import { ByteReader, ByteWriter, err, ok, type Result } from "#net";
import { BROADCAST, ETHERNET_HEADER, ETHERTYPE, ethertypeOf, isGroupMac, isNoMac } from "./ethernet.ts";

/** RFC 826: ares_op. */
export const ARP_OPERATION = { request: 1, reply: 2 } as const;
export type ArpOperation = (typeof ARP_OPERATION)[keyof typeof ARP_OPERATION];

const HARDWARE_ETHERNET = 1;
const PROTOCOL_IPV4 = 0x0800;
const ARP_LENGTH = 28;

/** An ARP packet for IPv4 over Ethernet, in its frame. IPv4 addresses are numbers from 0 to 2^32-1. */
export interface ArpPacket {
  readonly ethernetDestination: Uint8Array;
  readonly ethernetSource: Uint8Array;
  readonly operation: ArpOperation;
  readonly senderMac: Uint8Array;
  readonly senderIp: number;
  readonly targetMac: Uint8Array;
  readonly targetIp: number;
}

export type ArpProblem = "short" | "not ARP" | "not IPv4 over Ethernet" | "unknown operation" | "no station sent it";

/** Reads a frame; the octets stay in the frame's memory. Padding behind the packet is ignored. */
export function decodeArp(frame: Uint8Array): Result<ArpPacket, ArpProblem> {
  if (frame.length < ETHERNET_HEADER + ARP_LENGTH) return err("short");
  if (ethertypeOf(frame) !== ETHERTYPE.arp) return err("not ARP");
  const reader = new ByteReader(frame, ETHERNET_HEADER);
  const hardware = reader.u16();
  const protocol = reader.u16();
  const lengths = reader.u16();
  if (hardware !== HARDWARE_ETHERNET || protocol !== PROTOCOL_IPV4 || lengths !== 0x0604)
    return err("not IPv4 over Ethernet");
  const operation = reader.u16();
  if (operation !== ARP_OPERATION.request && operation !== ARP_OPERATION.reply) return err("unknown operation");
  const senderMac = reader.view(6);
  const senderIp = reader.u32();
  if (isGroupMac(senderMac) || isNoMac(senderMac)) return err("no station sent it");
  return ok({
    ethernetDestination: frame.subarray(0, 6),
    ethernetSource: frame.subarray(6, 12),
    operation,
    senderMac,
    senderIp,
    targetMac: reader.view(6),
    targetIp: reader.u32(),
  });
}

export function encodeArp(packet: ArpPacket): Uint8Array {
  return new ByteWriter(ETHERNET_HEADER + ARP_LENGTH)
    .put(packet.ethernetDestination)
    .put(packet.ethernetSource)
    .u16(ETHERTYPE.arp)
    .u16(HARDWARE_ETHERNET)
    .u16(PROTOCOL_IPV4)
    .u16(0x0604)
    .u16(packet.operation)
    .put(packet.senderMac)
    .u32(packet.senderIp)
    .put(packet.targetMac)
    .u32(packet.targetIp)
    .view();
}

/** The answer to a request: unicast, even to a probe (RFC 5227 section 2.1.1 leaves the choice). */
export const arpReply = (request: ArpPacket, mac: Uint8Array): Uint8Array =>
  encodeArp({
    ethernetDestination: request.senderMac,
    ethernetSource: mac,
    operation: ARP_OPERATION.reply,
    senderMac: mac,
    senderIp: request.targetIp,
    targetMac: request.senderMac,
    targetIp: request.senderIp,
  });

/** One gratuitous packet of a round: neighbours differ in whether they learn from a request or a reply. */
export const gratuitousArp = (operation: ArpOperation, address: number, mac: Uint8Array): Uint8Array =>
  encodeArp({
    ethernetDestination: BROADCAST,
    ethernetSource: mac,
    operation,
    senderMac: mac,
    senderIp: address,
    targetMac: BROADCAST,
    targetIp: address,
  });

/** RFC 5227 section 2.1.1: asks who has the address without claiming it. */
export const arpProbe = (address: number, mac: Uint8Array): Uint8Array =>
  encodeArp({
    ethernetDestination: BROADCAST,
    ethernetSource: mac,
    operation: ARP_OPERATION.request,
    senderMac: mac,
    senderIp: 0,
    targetMac: new Uint8Array(6),
    targetIp: address,
  });
