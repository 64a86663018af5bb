import { type Ip, ip, macToBytes } from "#net";
import type { LinkIndex, LinkSettings } from "../events.ts";
import { solicitedNodeGroup } from "../packet/ipv6-address.ts";

/** An interface as it is now, and the groups that were joined on it. */
export class Link {
  readonly index: LinkIndex;
  name = "";
  usable = false;
  arp = false;
  mac: Uint8Array = new Uint8Array(6);
  linkLocal: bigint | null = null;
  /** IPv6 addresses that are asked for here, and how many of them share a group. */
  private readonly wanted = new Set<bigint>();
  private readonly groups = new Map<bigint, number>();
  /** All that was set last, in one. */
  private known = "";
  /** What was queued for this link before it last changed is void. */
  epoch = 0;

  constructor(index: LinkIndex) {
    this.index = index;
  }

  /** Gives whether neighbours have to be told again: it came up, or has another name, MAC or source address. */
  set(settings: LinkSettings): boolean {
    const { name, mac, usable, arp } = settings;
    const linkLocal = settings.linkLocal?.value ?? null;
    const now = JSON.stringify([name, mac, usable, arp, `${linkLocal}`]);
    this.name = name;
    this.mac = macToBytes(mac);
    this.usable = usable;
    this.arp = arp;
    this.linkLocal = linkLocal;
    if (now === this.known) return false;
    this.known = now;
    this.epoch += 1;
    return usable;
  }

  /** The interface is gone: what was queued for it is void. */
  remove(): void {
    this.usable = false;
  }

  /** Gives the group when it is the first of its addresses that is wanted here. Idempotent. */
  want(address: bigint): Ip | null {
    if (this.wanted.has(address)) return null;
    this.wanted.add(address);
    const group = solicitedNodeGroup(address);
    const count = this.groups.get(group) ?? 0;
    this.groups.set(group, count + 1);
    return count === 0 ? ip(6, group) : null;
  }

  /** Gives the group when the last of its addresses is gone. Idempotent. */
  drop(address: bigint): Ip | null {
    if (!this.wanted.delete(address)) return null;
    const group = solicitedNodeGroup(address);
    const count = this.groups.get(group) ?? 1;
    if (count > 1) this.groups.set(group, count - 1);
    else this.groups.delete(group);
    return count > 1 ? null : ip(6, group);
  }
}
