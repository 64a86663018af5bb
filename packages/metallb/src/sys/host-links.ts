import { type Ip, isLinkLocal6, type Mac } from "#net";
import { dumpRequest, type KernelLink, type KernelNews, readNetlink } from "./netlink-messages.ts";
import {
  AF_NETLINK,
  bindSocket,
  closeSocket,
  ENOBUFS,
  openSocket,
  receive,
  SOCK_RAW,
  SystemCallError,
  sendNow,
  type Watch,
  watchReadable,
} from "./packet-calls.ts";

const NETLINK_ROUTE = 0;
/** RTMGRP_LINK, RTMGRP_IPV4_IFADDR, RTMGRP_IPV6_IFADDR. */
const GROUPS = 0x1 | 0x10 | 0x100;

export interface HostAddress {
  readonly address: Ip;
  readonly prefixLength: number;
}

/** A network interface of this host. */
export interface HostLink {
  readonly index: number;
  readonly name: string;
  readonly mac: Mac | null;
  readonly up: boolean;
  readonly running: boolean;
  readonly broadcast: boolean;
  readonly loopback: boolean;
  readonly noArp: boolean;
  readonly enslaved: boolean;
  /** Those that are usable: not while duplicate address detection runs. */
  readonly addresses: readonly HostAddress[];
  readonly linkLocal: Ip | null;
}

export interface HostLinksListener {
  /** All that is there was told once. */
  complete(): void;
  /** An interface as it is now; null: it is gone. Told again only when it differs. */
  changed(index: number, link: HostLink | null): void;
  failed(reason: string): void;
}

interface Known {
  link: KernelLink | null;
  readonly addresses: Map<string, HostAddress & { readonly tentative: boolean }>;
  told: string;
  /** The dump in which it was last seen. */
  seen: number;
}

/** Watches the interfaces by netlink: news come at once, and nothing is polled. Needs no privilege. */
export class HostLinks {
  private readonly listener: HostLinksListener;
  private readonly fd: number;
  private readonly watch: Watch;
  private readonly buffer = Buffer.alloc(65_536);
  private readonly known = new Map<number, Known>();
  private dump = 0;
  private sequence = 0;
  /** What is being listed; null: nothing. */
  private listing: "links" | "addresses" | null = null;
  /** News were lost while all was being listed: once more. */
  private isStale = false;
  private isComplete = false;

  constructor(listener: HostLinksListener) {
    this.listener = listener;
    this.fd = openSocket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
    const address = Buffer.alloc(12);
    address.writeUInt16LE(AF_NETLINK, 0);
    address.writeUInt32LE(GROUPS, 8);
    bindSocket(this.fd, address);
    this.watch = watchReadable(this.fd, () => this.read());
    this.list("links");
  }

  close(): void {
    this.watch.close();
    closeSocket(this.fd);
  }

  /** Links first, then addresses: the kernel answers one at a time. */
  private list(what: "links" | "addresses"): void {
    this.listing = what;
    if (what === "links") this.dump += 1;
    this.sequence += 1;
    sendNow(this.fd, dumpRequest(what, this.sequence));
  }

  private read(): void {
    const touched = new Set<number>();
    try {
      for (let i = 0; i < 64; i += 1) {
        const count = receive(this.fd, this.buffer);
        if (count === null) break;
        for (const news of readNetlink(this.buffer.subarray(0, count))) this.take(news, touched);
      }
    } catch (error) {
      // The kernel had to drop news: all is asked for again.
      if (error instanceof SystemCallError && error.errno === ENOBUFS) {
        if (this.listing === null) this.list("links");
        else this.isStale = true;
      } else this.listener.failed(error instanceof Error ? error.message : String(error));
    }
    for (const index of touched) this.tell(index);
  }

  private take(news: KernelNews, touched: Set<number>): void {
    if (news.kind === "done" || news.kind === "refused") return this.answered(news.sequence, touched);
    touched.add(news.index);
    const known = this.entry(news.index);
    if (news.kind === "link") {
      known.link = news;
      known.seen = this.dump;
    } else if (news.kind === "link-gone") this.forget(known);
    else if (news.kind === "address-gone") known.addresses.delete(keyOf(news.address));
    else known.addresses.set(keyOf(news.address), news);
  }

  private answered(sequence: number, touched: Set<number>): void {
    if (sequence !== this.sequence || this.listing === null) return;
    if (this.listing === "links") {
      for (const known of this.known.values()) {
        if (known.seen !== this.dump) this.forget(known);
        known.addresses.clear();
      }
      return this.list("addresses");
    }
    this.listing = null;
    for (const index of this.known.keys()) touched.add(index);
    if (this.isStale) this.list("links");
    this.isStale = false;
    if (this.isComplete || this.listing !== null) return;
    for (const index of this.known.keys()) this.tell(index);
    this.isComplete = true;
    this.listener.complete();
  }

  private forget(known: Known): void {
    known.link = null;
    known.addresses.clear();
  }

  private entry(index: number): Known {
    let known = this.known.get(index);
    if (!known) {
      known = { link: null, addresses: new Map(), told: "", seen: this.dump };
      this.known.set(index, known);
    }
    return known;
  }

  /** Nothing while all is being listed: an interface must not seem to have lost its addresses meanwhile. */
  private tell(index: number): void {
    if (this.listing !== null || !this.known.has(index)) return;
    const known = this.entry(index);
    const link = known.link === null ? null : asHostLink(known.link, [...known.addresses.values()]);
    const text =
      link === null ? "" : JSON.stringify(link, (_, value) => (typeof value === "bigint" ? `${value}` : value));
    if (link === null) this.known.delete(index);
    if (text === known.told) return;
    known.told = text;
    this.listener.changed(index, link);
  }
}

const keyOf = ({ family, value }: Ip): string => `${family}/${value}`;

function asHostLink(link: KernelLink, all: readonly (HostAddress & { readonly tentative: boolean })[]): HostLink {
  const addresses = all
    .filter(({ tentative }) => !tentative)
    .map(({ address, prefixLength }) => ({ address, prefixLength }));
  const { index, name, mac, up, running, broadcast, loopback, noArp, enslaved } = link;
  const linkLocal = addresses.find(({ address }) => isLinkLocal6(address))?.address ?? null;
  return { index, name, mac, up, running, broadcast, loopback, noArp, enslaved, addresses, linkLocal };
}
