import { type Ip, ipFromBytes, type Mac, macFromBytes } from "#net";

// <linux/rtnetlink.h> and <linux/if.h>; fields are in the host's order, which is little-endian here.
const NLMSG = { header: 16, error: 2, done: 3 } as const;
const RTM = { newLink: 16, deleteLink: 17, getLink: 18, newAddress: 20, deleteAddress: 21, getAddress: 22 } as const;
const IFLA = { address: 1, name: 3, master: 10 } as const;
const IFA = { address: 1, local: 2, flags: 8 } as const;
const NLM_F_REQUEST_DUMP = 0x301;
const IFF = { up: 1, broadcast: 2, loopback: 8, running: 0x40, noArp: 0x80 } as const;
const IFA_F = { dadFailed: 0x08, tentative: 0x40 } as const;
const AF_UNSPEC = 0;

/** An interface as the kernel tells of it. */
export interface KernelLink {
  readonly kind: "link";
  readonly index: number;
  readonly name: string;
  /** Null: it has none of six octets. */
  readonly mac: Mac | null;
  readonly up: boolean;
  /** It has a carrier, as far as its driver knows. */
  readonly running: boolean;
  readonly broadcast: boolean;
  readonly loopback: boolean;
  readonly noArp: boolean;
  /** It is part of a bridge, a bond or a VRF. */
  readonly enslaved: boolean;
}

export interface KernelAddress {
  readonly kind: "address";
  readonly index: number;
  readonly address: Ip;
  readonly prefixLength: number;
  /** Not yet, or not, usable: duplicate address detection runs or failed. */
  readonly tentative: boolean;
}

export type KernelNews =
  | KernelLink
  | { readonly kind: "link-gone"; readonly index: number }
  | KernelAddress
  | { readonly kind: "address-gone"; readonly index: number; readonly address: Ip }
  /** The end of the answer to a dump. */
  | { readonly kind: "done"; readonly sequence: number }
  | { readonly kind: "refused"; readonly sequence: number };

/** Asks for all links or all addresses. */
export function dumpRequest(what: "links" | "addresses", sequence: number): Buffer {
  const buffer = Buffer.alloc(NLMSG.header + 16);
  buffer.writeUInt32LE(buffer.length, 0);
  buffer.writeUInt16LE(what === "links" ? RTM.getLink : RTM.getAddress, 4);
  buffer.writeUInt16LE(NLM_F_REQUEST_DUMP, 6);
  buffer.writeUInt32LE(sequence, 8);
  return buffer;
}

/** Reads one datagram. What is not known, or cut, is passed over. */
export function readNetlink(datagram: Uint8Array): readonly KernelNews[] {
  const news: KernelNews[] = [];
  const view = new DataView(datagram.buffer, datagram.byteOffset, datagram.length);
  for (let at = 0; at + NLMSG.header <= datagram.length; ) {
    const length = view.getUint32(at, true);
    if (length < NLMSG.header || at + length > datagram.length) break;
    const type = view.getUint16(at + 4, true);
    const sequence = view.getUint32(at + 8, true);
    const body = new DataView(view.buffer, view.byteOffset + at + NLMSG.header, length - NLMSG.header);
    const told = readMessage(type, sequence, body);
    if (told !== null) news.push(told);
    at += (length + 3) & ~3;
  }
  return news;
}

function readMessage(type: number, sequence: number, body: DataView): KernelNews | null {
  switch (type) {
    case NLMSG.done:
      return { kind: "done", sequence };
    case NLMSG.error:
      return { kind: "refused", sequence };
    case RTM.newLink:
    case RTM.deleteLink:
      return readLink(body, type === RTM.deleteLink);
    case RTM.newAddress:
    case RTM.deleteAddress:
      return readAddress(body, type === RTM.deleteAddress);
    default:
      return null;
  }
}

/** struct ifinfomsg and its attributes. A bridge tells of its ports under its own family: not of links. */
function readLink(body: DataView, gone: boolean): KernelNews | null {
  if (body.byteLength < 16 || body.getUint8(0) !== AF_UNSPEC) return null;
  const index = body.getInt32(4, true);
  if (gone) return { kind: "link-gone", index };
  const flags = body.getUint32(8, true);
  let name = "";
  let mac: Mac | null = null;
  let enslaved = false;
  for (const { type, value } of attributes(body, 16)) {
    if (type === IFLA.name) name = textOf(value);
    else if (type === IFLA.address) {
      const read = macFromBytes(value);
      mac = read.ok ? read.value : null;
    } else if (type === IFLA.master) enslaved = value.some((octet) => octet !== 0);
  }
  return {
    kind: "link",
    index,
    name,
    mac,
    up: (flags & IFF.up) !== 0,
    running: (flags & IFF.running) !== 0,
    broadcast: (flags & IFF.broadcast) !== 0,
    loopback: (flags & IFF.loopback) !== 0,
    noArp: (flags & IFF.noArp) !== 0,
    enslaved,
  };
}

/** struct ifaddrmsg and its attributes. */
function readAddress(body: DataView, gone: boolean): KernelNews | null {
  if (body.byteLength < 8) return null;
  const prefixLength = body.getUint8(1);
  let flags = body.getUint8(2);
  const index = body.getInt32(4, true);
  let address: Uint8Array | null = null;
  let local: Uint8Array | null = null;
  for (const { type, value } of attributes(body, 8)) {
    if (type === IFA.address) address = value;
    else if (type === IFA.local) local = value;
    else if (type === IFA.flags && value.length === 4)
      flags = new DataView(value.buffer, value.byteOffset, 4).getUint32(0, true);
  }
  // On a point-to-point link the address is the peer's, and the local one is ours.
  const read = ipFromBytes(local ?? address ?? new Uint8Array());
  if (!read.ok) return null;
  if (gone) return { kind: "address-gone", index, address: read.value };
  const tentative = (flags & (IFA_F.tentative | IFA_F.dadFailed)) !== 0;
  return { kind: "address", index, address: read.value, prefixLength, tentative };
}

function* attributes(body: DataView, from: number): Generator<{ readonly type: number; readonly value: Uint8Array }> {
  for (let at = from; at + 4 <= body.byteLength; ) {
    const length = body.getUint16(at, true);
    if (length < 4 || at + length > body.byteLength) return;
    yield {
      type: body.getUint16(at + 2, true) & 0x3fff,
      value: new Uint8Array(body.buffer, body.byteOffset + at + 4, length - 4),
    };
    at += (length + 3) & ~3;
  }
}

function textOf(value: Uint8Array): string {
  const end = value.indexOf(0);
  return Buffer.from(end < 0 ? value : value.subarray(0, end)).toString("utf8");
}
