import { type Mac, macFromBytes } from "#net";

/** Octets of an Ethernet II header: destination, source, type. */
export const ETHERNET_HEADER = 14;
export const ETHERTYPE = { arp: 0x0806, ipv6: 0x86dd } as const;

export const BROADCAST: Uint8Array = Uint8Array.of(0xff, 0xff, 0xff, 0xff, 0xff, 0xff);
const NO_MAC: Uint8Array = new Uint8Array(6);

export const sameMac = (a: Uint8Array, b: Uint8Array): boolean =>
  a[5] === b[5] && a[4] === b[4] && a[3] === b[3] && a[2] === b[2] && a[1] === b[1] && a[0] === b[0];

/** A group or broadcast address (IEEE 802, the lowest bit of the first octet): no station has it. */
export const isGroupMac = (mac: Uint8Array): boolean => ((mac[0] ?? 0) & 1) === 1;

export const isNoMac = (mac: Uint8Array): boolean => sameMac(mac, NO_MAC);

export const ethertypeOf = (frame: Uint8Array): number => ((frame[12] ?? 0) << 8) | (frame[13] ?? 0);

export const macText = (mac: Uint8Array): Mac => {
  const read = macFromBytes(mac);
  return (read.ok ? read.value : "00:00:00:00:00:00") as Mac;
};
