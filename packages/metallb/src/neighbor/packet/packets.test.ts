import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { address, hex, octets, readSent, station } from "../testing.ts";
import { arpProbe, arpReply, decodeArp, encodeArp, gratuitousArp } from "./arp.ts";
import { icmpv6Checksum } from "./icmpv6-checksum.ts";
import { ALL_NODES, multicastMac, solicitedNodeGroup } from "./ipv6-address.ts";
import { dadSolicitation, decodeNdp, encodeNdp, type NdpMessage, ndpReply, unsolicitedNa } from "./ndp.ts";

// A request as arping sends it, and a solicitation as a Linux kernel sends it.
const ARP_REQUEST = hex(`
  ffffffffffff 0200000000aa 0806 0001 0800 06 04 0001
  0200000000aa c0000263 000000000000 c0000201`);
const ARP_REPLY = hex(`
  0200000000aa 020000000001 0806 0001 0800 06 04 0002
  020000000001 c0000201 0200000000aa c0000263`);
const SOLICITATION = hex(`
  3333ff000001 0200000000aa 86dd 6000 0000 0020 3a ff
  fe8000000000000000000000000000aa ff0200000000000000000001ff000001
  87 00 4a0f 00000000 20010db8000000000000000000000001 01 01 0200000000aa`);

const ours = octets(station("02:00:00:00:00:01"));

describe("ARP", () => {
  it("reads a request and writes the reply, octet for octet", () => {
    const request = decodeArp(ARP_REQUEST);
    if (!request.ok) throw new Error(request.error);
    expect(request.value).toMatchObject({ operation: 1, senderIp: 0xc0000263, targetIp: 0xc0000201 });
    expect(arpReply(request.value, ours)).toEqual(ARP_REPLY);
    expect(encodeArp(request.value)).toEqual(ARP_REQUEST);
  });

  it("announces with the address on both sides and all ones as the target", () => {
    expect(gratuitousArp(1, 0xc0000201, ours)).toEqual(
      hex(`ffffffffffff 020000000001 0806 0001 0800 0604 0001 020000000001 c0000201 ffffffffffff c0000201`),
    );
    expect(arpProbe(0xc0000201, ours)).toEqual(
      hex(`ffffffffffff 020000000001 0806 0001 0800 0604 0001 020000000001 00000000 000000000000 c0000201`),
    );
  });

  it.each([
    ["short", (frame: Uint8Array) => frame.subarray(0, 41)],
    ["not ARP", (frame: Uint8Array) => frame.with(13, 0)],
    ["not IPv4 over Ethernet", (frame: Uint8Array) => frame.with(15, 6)],
    ["not IPv4 over Ethernet", (frame: Uint8Array) => frame.with(18, 8)],
    ["unknown operation", (frame: Uint8Array) => frame.with(21, 3)],
    ["no station sent it", (frame: Uint8Array) => frame.with(22, 0xff)],
    ["no station sent it", (frame: Uint8Array) => frame.with(22, 0).with(27, 0)],
  ])("refuses: %s", (error, spoil) => expect(decodeArp(spoil(ARP_REQUEST))).toEqual({ ok: false, error }));

  it("reads any octets without an exception, and writes again what it read", () => {
    fc.assert(
      fc.property(nearly(ARP_REQUEST), (frame) => {
        const read = decodeArp(frame);
        if (read.ok) expect(encodeArp(read.value)).toEqual(frame.subarray(0, 42));
      }),
    );
  });
});

describe("NDP", () => {
  it("reads a kernel's solicitation and writes it again", () => {
    const read = decodeNdp(SOLICITATION);
    if (!read.ok) throw new Error(read.error);
    expect(read.value).toMatchObject({
      kind: "solicitation",
      source: address("fe80::aa").value,
      target: address("2001:db8::1").value,
      linkLayer: octets(station("02:00:00:00:00:aa")),
    });
    expect(encodeNdp(read.value)).toEqual(SOLICITATION);
  });

  it("answers solicited without override, from the address itself", () => {
    const read = decodeNdp(SOLICITATION);
    if (!read.ok || read.value.kind !== "solicitation") throw new Error("not read");
    expect(readSent(ndpReply(read.value, ours))).toMatchObject({
      ethernetDestination: octets(station("02:00:00:00:00:aa")),
      source: address("2001:db8::1").value,
      destination: address("fe80::aa").value,
      linkLayer: ours,
      solicited: true,
      override: false,
      router: false,
    });
  });

  it("answers a probe without source to all nodes, unsolicited", () => {
    const probe = decodeNdp(dadSolicitation(address("2001:db8::1").value, octets(station("02:00:00:00:00:aa"))));
    if (!probe.ok || probe.value.kind !== "solicitation") throw new Error("not read");
    expect(readSent(ndpReply(probe.value, ours))).toMatchObject({
      ethernetDestination: multicastMac(ALL_NODES),
      destination: ALL_NODES,
      solicited: false,
      override: true,
    });
  });

  it("announces to ff02::1 with hop limit 255", () => {
    const frame = unsolicitedNa(address("2001:db8::1").value, ours);
    expect([...frame.subarray(0, 6)]).toEqual([0x33, 0x33, 0, 0, 0, 1]);
    expect(frame[21]).toBe(255);
    expect(readSent(frame)).toMatchObject({ solicited: false, override: true, linkLayer: ours });
  });

  it.each([
    ["short", (frame: Uint8Array) => frame.subarray(0, 70)],
    ["not IPv6", (frame: Uint8Array) => frame.subarray(0, 10)],
    ["short", (frame: Uint8Array) => frame.subarray(0, 22)],
    ["short", (frame: Uint8Array) => frame.subarray(0, 85)],
    ["short", (frame: Uint8Array) => frame.with(19, 16)],
    ["not IPv6", (frame: Uint8Array) => frame.with(13, 0)],
    ["not IPv6", (frame: Uint8Array) => frame.with(14, 0x45)],
    ["not ICMPv6", (frame: Uint8Array) => frame.with(20, 17)],
    ["came through a router", (frame: Uint8Array) => frame.with(21, 254)],
    ["short", (frame: Uint8Array) => frame.with(19, 0x60)],
    ["not neighbour discovery", (frame: Uint8Array) => frame.with(54, 128)],
    ["not neighbour discovery", (frame: Uint8Array) => frame.with(55, 1)],
    ["wrong checksum", (frame: Uint8Array) => frame.with(56, 0)],
  ])("refuses: %s", (error, spoil) => expect(decodeNdp(spoil(SOLICITATION))).toEqual({ ok: false, error }));

  it.each([
    ["target is a group", { target: address("ff02::5").value }],
    ["broken probe", { source: 0n }],
    ["broken probe", { source: 0n, linkLayer: null, destination: ALL_NODES }],
    ["solicited, but sent to a group", { kind: "advertisement" as const, solicited: true, destination: ALL_NODES }],
    ["no station sent it", { linkLayer: octets(station("ff:ff:ff:ff:ff:ff")) }],
    ["no station sent it", { linkLayer: new Uint8Array(6) }],
    ["no station sent it", { linkLayer: null, ethernetSource: new Uint8Array(6) }],
  ])("refuses: %s", (error, change) => {
    const read = decodeNdp(SOLICITATION);
    if (!read.ok) throw new Error(read.error);
    const frame = encodeNdp({ ...read.value, ...change } as NdpMessage);
    expect(decodeNdp(frame)).toEqual({ ok: false, error });
  });

  it("refuses an option of no length, which would be read for ever", () => {
    const frame = SOLICITATION.with(79, 0);
    const packet = frame.subarray(14);
    packet.set([0, 0], 42);
    const sum = icmpv6Checksum(packet, 32);
    packet.set([sum >> 8, sum & 0xff], 42);
    expect(decodeNdp(frame)).toEqual({ ok: false, error: "broken option" });
  });

  it("reads any octets without an exception, with a right checksum too", () => {
    fc.assert(
      fc.property(nearly(SOLICITATION), fc.boolean(), (octetsRead, repair) => {
        const frame = octetsRead.slice();
        const packet = frame.subarray(14);
        const length = ((packet[4] ?? 0) << 8) | (packet[5] ?? 0);
        if (repair && packet.length >= 44 + length) {
          packet.set([0, 0], 42);
          const sum = icmpv6Checksum(packet, length);
          packet.set([sum >> 8, sum & 0xff], 42);
        }
        const read = decodeNdp(frame);
        if (read.ok) expect(decodeNdp(encodeNdp(read.value))).toEqual(read);
      }),
      { numRuns: 1_000 },
    );
  });

  /** With these options, and the length and the checksum that belong to them. */
  function withOptions(...options: readonly number[]): Uint8Array {
    const frame = Uint8Array.of(...SOLICITATION.subarray(0, 78), ...options);
    const packet = frame.subarray(14);
    packet[5] = 24 + options.length;
    packet.set([0, 0], 42);
    const sum = icmpv6Checksum(packet, 24 + options.length);
    packet.set([sum >> 8, sum & 0xff], 42);
    return frame;
  }

  it("takes the first link-layer address, and passes over options that it does not know", () => {
    const mac = [2, 0, 0, 0, 0, 0xaa];
    const [nonce, source, other] = [
      [14, 1, 1, 2, 3, 4, 5, 6],
      [1, 1, ...mac],
      [1, 1, 2, 0, 0, 0, 0, 0xbb],
    ];
    for (const options of [
      [nonce, source],
      [source, nonce],
      [source, other],
      [nonce, nonce, source, other],
    ]) {
      const read = decodeNdp(withOptions(...options.flat()));
      expect(read.ok && read.value.linkLayer).toEqual(Uint8Array.from(mac));
    }
    const without = decodeNdp(withOptions(...nonce));
    expect(without.ok && without.value.linkLayer).toBeNull();
    // An option that says to be longer than the packet is.
    for (const options of [
      [1, 2, ...mac],
      [...nonce, 1, 2, ...mac],
      [...nonce, 14],
    ])
      expect(decodeNdp(withOptions(...options))).toEqual({ ok: false, error: "broken option" });
  });

  it("reads each flag of an advertisement by itself", () => {
    const read = decodeNdp(SOLICITATION);
    if (!read.ok) throw new Error(read.error);
    for (const flag of ["router", "solicited", "override"]) {
      const flags = { router: false, solicited: false, override: false, [flag]: true };
      const frame = encodeNdp({ ...read.value, kind: "advertisement", destination: 1n, ...flags });
      expect(decodeNdp(frame)).toMatchObject({ value: flags });
    }
  });

  it("reads what lies behind the packet as padding", () => {
    const read = decodeNdp(SOLICITATION);
    expect(decodeNdp(Uint8Array.of(...SOLICITATION, 0xff, 0xff, 0xff))).toEqual(read);
    expect(decodeArp(Uint8Array.of(...ARP_REQUEST, 0xff)).ok).toBe(true);
  });

  it("asks in the group of the address", () => {
    expect(solicitedNodeGroup(address("2001:db8::12:3456").value)).toBe(address("ff02::1:ff12:3456").value);
  });
});

/** A frame with some octets changed, cut or longer, or none of it. */
function nearly(frame: Uint8Array): fc.Arbitrary<Uint8Array> {
  const change = fc.record({ at: fc.nat(frame.length - 1), to: fc.nat(255) });
  return fc.oneof(
    fc.uint8Array({ maxLength: 120 }),
    fc.tuple(fc.array(change, { maxLength: 4 }), fc.nat(frame.length + 8)).map(([changes, length]) => {
      const changed = new Uint8Array(Math.max(length, frame.length));
      changed.set(frame);
      for (const { at, to } of changes) changed[at] = to;
      return length < frame.length / 2 ? changed.subarray(0, length) : changed;
    }),
  );
}
