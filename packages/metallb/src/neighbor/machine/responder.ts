import type { Instant } from "../events.ts";
import { ARP_OPERATION, type ArpPacket, arpReply } from "../packet/arp.ts";
import { BROADCAST, isNoMac, sameMac } from "../packet/ethernet.ts";
import { type NdpMessage, ndpReply } from "../packet/ndp.ts";
import type { AddressTable } from "./address-table.ts";
import type { HeldAddress } from "./held-address.ts";
import type { Link } from "./link.ts";
import type { SourceLimiter } from "./source-limiter.ts";

export interface ResponderPorts {
  send(link: Link, frame: Uint8Array): void;
  /** Another station says, or by probing for one that is not answered shows, that it has or wants the address. */
  claimed(address: HeldAddress, link: Link, mac: Uint8Array, now: Instant): void;
  /** Its counters move. */
  asked(address: HeldAddress): void;
  /** One of this host's own interfaces, on the same LAN as the other. */
  isOwn(mac: Uint8Array): boolean;
}

/** Answers questions, and hears who else claims an address. A constant number of lookups per packet. */
export class Responder {
  malformed = 0;
  notAnnounced = 0;
  overRate = 0;
  private readonly table: AddressTable;
  private readonly limiter: SourceLimiter;
  private readonly ports: ResponderPorts;

  constructor(table: AddressTable, limiter: SourceLimiter, ports: ResponderPorts) {
    this.table = table;
    this.limiter = limiter;
    this.ports = ports;
  }

  arp(packet: ArpPacket, link: Link, now: Instant): void {
    const { operation, senderIp, senderMac, targetIp, ethernetDestination } = packet;
    const claimed = this.table.get4(senderIp);
    if (claimed) return this.claim(claimed, link, senderMac, now);
    if (operation !== ARP_OPERATION.request) return;
    const address = this.table.get4(targetIp);
    if (!address?.speaksOn(link)) {
      this.notAnnounced += 1;
      return;
    }
    if (senderIp === 0 && !address.isAnswered) return this.claim(address, link, senderMac, now);
    // Frames for other stations reach a card in promiscuous mode.
    const isForUs = sameMac(ethernetDestination, link.mac) || sameMac(ethernetDestination, BROADCAST);
    if (!isForUs || !address.isAnswered) return;
    address.requestsReceived += 1;
    this.ports.asked(address);
    if (!this.limiter.take(senderMac, now)) {
      this.overRate += 1;
      return;
    }
    address.responsesSent += 1;
    this.ports.send(link, arpReply(packet, link.mac));
  }

  ndp(message: NdpMessage, link: Link, now: Instant): void {
    const address = this.table.get6(message.target);
    if (!address?.speaksOn(link)) {
      this.notAnnounced += 1;
      return;
    }
    const asker = message.linkLayer ?? message.ethernetSource;
    if (message.kind === "advertisement") return this.claim(address, link, asker, now);
    if (!address.isAnswered) {
      if (message.source === 0n) this.claim(address, link, message.ethernetSource, now);
      return;
    }
    const isForUs = sameMac(message.ethernetDestination, link.mac) || message.ethernetDestination[0] === 0x33;
    if (!isForUs || sameMac(message.ethernetSource, link.mac)) return;
    address.requestsReceived += 1;
    this.ports.asked(address);
    if (!this.limiter.take(message.ethernetSource, now)) {
      this.overRate += 1;
      return;
    }
    address.responsesSent += 1;
    this.ports.send(link, ndpReply(message, link.mac));
  }

  private claim(address: HeldAddress, link: Link, mac: Uint8Array, now: Instant): void {
    if (!address.speaksOn(link) || isNoMac(mac) || this.ports.isOwn(mac)) return;
    this.ports.claimed(address, link, mac, now);
  }
}
