import { type Duration, type Instant, type Ip, type Mac, parseIp, parseMac } from "#net";
import {
  createNeighborEngine,
  type LinkSettings,
  type NeighborEffect,
  type NeighborEvent,
  type NeighborOptions,
} from "./index.ts";
import { type ArpPacket, arpProbe, decodeArp, encodeArp } from "./packet/arp.ts";
import { BROADCAST, ETHERTYPE, ethertypeOf } from "./packet/ethernet.ts";
import { multicastMac, solicitedNodeGroup } from "./packet/ipv6-address.ts";
import { decodeNdp, encodeNdp, type NdpMessage } from "./packet/ndp.ts";

export const address = (text: string): Ip => {
  const read = parseIp(text);
  if (!read.ok) throw new Error(read.error);
  return read.value;
};

export const station = (text: string): Mac => {
  const read = parseMac(text);
  if (!read.ok) throw new Error(read.error);
  return read.value;
};

export const octets = (mac: Mac): Uint8Array => Uint8Array.from(mac.split(":"), (pair) => Number.parseInt(pair, 16));
export const hex = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text.replaceAll(/\s/g, ""), "hex"));

export const OUR_MAC = station("02:00:00:00:00:01");
export const ASKER = station("02:00:00:00:00:99");
export const STRANGER = station("02:00:00:00:00:66");
export const LINK_LOCAL = address("fe80::1");

export const eth0: LinkSettings = {
  index: 2,
  name: "eth0",
  mac: OUR_MAC,
  usable: true,
  arp: true,
  linkLocal: LINK_LOCAL,
};

export const OPTIONS: NeighborOptions = { repeatEvery: null, onConflict: "report", fellows: [] };

const number = (text: string): number => Number(address(text).value);

export function arpRequest(target: string, more: Partial<ArpPacket> = {}): Uint8Array {
  const senderMac = octets(ASKER);
  return encodeArp({
    ethernetDestination: BROADCAST,
    ethernetSource: senderMac,
    operation: 1,
    senderMac,
    senderIp: number("192.0.2.99"),
    targetMac: new Uint8Array(6),
    targetIp: number(target),
    ...more,
  });
}

/** A stranger says that the address is its own. */
export const arpClaim = (claimed: string, mac = STRANGER): Uint8Array =>
  arpRequest(claimed, { senderMac: octets(mac), ethernetSource: octets(mac), senderIp: number(claimed) });

export const arpProbeFrom = (target: string, mac = STRANGER): Uint8Array => arpProbe(number(target), octets(mac));

export function solicitation(target: string, more: Partial<NdpMessage> = {}): Uint8Array {
  const value = address(target).value;
  const group = solicitedNodeGroup(value);
  return encodeNdp({
    kind: "solicitation",
    ethernetDestination: multicastMac(group),
    ethernetSource: octets(ASKER),
    source: address("fe80::99").value,
    destination: group,
    target: value,
    linkLayer: octets(ASKER),
    ...more,
  } as NdpMessage);
}

export type Sent = (ArpPacket & { readonly protocol: "arp" }) | (NdpMessage & { readonly protocol: "ndp" });

/** A frame that was sent, read back. */
export function readSent(frame: Uint8Array): Sent {
  const isArp = ethertypeOf(frame) === ETHERTYPE.arp;
  const arp = isArp ? decodeArp(frame) : null;
  if (arp?.ok) return { protocol: "arp", ...arp.value };
  const ndp = decodeNdp(frame);
  if (!ndp.ok) throw new Error(`not to be read: ${ndp.error}`);
  return { protocol: "ndp", ...ndp.value };
}

/** An engine on a virtual clock that wakes when it asks to be woken. */
export class Bench {
  readonly engine = createNeighborEngine();
  readonly log: { readonly at: Instant; readonly effect: NeighborEffect }[] = [];
  now = 0;
  private wakeAt: Instant | null = null;

  step(event: NeighborEvent): readonly NeighborEffect[] {
    const effects = this.engine.step(event, this.now);
    for (const effect of effects) {
      if (effect.kind === "wake") this.wakeAt = effect.at;
      else this.log.push({ at: this.now, effect });
    }
    return effects;
  }

  receive(frame: Uint8Array, link = 2): readonly Sent[] {
    return this.step({ kind: "received", link, frame }).flatMap((effect) =>
      effect.kind === "send" ? [readSent(effect.frame)] : [],
    );
  }

  announce(text: string, more: Partial<Extract<NeighborEvent, { kind: "announce" }>> = {}): void {
    const claim = more.claim ?? "at-once";
    this.step({ kind: "announce", holder: "default/web", address: address(text), interfaces: null, ...more, claim });
  }

  withdraw(text: string, release: "at-once" | "when-taken-over" = "at-once", holder = "default/web"): void {
    this.step({ kind: "withdraw", holder, address: address(text), release });
  }

  /** Lets time pass. */
  advance(milliseconds: Duration): void {
    const until = this.now + milliseconds;
    while (this.wakeAt !== null && this.wakeAt <= until) {
      this.now = Math.max(this.now, this.wakeAt);
      this.wakeAt = null;
      this.step({ kind: "time" });
    }
    this.now = until;
  }

  /** Instants at which frames left, and on which link. */
  sent(): readonly { readonly at: Instant; readonly link: number; readonly frame: Sent }[] {
    return this.log.flatMap(({ at, effect }) =>
      effect.kind === "send" ? [{ at, link: effect.link, frame: readSent(effect.frame) }] : [],
    );
  }

  states(): readonly string[] {
    return this.log.flatMap(({ effect }) => (effect.kind === "address" ? [effect.report.state] : []));
  }

  groups(): readonly string[] {
    return this.log.flatMap(({ effect }) =>
      effect.kind === "groups" ? [`${effect.link} +${effect.join.length} -${effect.leave.length}`] : [],
    );
  }
}

/** With an interface, and addresses that have been announced to the end. */
export function bench(...addresses: readonly string[]): Bench {
  const made = new Bench();
  made.step({ kind: "link-set", link: eth0 });
  for (const text of addresses) made.announce(text);
  made.advance(10_000);
  made.log.length = 0;
  return made;
}
