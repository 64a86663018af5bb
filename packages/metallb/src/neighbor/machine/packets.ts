import { ARP_OPERATION, arpProbe, gratuitousArp } from "../packet/arp.ts";
import { dadSolicitation, unsolicitedNa } from "../packet/ndp.ts";
import type { HeldAddress } from "./held-address.ts";
import type { Link } from "./link.ts";

/** What one round of gratuitous packets for an address is on a link. */
export function gratuitousFrames({ ip }: HeldAddress, link: Link): readonly Uint8Array[] {
  if (ip.family === 6) return [unsolicitedNa(ip.value, link.mac)];
  const address = Number(ip.value);
  return [
    gratuitousArp(ARP_OPERATION.request, address, link.mac),
    gratuitousArp(ARP_OPERATION.reply, address, link.mac),
  ];
}

export const probeFrame = ({ ip }: HeldAddress, link: Link): Uint8Array =>
  ip.family === 4 ? arpProbe(Number(ip.value), link.mac) : dadSolicitation(ip.value, link.mac);
